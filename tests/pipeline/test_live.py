"""Whether an alert fires just now: asked of the database, a real Alertmanager and a real Prometheus."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from alertmanager import Alertmanager
from alerts.model import Alert
from enrich import Prometheus
from outbound import Http
from outbox.store import Store
from pipeline.live import Live, live
from pipeline.running import Running, Sources
from tests.far_sides import trouble
from tests.far_sides.alertmanager import Alertmanager as AlertmanagerServer
from tests.far_sides.exporter import Exporter
from tests.far_sides.prometheus import Prometheus as PrometheusServer
from tests.pipeline.house import House, fires, over
from tests.pipeline.parts import Clock, Failing, configuration, started
from tests.service import eventually

KEY = "a"
ROUTES = """
route: {receiver: nobody}
receivers: [{name: nobody}]
inhibit_rules: [{source_matchers: [alertname="Down"], target_matchers: [alertname="Wet"], equal: [queue]}]
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is to ask."""

    exporter: Exporter
    prometheus: PrometheusServer
    alertmanager: AlertmanagerServer

    def depth(self, queue: str, depth: float) -> None:
        """Sets how deep a queue is, and waits until Prometheus knows."""
        self.exporter.set("depth", {"queue": queue}, depth)
        self.prometheus.wait_until(f'depth{{queue="{queue}"}} == {depth}', timeout_seconds=20)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Prometheus and an Alertmanager, which know nothing of each other."""
    folder = tmp_path_factory.mktemp("live")
    with (
        Exporter() as exporter,
        AlertmanagerServer(folder, config_yaml=ROUTES) as alertmanager,
        PrometheusServer(folder, [exporter.url]) as prometheus,
    ):
        yield Cluster(exporter, prometheus, alertmanager)


_queues = count()


@pytest.fixture
def queue() -> str:
    """A name of the test's own."""
    return f"q{next(_queues)}"


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> Iterator[House]:
    """The service, where a node that is down inhibits what is wet on it; it runs."""
    made = House(tmp_path, store, clock)
    with started(made.built()):
        yield made


def wet(queue: str, expression: str = "depth > 5") -> dict[str, Any]:
    """An alert as it is posted, whose rule asks how deep a queue is."""
    url = f"http://127.0.0.1:1/graph?g0.expr={quote(f'max by (queue) ({expression})')}" if expression else ""
    return {**fires("Wet", queue=queue), "generatorURL": url}


def told(house: House, posted: dict[str, Any]) -> Alert:
    """Has the service hear of an alert; returns it as it knows it."""
    house.tell(KEY, posted)
    (alert,) = house.store.firing(KEY, 10)
    return alert


def running(folder: Path, prometheus: str = "", alertmanager: str = "") -> Running:
    """What runs with these to ask, by their URLs."""
    http = Http()
    sources = Sources(prometheuses=[Prometheus(prometheus, http)] if prometheus else [])
    asked = Alertmanager(alertmanager, http) if alertmanager else None
    return Running(configuration(folder), {}, sources, alertmanager=asked)


def everybody(folder: Path, cluster: Cluster) -> Running:
    """What runs with all of them to ask."""
    return running(folder, cluster.prometheus.url, cluster.alertmanager.url)


def test_fires_when_all_say_so(house: House, cluster: Cluster, queue: str, tmp_path: Path) -> None:
    """Each that is configured is asked, and one that says that it is over is enough."""
    alert = told(house, wet(queue))
    cluster.depth(queue, 9)
    cluster.alertmanager.post_alerts([{"labels": alert.labels}])
    asked = everybody(tmp_path, cluster)
    assert Live(True) == live(alert, KEY, house.store, asked, 5)
    cluster.depth(queue, 1)
    assert Live(False, "its expression does not hold any more", over=True) == live(alert, KEY, house.store, asked, 5)
    cluster.depth(queue, 9)
    ended = datetime.now(UTC) - timedelta(seconds=1)
    cluster.alertmanager.post_alerts([{"labels": alert.labels, "endsAt": ended.isoformat()}])
    why = "it does not fire at Alertmanager any more; its expression holds all the same"
    assert Live(False, why) == live(alert, KEY, house.store, asked, 5)
    by_alertmanager = running(tmp_path, alertmanager=cluster.alertmanager.url)
    gone = Live(False, "it does not fire at Alertmanager any more", over=True)
    assert gone == live(alert, KEY, house.store, by_alertmanager, 5)


