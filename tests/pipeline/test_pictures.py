"""Pictures: which go along with a message, how they come to be drawn, and that nothing waits for them."""

import math
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import charts
import enrich
from alerts.findings import Gap, Reading
from alerts.matchers import parse_matchers
from alerts.model import Alert
from alerts.notification import Image, Notification
from alerts.picture import Picture
from enrich._vector import Series
from outbound import Http
from outbox.store import Store
from pipeline import NoPicture, Pictures, Signer
from tests.pipeline.parts import Enricher, Prometheus, Recorder, body, make_pipeline, settled, started
from tests.samples import NOW, model_alert, notification, webhook, wire_alert
from tests.service import eventually

SIGNER = Signer(b"k" * 64, timedelta(days=30))
URL = "https://alerts.example/prefix/"
MEMORY = Reading("memory", "memory", 220.0, "bytes", NOW, "sum(x)", limit=256.0, drawn=True)
ALERT = model_alert("Crash", namespace="shop", pod="cart-1")


class Ranges(enrich.Prometheus):
    """Answers each range with a series that has a value for each step, or does as it is told."""

    def __init__(self, answer: Callable[[], Sequence[Series] | None] = lambda: None, **settings: Any) -> None:
        super().__init__("http://prometheus.example", Http(), **settings)
        self.asked: list[tuple[str, datetime, datetime, float, float]] = []
        self._answer = answer

    def range_query(
        self, promql: str, start: datetime, end: datetime, step_seconds: float, deadline_seconds: float
    ) -> list[Series]:
        """Answers."""
        self.asked.append((promql, start, end, step_seconds, deadline_seconds))
        answered = self._answer()
        if answered is not None:
            return list(answered)
        count = int((end - start).total_seconds() / step_seconds)
        return [Series({}, tuple((start.timestamp() + at * step_seconds, float(at)) for at in range(count + 1)))]


def pictures(*prometheuses: enrich.Prometheus, url: str = URL) -> Pictures:
    """Returns the pictures of a process."""
    return Pictures(prometheuses or [Ranges()], SIGNER, url)


def shown(of: Pictures, reading: Reading = MEMORY, alert: Alert = ALERT) -> Picture:
    """Returns the picture of a reading, which has one."""
    found = of.of(alert, reading)
    assert found is not None
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[charts.Drawing]:
    """What was drawn, instead of the drawing of it."""
    found: list[charts.Drawing] = []

    def draw(drawing: charts.Drawing, form: charts.Form) -> bytes:
        found.append(drawing)
        return f"{form} {len(found)}".encode()

    monkeypatch.setattr(charts, "draw", draw)
    return found


def test_asks_the_prometheus_that_knows() -> None:
    """Of several the first whose matchers fit the alert, then and when it is drawn; of none there is no picture."""
    west = Ranges(name="west", matchers=parse_matchers('cluster="west"'))
    east = Ranges(name="east", matchers=parse_matchers('cluster="east"'))
    both = pictures(west, east)
    assert "east" == shown(both, alert=model_alert("A", cluster="east")).prometheus
    assert both.of(ALERT, MEMORY) is None
    both.draw(shown(both, alert=model_alert("A", cluster="east")), "png", 3)
    assert (0, 1) == (len(west.asked), len(east.asked))
    with pytest.raises(NoPicture, match="not configured any more"):
        pictures(west).draw(shown(both, alert=model_alert("A", cluster="east")), "png", 3)


def test_draws_what_was_asked_for(drawn: list[charts.Drawing]) -> None:
    """The whole time in about a hundred steps, the last one at the reading's moment, with all that is known."""
    server = Ranges()
    of = pictures(server)
    assert (b"svg 1", True) == of.draw(shown(of), "svg", 2.5)
    ((promql, start, end, step, deadline),) = server.asked
    assert ("sum(x)", NOW - timedelta(hours=1), NOW, 30, 2.5) == (promql, start, end, step, deadline)
    (drawing,) = drawn
    assert (start, end, 121, 120.0) == (drawing.start, drawing.end, len(drawing.values), drawing.values[-1])
    assert (NOW, (("limit", 256.0),), "220 B") == (drawing.began_at, drawing.bounds, drawing.write(220.0))
    long_ago = replace(ALERT, starts_at=NOW - timedelta(minutes=77))
    of.draw(shown(of, alert=long_ago), "svg", 2.5)
    assert (NOW, 69) == server.asked[1][2:4]


