"""The composition root: what the service is given to sign pictures with, and what actions speak through."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.notification import Reading
from app import build_actions, configure, create_app
from outbound import Http
from pipeline import Pictures, Pipeline
from tests.samples import model_alert

NOW = datetime.now(UTC)
READING = Reading("memory", "memory", 1.0, "bytes", NOW, "up", drawn=True)


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