def test_the_database_alone_may_say_so(house: House, queue: str, tmp_path: Path) -> None:
    """Where nothing else is configured, or the alert has no expression."""
    alert = told(house, wet(queue, ""))
    assert Live(True) == live(alert, KEY, house.store, running(tmp_path), 5)
    assert Live(True) == live(alert, KEY, house.store, running(tmp_path, "http://127.0.0.1:1"), 5)
    house.tell(KEY, {**over("Wet", queue=queue), "generatorURL": ""})
    assert Live(False, "it is resolved", over=True) == live(alert, KEY, house.store, running(tmp_path), 5)


def test_what_is_over_here_may_hold_all_the_same(house: House, cluster: Cluster, queue: str, tmp_path: Path) -> None:
    """It is not acted on, nor is it said to be fixed: its rule may only wait before it fires again."""
    alert = told(house, wet(queue))
    cluster.depth(queue, 9)
    house.tell(KEY, over("Wet", queue=queue))
    why = "it is resolved; its expression holds all the same"
    assert Live(False, why) == live(alert, KEY, house.store, running(tmp_path, cluster.prometheus.url), 5)


def test_another_firing_is_another(house: House, queue: str, tmp_path: Path) -> None:
    """What began anew is not what was to be dealt with, and does not say that it was fixed."""
    alert = told(house, wet(queue))
    house.tell(KEY, {**wet(queue), "startsAt": "2026-03-02T07:31:58.339Z"})
    assert Live(False, "it began anew at 07:31:58 UTC") == live(alert, KEY, house.store, running(tmp_path), 5)


def test_nothing_is_known_of_another_group(house: House, queue: str, tmp_path: Path) -> None:
    """The row is the group's."""
    alert = told(house, wet(queue))
    unknown = Live(None, "nothing is known of it any more")
    assert unknown == live(alert, "another", house.store, running(tmp_path), 5)


def test_is_not_acted_on_where_it_is_inhibited(house: House, cluster: Cluster, queue: str, tmp_path: Path) -> None:
    """For the rule's own destination, or anywhere where none is named; it is over when its expression says so."""
    house.tell("s", fires("Down"))
    alert = told(house, wet(queue))
    cluster.depth(queue, 9)
    asked = running(tmp_path, cluster.prometheus.url)
    for destination in ("team/log/0", None):
        found = live(alert, KEY, house.store, asked, 5, destination=destination)
        assert (False, False) == (found.firing, found.over)
        assert found.why.startswith("it is inhibited by down, as alert ")
    assert Live(True) == live(alert, KEY, house.store, asked, 5, destination="fix/hook/0")
    cluster.depth(queue, 1)
    assert live(alert, KEY, house.store, asked, 5, destination="team/log/0").over


def test_is_not_acted_on_where_it_lapsed(house: House, clock: Clock, queue: str, tmp_path: Path) -> None:
    """Nobody said that it is over."""
    alert = told(house, wet(queue))
    clock.pass_seconds(10 * 86_400)
    house.pipeline._tidy.lapse()
    eventually(lambda: not house.store.firing(KEY, 1), "it to lapse")
    lapsed = Live(False, "it was not heard of any more, and is taken as over")
    assert lapsed == live(alert, KEY, house.store, running(tmp_path), 5)