def test_what_prometheus_does_not_have_is_a_gap(drawn: list[charts.Drawing]) -> None:
    """Steps without a value, values that are no number, and no series at all."""
    begun = NOW.timestamp() - 3_600
    answers = [[Series({}, ((begun, 1.0), (begun + 60.2, math.nan), (begun + 90, 3.0), (begun + 9_999, 4.0)))], []]
    of = pictures(Ranges(lambda: answers.pop(0)))
    assert (b"svg 1", True) == of.draw(shown(of), "svg", 3)
    nothing = shown(of, replace(MEMORY, query="y"))
    assert (b"svg 2", False) == of.draw(nothing, "svg", 3)
    assert ["1.0", "nan", "nan", "3.0", "nan"] == [str(each) for each in drawn[0].values[:5]]
    assert all(map(math.isnan, (*drawn[0].values[4:], *drawn[1].values)))
    # Of what showed nothing there may be something the next time.
    answers.append([Series({}, ((begun, 1.0),))])
    assert (b"svg 3", True) == of.draw(nothing, "svg", 3)


def test_says_why_there_is_none(drawn: list[charts.Drawing], monkeypatch: pytest.MonkeyPatch) -> None:
    """And whether to ask again; a series too many is not drawn as if it were the only one."""

    def fails() -> None:
        raise enrich.NoAnswer("Prometheus timed out after 3s")

    of = pictures(Ranges(fails))
    with pytest.raises(NoPicture, match="timed out") as late:
        of.draw(shown(of), "png", 3)
    several = pictures(Ranges(lambda: [Series({"a": "1"}, ()), Series({"a": "2"}, ())]))
    with pytest.raises(NoPicture, match="has 2 series for it") as many:
        several.draw(shown(several), "png", 3)
    assert (True, False, []) == (late.value.later, many.value.later, drawn)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "charts.sheet", None)
    monkeypatch.delattr(charts, "sheet", raising=False)
    with pytest.raises(NoPicture, match="matplotlib is not installed"):
        pictures().draw(shown(of), "png", 3)


