"""Groups that fire again and again: they say so, and may be held until they are quiet."""

from pathlib import Path

from outbox.store import Store
from tests.pipeline.parts import Clock, Recorder, body, deliveries_of, make_pipeline, settled, started
from tests.samples import webhook, wire_alert

HELD = """
route: {receiver: team}
receivers: [{name: team, flap_hold: 10m, log_configs: [{}]}]
"""


def test_says_how_often_it_fired(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """The n-th time within half an hour is told as that; after half an hour without, nothing is said."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as pipeline:
        for _ in range(4):
            for status in ("firing", "resolved"):
                assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A", status)))))
                clock.pass_seconds(61)
        clock.pass_seconds(1_800)
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
    notes = [each.notes for each in recorder.sent if each.group.status == "firing"]
    assert [(), ("2nd time in 30 m",), ("3rd time in 30 m",), ("4th time in 30 m",), ()] == notes
    assert [()] * 4 == [each.notes for each in recorder.sent if each.group.status == "resolved"]


def test_with_a_hold_flapping_is_one_page(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """Ten times in five minutes is one page, and one end once it has been quiet, which says so."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, HELD, clock=clock)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
        for _ in range(9):
            clock.pass_seconds(15)
            end = pipeline.accept(body(webhook(wire_alert("A", "resolved"))))
            clock.pass_seconds(15)
            again = pipeline.accept(body(webhook(wire_alert("A"))))
            assert ["suppressed"] == settled(pipeline, again)
            assert ["superseded"] == settled(pipeline, end)
        end = pipeline.accept(body(webhook(wire_alert("A", "resolved"))))
        clock.pass_seconds(599)
        held = pipeline.wait(end, 0.3)
        assert held is not None
        assert ["pending"] == [each.word for each in held.deliveries]
        clock.pass_seconds(2)
        assert ["delivered"] == settled(pipeline, end)
    assert ["firing", "resolved"] == [each.group.status for each in recorder.sent]
    assert [(), ("told 10m later: it was to stay quiet so long",)] == [each.notes for each in recorder.sent]
    (suppressed,) = deliveries_of(store, again)
    assert "it fires again, and its end was not told yet" == suppressed.detail


def test_with_a_hold_news_is_not_held(tmp_path: Path, store: Store, clock: Clock, recorder: Recorder) -> None:
    """What fires beside is told at once, and so is the end of some while others fire."""
    states = [
        webhook(wire_alert("A")),
        webhook(wire_alert("A", "resolved")),
        webhook(wire_alert("A"), wire_alert("B")),
        webhook(wire_alert("A", "resolved"), wire_alert("B")),
    ]
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, HELD, clock=clock)) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(states[0])))
        pipeline.accept(body(states[1]))
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(states[2])))
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(states[3])))
    told = [[(alert.name, alert.status) for alert in each.group.alerts] for each in recorder.sent]
    assert [
        [("A", "firing")],
        [("A", "firing"), ("B", "firing")],
        [("A", "resolved"), ("B", "firing")],
    ] == told