def test_is_not_acted_on_where_alertmanager_tells_nobody(
    house: House, cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    """It is inhibited there, or silenced: not over by that."""
    alert = told(house, wet(queue))
    asked = running(tmp_path, alertmanager=cluster.alertmanager.url)
    down = {"labels": {"alertname": "Down", "queue": queue}}
    cluster.alertmanager.post_alerts([{"labels": alert.labels}, down])
    assert Live(False, "it is inhibited at Alertmanager") == eventually(
        lambda: found if not (found := live(alert, KEY, house.store, asked, 5)).firing else None, "it to be inhibited"
    )
    assert asked.alertmanager is not None
    asked.alertmanager.silence({"queue": queue}, datetime.now(UTC) + timedelta(hours=1), "jane", "a comment", 5)
    assert Live(False, "it is silenced at Alertmanager") == live(alert, KEY, house.store, asked, 5)


def test_is_found_there_by_its_labels(house: House, cluster: Cluster, queue: str, tmp_path: Path) -> None:
    """Whatever fingerprint its sender gave it; one that has more labels is another."""
    alert = told(house, {**wet(queue), "fingerprint": "0123456789abcdef"})
    assert "0123456789abcdef" == alert.fingerprint
    asked = running(tmp_path, alertmanager=cluster.alertmanager.url)
    cluster.alertmanager.post_alerts([{"labels": {**alert.labels, "pod": "a"}}])
    assert live(alert, KEY, house.store, asked, 5).over
    cluster.alertmanager.post_alerts([{"labels": alert.labels}])
    assert Live(True) == live(alert, KEY, house.store, asked, 5)


def test_who_does_not_answer_gives_no_leave(house: House, cluster: Cluster, queue: str, tmp_path: Path) -> None:
    """Nothing is taken for what it would have said; what the others say is told."""
    alert = told(house, wet(queue))
    cluster.depth(queue, 9)
    cluster.alertmanager.post_alerts([{"labels": alert.labels}])
    with trouble.hanging() as hanging, trouble.unavailable(503) as unavailable:
        no_prometheus = live(alert, KEY, house.store, running(tmp_path, unavailable, cluster.alertmanager.url), 5)
        assert Live(None, "Prometheus answered with status 503") == no_prometheus
        no_alertmanager = live(alert, KEY, house.store, running(tmp_path, cluster.prometheus.url, unavailable), 5)
        assert Live(None, "Alertmanager answered with status 503") == no_alertmanager
        # What hangs leaves no time for the next one, which is not waited for then.
        neither = live(alert, KEY, house.store, running(tmp_path, hanging, hanging), 0.5)
        assert neither.firing is None
        assert neither.why.startswith("Alertmanager did not answer within 0.")
        assert "; Prometheus timed out after 0." in neither.why
        house.tell(KEY, over("Wet", queue=queue))
        assert live(alert, KEY, house.store, running(tmp_path, unavailable), 5).over


def test_a_database_in_trouble_gives_no_leave(house: House, cluster: Cluster, queue: str, tmp_path: Path) -> None:
    """Whatever the others say."""
    alert = told(house, wet(queue))
    cluster.depth(queue, 9)
    store = Failing(house.store)
    store.failures["alert_row"] = 1
    found = live(alert, KEY, store, running(tmp_path, cluster.prometheus.url), 5)
    assert Live(None, "the database does not say whether it fires: the disk is away") == found


def test_an_expression_that_cannot_be_read_gives_no_leave(
    house: House, cluster: Cluster, queue: str, tmp_path: Path
) -> None:
    """What it says cannot be known, so that nobody knows whether it fires."""
    alert = told(house, wet(queue, "depth > "))
    found = live(alert, KEY, house.store, running(tmp_path, cluster.prometheus.url), 5)
    assert found.firing is None
    assert found.why.startswith("the alert's expression is no PromQL")
    assert live(replace(alert, generator_url=""), KEY, house.store, running(tmp_path, cluster.prometheus.url), 5).firing