def test_is_drawn_once_for_all_who_ask(drawn: list[charts.Drawing]) -> None:
    """Prometheus is asked once for a picture at a time, however many look at it."""
    server = Ranges()
    of = pictures(server)
    found: list[tuple[bytes, bool]] = []
    threads = [threading.Thread(target=lambda: found.append(of.draw(shown(of), "png", 3))) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert ([(b"png 1", True)] * 6, 1) == (found, len(server.asked))
    assert (b"svg 2", True) == of.draw(shown(of), "svg", 3)


def test_what_is_drawn_is_kept_as_far_as_there_is_room(
    drawn: list[charts.Drawing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody asked for goes first."""
    monkeypatch.setattr("pipeline.pictures._KEPT", 2)
    of = pictures()
    for query in ("a", "b", "a", "c", "a", "b"):
        of.draw(shown(of, replace(MEMORY, query=query)), "png", 3)
    assert 4 == len(drawn)


def test_few_wait_and_not_for_long(drawn: list[charts.Drawing], monkeypatch: pytest.MonkeyPatch) -> None:
    """One is drawn, some wait their turn for a while, and more are refused at once: threads are there for alerts."""
    monkeypatch.setattr("pipeline.pictures._PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("pipeline.pictures._ASKING", 8)
    may_end = threading.Event()

    def held() -> None:
        may_end.wait(10)

    server = Ranges(held)
    of = pictures(server)
    said: list[str] = []

    def ask(number: int) -> None:
        try:
            of.draw(shown(of, replace(MEMORY, query=f"{number}")), "png", 3)
            said.append("drawn")
        except NoPicture as reason:
            said.append(str(reason) if reason.later else "never")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    busy = "too many pictures are asked for at once"
    # Four find no room, seven lose their patience.
    eventually(lambda: said.count(busy) == 4, "those for whom there is no room")
    eventually(lambda: said.count(busy) == 11, "those who waited")
    assert 1 == len(server.asked)
    may_end.set()
    for each in threads:
        each.join(10)
    assert ["drawn"] == said[11:]
    ask(99)
    assert 13 == len(said)


def test_the_worst_go_along_with_a_message() -> None:
    """Of the worst alerts that fire: what their rule is about, then what is nearest to its limit; four at most."""
    others = [replace(MEMORY, title=f"volume {number}", limit=220.0 + number) for number in range(6)]
    value = Reading("expression", "value", 1.0, "", NOW, "a", threshold=0.5, drawn=True)
    restarts = Reading("restarts", "restarts", 9, "", NOW, "b")
    mild, over = model_alert("Mild", severity="info"), model_alert("Over", "resolved", severity="critical")
    bad = model_alert("Bad", severity="critical")
    told = notification("g", "team", over, mild, bad)
    told = replace(
        told,
        findings={
            over.fingerprint: (MEMORY,),
            mild.fingerprint: (MEMORY,),
            bad.fingerprint: (restarts, Gap("cpu", "CPU", "no data"), *reversed(others[:2]), value),
        },
    )
    found = pictures().images(told)
    assert ["value", "volume 0", "volume 1", "memory"] == [each.alt.partition(" (")[0] for each in found]
    token = found[0].src.removeprefix("https://alerts.example/prefix/charts/").removesuffix(".png")
    drawn = SIGNER.picture(token, NOW)
    assert drawn is not None
    assert ("value", "Bad", 0.5, found[0].alt) == (drawn.title, drawn.about, drawn.threshold, drawn.alt)
    more = replace(told, findings={bad.fingerprint: tuple(others)})
    assert 4 == len(pictures().images(more))


@pytest.mark.parametrize("url", ["", "http://alerts.example"])
def test_none_goes_along_where_nobody_could_fetch_it(url: str) -> None:
    """Far sides fetch by https."""
    told = replace(notification("g", "team", ALERT), findings={ALERT.fingerprint: (MEMORY,)})
    assert 1 == len(pictures().images(told))
    assert () == pictures(url=url).images(told)


def test_none_goes_along_that_could_not_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib, or a key."""
    told = replace(notification("g", "team", ALERT), findings={ALERT.fingerprint: (MEMORY,)})
    assert () == Pictures([Ranges()], None, URL).images(told)
    assert "nothing to sign their URLs with" == Pictures().missing
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert () == pictures().images(told)


BOTH = """
external_url: https://alerts.example
route: {receiver: team}
receivers:
- name: team
  pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
  log_configs: [{}]
"""


def test_a_delivery_has_its_pictures_when_it_is_sent(tmp_path: Path, store: Store) -> None:
    """For actions that show them, and in no row; nothing is asked of Prometheus for it, whatever comes."""
    server, shows, shows_not = Ranges(), Recorder(), Recorder()
    actions = {"team/pagerduty/0": shows, "team/log/0": shows_not}
    enricher = Enricher(read=lambda alert: (replace(MEMORY, query=alert.name),))
    of = Pictures([server], SIGNER, "https://alerts.example")
    made = make_pipeline(tmp_path, store, actions, BOTH, enrichers=[enricher], prometheus=Prometheus(), pictures=of)
    with started(made) as pipeline:
        assert ["delivered"] * 2 == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
    ((image,), ()) = (shows.sent[0].images, shows_not.sent[0].images)
    assert isinstance(image, Image)
    assert image.src.startswith("https://alerts.example/charts/")
    assert [] == server.asked
    with store._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT notification FROM deliveries").scalars().all()
    assert 2 == len(rows)
    assert not any("/charts/" in row for row in rows)


class Broken(Pictures):
    """Has a defect."""

    def images(self, notification: Notification) -> tuple[Image, ...]:
        """Fails."""
        raise KeyError("src")


def test_a_defect_of_the_pictures_costs_the_pictures_alone(tmp_path: Path, store: Store) -> None:
    """The page goes out without them."""
    shows = Recorder()
    actions = {"team/pagerduty/0": shows, "team/log/0": Recorder()}
    of = Broken([Ranges()], SIGNER, "https://alerts.example")
    with started(make_pipeline(tmp_path, store, actions, BOTH, pictures=of)) as pipeline:
        assert ["delivered"] * 2 == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
    assert [()] == [each.images for each in shows.sent]
