"""The composition root: what it makes of a configuration, and what of that a reload leaves as it is."""

import stat
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

import enrich
from alerts.findings import Reading
from app import create_app
from building import build_actions, configure
from outbound import Http
from pipeline import Pictures, Pipeline, Running
from tests.far_sides.http_server import HttpServer
from tests.samples import model_alert
from tests.service import eventually

NOW = datetime.now(UTC)
READING = Reading("memory", "memory", 1.0, "bytes", NOW, "up", drawn=True)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """What an application made of the logs is not for the tests that come after."""
    yield
    structlog.reset_defaults()


def pictures(**variables: str) -> Pictures:
    """Returns the pictures of a service in this environment, which was never started."""
    made = create_app({"PROMETHEUS_URL": "http://prometheus.example", "LOG_LEVEL": "ERROR", **variables})
    pipeline: Pipeline = made.extensions["pipeline"]
    pipeline.store._engine.dispose()
    return pipeline.pictures


def token(of: Pictures) -> str:
    """Returns the token of a reading."""
    shown = of.of(model_alert(), READING)
    assert shown is not None
    return of.token(shown)


def test_the_key_is_kept_beside_sqlites_file(tmp_path: Path) -> None:
    """All workers have it, and after a restart, too; another database's is another."""
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("a", "a", "b")]
    first, again, other = (token(pictures(DATABASE_URL=url)) for url in urls)
    assert first == again
    assert first != other
    assert 0o600 == stat.S_IMODE((tmp_path / "a.db-charts-key").stat().st_mode)


def test_the_key_may_be_set(tmp_path: Path) -> None:
    """Replicas share it; it is good for as long as what was told is kept."""
    key = {"CHARTS_KEY": "0123456789abcdef0123456789abcdef"}
    one = pictures(DATABASE_URL=f"sqlite:///{tmp_path / 'one'}", **key)
    two = pictures(DATABASE_URL=f"sqlite:///{tmp_path / 'two'}", **key)
    assert two.find(token(one), NOW + timedelta(days=30)) is not None
    assert two.find(token(one), NOW + timedelta(days=31)) is None
    assert not list(tmp_path.glob("*charts-key*"))


def test_on_postgresql_there_are_no_pictures_without_a_key(
    postgresql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each replica would have its own; so it is said, and everything else works."""
    of = pictures(DATABASE_URL=postgresql_url, LOG_LEVEL="WARNING", LOG_FORMAT="json")
    assert "web.charts_key is not set, which all replicas must share" == of.missing
    assert "there are no pictures" in "".join(capsys.readouterr())
    assert "" == pictures(DATABASE_URL=postgresql_url, CHARTS_KEY="k" * 32).missing


CONNECTIONS = """
global: {http_config: {proxy_url: 'http://proxy'}}
route: {receiver: a}
receivers:
- name: a
  slack_configs:
  - {api_url: 'https://a.example'}
  - {api_url: 'https://b.example'}
  - {api_url: 'https://b.example', http_config: {}}
  log_configs: [{}]
"""


def test_actions_with_the_same_http_config_share_connections(tmp_path: Path) -> None:
    """One that has none has those of everybody."""
    file = tmp_path / "f.yml"
    file.write_text(CONNECTIONS)
    shared = Http()
    with_global = build_actions(configure({}, file), shared)
    file.write_text(CONNECTIONS.replace("global", "#"))
    without = build_actions(configure({}, file), shared)

    def connections(made: object) -> object:
        return vars(made)["_http"]

    first, second, third = (connections(with_global[f"a/slack/{at}"]) for at in range(3))
    assert first is second
    assert first is not third
    assert third is not shared
    assert [True, True, False] == [connections(without[f"a/slack/{at}"]) is shared for at in range(3)]


RECEIVERS = """
route: {receiver: one}
receivers:
- {name: one, slack_configs: [{api_url: 'https://hooks.example/%s'}]}
- {name: two, log_configs: [{}]}
"""
PROMETHEUS = "prometheus: [{name: a, url: '%s', matchers: ['cluster=\"a\"']}, {name: b, url: '%s'}]\n"
KUBERNETES = "enrichment: {cache: %s, kubernetes: {kubeconfig: %s}}\n"


@dataclass
class Reloading:
    """A service in one process, on a file that is written anew."""

    folder: Path

    def __post_init__(self) -> None:
        self.file = self.folder / "config.yaml"
        self.variables = {
            "CONFIG_FILE": str(self.file),
            "DATABASE_URL": f"sqlite:///{self.folder / 'a.db'}",
            "LOG_LEVEL": "ERROR",
        }

    def start(self, yaml: str) -> None:
        """Makes it."""
        self.file.write_text(yaml)
        self.web = create_app(self.variables)

    def load(self, yaml: str) -> Running:
        """Has another taken, and returns what runs then."""
        self.file.write_text(yaml)
        loaded = self.web.extensions["reloader"].reload()
        assert "" == loaded.error
        return self.running

    @property
    def running(self) -> Running:
        """What runs."""
        running: Running = self.web.extensions["pipeline"].running
        return running


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[Reloading]:
    """A service that is not made yet."""
    service = Reloading(tmp_path)
    yield service
    service.web.extensions["pipeline"].store._engine.dispose()


def test_a_reload_keeps_what_is_set_as_before(reloading: Reloading) -> None:
    """Actions, Prometheuses, enrichers and pictures are the very same, with their connections, breakers and caches."""
    reloading.start(PROMETHEUS % ("http://a", "http://b") + RECEIVERS % "x")
    before = reloading.running
    after = reloading.load(PROMETHEUS % ("http://a", "http://b") + RECEIVERS % "x" + "delivery: {retry_for: 1h}\n")
    assert before is not after
    assert before.sources is after.sources
    assert before.pictures is after.pictures
    assert all(after.actions[name] is action for name, action in before.actions.items())


def test_a_reload_keeps_its_alertmanager(reloading: Reloading) -> None:
    """As long as it is set as before; without one there is none."""
    yaml = "alertmanager: {url: '%s', headers: {X-Scope-OrgID: team}}\n"
    reloading.start(yaml % "http://a" + RECEIVERS % "x")
    before = reloading.running.alertmanager
    assert before is not None
    assert "http://a/#/silences/1" == before.page("1")
    assert before is reloading.load(yaml % "http://a" + RECEIVERS % "y").alertmanager
    after = reloading.load(yaml % "http://b" + RECEIVERS % "y").alertmanager
    assert after is not None
    assert "http://b/#/silences/1" == after.page("1")
    assert reloading.load(RECEIVERS % "y").alertmanager is None


def test_a_reload_makes_what_is_set_otherwise(reloading: Reloading) -> None:
    """Only what is: a receiver's secret, one Prometheus' URL; and what is new, with nothing left of what is gone."""
    reloading.start(PROMETHEUS % ("http://a", "http://b") + RECEIVERS % "x")
    before = reloading.running
    after = reloading.load(PROMETHEUS % ("http://c", "http://b") + RECEIVERS % "y")
    assert before.actions["one/slack/0"] is not after.actions["one/slack/0"]
    assert before.actions["two/log/0"] is after.actions["two/log/0"]
    assert [False, True] == [
        one is other for one, other in zip(before.sources.prometheuses, after.sources.prometheuses, strict=True)
    ]
    assert before.pictures is not after.pictures
    last = reloading.load("route: {receiver: two}\nreceivers: [{name: two, log_configs: [{}]}]\n")
    assert (["two/log/0"], []) == (list(last.actions), list(last.sources.prometheuses))


def test_a_reload_changes_what_is_looked_up(reloading: Reloading) -> None:
    """Enrichers that are named, queries of one's own, and for how long an answer is good."""
    reloading.start(PROMETHEUS % ("http://a", "http://b") + RECEIVERS % "x")
    before = reloading.running
    query = "enrichment: {cache: 1s, enrichers: [memory], queries: [{name: mine, promql: up}]}\n"
    after = reloading.load(query + PROMETHEUS % ("http://a", "http://b") + RECEIVERS % "x")
    assert ["memory", "mine"] == [each.name for each in after.sources.enrichers]
    assert not any(each in before.sources.prometheuses for each in after.sources.prometheuses)


def test_a_reload_reads_enrichers_of_ones_own_anew(reloading: Reloading) -> None:
    """They are no part of the file: who changed one asks for a reload."""
    folder = reloading.folder / "own"
    folder.mkdir()
    reloading.variables["ENRICHERS_PATH"] = str(folder)
    code = "class Enricher:\n    name = 'mine'\n    title = '{}'\n    def questions(self, alerts): return {{}}\n"
    code += "    def read(self, alert, answers): return ()\n"
    (folder / "mine.py").write_text(code.format("first"))
    reloading.start(RECEIVERS % "x")
    (folder / "mine.py").write_text(code.format("another"))
    after = reloading.load(RECEIVERS % "x")
    assert ["another"] == [each.title for each in after.sources.enrichers if each.name == "mine"]


def test_a_reload_keeps_kubernetes_if_it_is_set_as_before(reloading: Reloading) -> None:
    """With its threads and what it has kept; set otherwise it is another."""
    reloading.start(KUBERNETES % ("15s", "one") + RECEIVERS % "x")
    before = reloading.running.sources.given.kubernetes
    assert before is not None
    queries = "enrichment: {cache: 15s, kubernetes: {kubeconfig: one}, queries: [{name: mine, promql: up}]}\n"
    assert before is reloading.load(queries + RECEIVERS % "x").sources.given.kubernetes
    assert before is not reloading.load(KUBERNETES % ("15s", "two") + RECEIVERS % "x").sources.given.kubernetes
    assert reloading.load(RECEIVERS % "x").sources.given.kubernetes is None


def test_what_nobody_uses_any_more_is_closed(reloading: Reloading) -> None:
    """A Prometheus that is gone from the configuration: its connections end with it, and it with the last who asks."""
    with HttpServer() as far_side:
        far_side.answer_next(200, b'{"status":"success","data":{"resultType":"vector","result":[]}}')
        reloading.start(PROMETHEUS % (far_side.base_url, "http://b") + RECEIVERS % "x")
        asked: enrich.Prometheus | None = reloading.running.sources.prometheuses[0]
        assert asked is not None
        asked.query("up", NOW, 5)
        gone = weakref.ref(asked)
        sockets = open_sockets()
        reloading.load(RECEIVERS % "x")
        # Somebody still asks it.
        assert gone() is not None
        assert sockets == open_sockets()
        asked = None
        assert gone() is None
        eventually(lambda: open_sockets() < sockets, "the connection to be closed")


def open_sockets() -> int:
    """How many this process has."""
    found = (each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return sum(str(each).startswith("socket:") for each in found)
