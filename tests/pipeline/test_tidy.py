"""Housekeeping: what was not heard of for long is over, and what is old goes."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from outbox.records import AlertStatus
from outbox.store import Store
from outbox.tables import events
from pipeline import Pipeline
from pipeline.tidy import Tidy
from tests.pipeline.parts import Clock, Failing, Recorder, body, configuration, make_pipeline, settled, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

HOUR = 3_600.0


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, recorder: Recorder, clock: Clock) -> Iterator[Pipeline]:
    """A pipeline that runs, with a clock that the test moves on."""
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)) as running:
        yield running


@pytest.fixture
def tidy(tmp_path: Path, store: Store, clock: Clock) -> Tidy:
    """Tidies up when the test says so."""
    return Tidy(partial(configuration, tmp_path), store, clock)


def lapses(store: Store) -> list[Any]:
    """What became of the events that were made of a silence."""
    with store._engine.connect() as connection:
        found = select(events.c.id, events.c.state).where(events.c.kind == "lapse").order_by(events.c.id)
        return list(connection.execute(found))


def planned(store: Store) -> None:
    """Waits until all events are planned and all deliveries made."""
    eventually(lambda: not (store.backlog().events or store.backlog().deliveries), "all to be done")


def by_name(store: Store) -> dict[str, AlertStatus]:
    """The alerts as the page shows them."""
    return {each.alert.name: each for each in store.recent_alerts(10)}


def test_what_was_not_heard_of_is_taken_as_over(
    pipeline: Pipeline, tidy: Tidy, store: Store, recorder: Recorder, clock: Clock
) -> None:
    """After `stale_after` it is told as over, with the reason, and closes the group; the page says that it lapsed."""
    settled(pipeline, pipeline.accept(body(webhook())))
    clock.pass_seconds(6 * HOUR)
    assert 0 == tidy.lapse()
    clock.pass_seconds(1)
    assert 1 == tidy.lapse()
    planned(store)
    assert ["firing", "resolved"] == [each.group.status for each in recorder.sent]
    assert "not heard of for 6h: taken as over" in recorder.sent[1].notes
    assert ("resolved", True) == (by_name(store)["Crash"].alert.status, by_name(store)["Crash"].lapsed)
    assert 0 == tidy.lapse()
    assert 1 == len(lapses(store))


def test_what_else_fires_in_its_group_goes_on(
    pipeline: Pipeline, tidy: Tidy, store: Store, recorder: Recorder, clock: Clock
) -> None:
    """The group stays open, and what fires on is neither lapsed nor heard of by that."""
    settled(pipeline, pipeline.accept(body(webhook(wire_alert("A")))))
    clock.pass_seconds(3 * HOUR)
    settled(pipeline, pipeline.accept(body(webhook(wire_alert("B")))))
    heard_at = clock()
    clock.pass_seconds(3 * HOUR + 1)
    assert 1 == tidy.lapse()
    planned(store)
    last = recorder.sent[-1].group
    assert {"A": "resolved", "B": "firing"} == {each.name: each.status for each in last.alerts}
    found = by_name(store)
    assert (True, False) == (found["A"].lapsed, found["B"].lapsed)
    assert heard_at == found["B"].updated_at
    clock.pass_seconds(3 * HOUR)
    assert 1 == tidy.lapse()
    planned(store)
    assert "resolved" == recorder.sent[-1].group.status


def test_what_fires_again_after_its_lapse_is_told_again(
    pipeline: Pipeline, tidy: Tidy, store: Store, recorder: Recorder, clock: Clock
) -> None:
    """The same state as before is news then."""
    settled(pipeline, pipeline.accept(body(webhook())))
    clock.pass_seconds(7 * HOUR)
    tidy.lapse()
    planned(store)
    settled(pipeline, pipeline.accept(body(webhook())))
    assert ["firing", "resolved", "firing"] == [each.group.status for each in recorder.sent]
    assert not by_name(store)["Crash"].lapsed


def test_no_lapses_pile_up(tmp_path: Path, store: Store, clock: Clock) -> None:
    """While planning is stuck one is enough, whoever looks; and what does not lapse is asked for now and then only."""
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": Recorder()}, clock=clock)
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(webhook())))
    first, second = (Tidy(partial(configuration, tmp_path), store, clock) for _ in range(2))
    clock.pass_seconds(7 * HOUR)
    assert [1, 0, 0] == [first.lapse(), second.lapse(), first.lapse()]
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE events SET state = 'dead'"))
    clock.pass_seconds(500)
    assert 0 == first.lapse()
    clock.pass_seconds(100)
    assert 1 == first.lapse()


def test_a_second_lapse_of_the_same_plans_to_nothing(tmp_path: Path, store: Store, clock: Clock) -> None:
    """Two replicas that look at the same moment tell the end once."""
    recorder = Recorder()
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(webhook())))
    first, second = (Tidy(partial(configuration, tmp_path), store, clock) for _ in range(2))
    clock.pass_seconds(7 * HOUR)
    first.lapse()
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE events SET state = 'held' WHERE state = 'accepted'"))
    second.lapse()
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE events SET state = 'accepted' WHERE state = 'held'"))
    with started(make_pipeline(tmp_path, store, {"team/log/0": recorder}, clock=clock)):
        planned(store)
    assert ["firing", "resolved"] == [each.group.status for each in recorder.sent]
    assert ["planned", "unrouted"] == [row.state for row in lapses(store)]


def test_listens_before_it_takes_anything_as_over(tmp_path: Path, store: Store, clock: Clock) -> None:
    """After a start, and after the storage failed, nobody could be heard for a while: that was no silence."""
    pipeline = make_pipeline(tmp_path, store, {"team/log/0": Recorder()}, clock=clock)
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(webhook())))
    clock.pass_seconds(24 * HOUR)
    tidy = Tidy(partial(configuration, tmp_path), store, clock)
    assert 0 == tidy.lapse()
    clock.pass_seconds(899)
    assert 0 == tidy.lapse()
    clock.pass_seconds(1)
    assert 1 == tidy.lapse()


def test_goes_on_when_the_storage_failed(
    tmp_path: Path, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that failed is followed by another, which listens first again."""
    monkeypatch.setattr("pipeline.tidy._EVERY_SECONDS", 0.01)
    failing = Failing(store)
    failing.failures["silent_alerts"] = 1
    pipeline = make_pipeline(tmp_path, failing, {"team/log/0": Recorder()}, clock=clock)
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(webhook())))
        clock.pass_seconds(7 * HOUR)
        eventually(lambda: not failing.failures["silent_alerts"], "the storage to fail")
        assert [] == lapses(store)
        clock.pass_seconds(901)
        eventually(lambda: lapses(store), "the alert to lapse")
        assert pipeline.alive


def test_deletes_what_is_old_and_finished(
    pipeline: Pipeline, tidy: Tidy, store: Store, recorder: Recorder, clock: Clock
) -> None:
    """Events go with their deliveries, and alerts, threads and groups that are over; what fires stays."""
    for status in ("firing", "resolved"):
        settled(pipeline, pipeline.accept(body(webhook(wire_alert("A", status), group_key="a"))))
    settled(pipeline, pipeline.accept(body(webhook(wire_alert("B"), group_key="b"))))
    clock.pass_seconds(30 * 24 * HOUR)
    assert 0 == tidy.clean()
    clock.pass_seconds(1)
    assert 0 < tidy.clean()
    assert {"events": 0, "deliveries": 0, "alerts": 1, "threads": 1, "groups": 1} == count(store)
    assert ["B"] == list(by_name(store))
    assert 0 == tidy.clean()


def test_keeps_what_is_under_way_or_untold(store: Store, tidy: Tidy, clock: Clock) -> None:
    """However old it is: an event that is not planned, and one of which a delivery waits or died untold."""
    ids = [store.accept(b"{}", clock()) for _ in range(1_200)]
    with store._engine.begin() as connection:
        connection.execute(events.update().where(events.c.id != ids[0]).values(state="planned"))
    for at, state in ((199, "pending"), (399, "untold"), (599, "delivered"), (1_199, "pending")):
        add(store, ids[at], state)
    clock.pass_seconds(31 * 24 * HOUR)
    assert 1_196 == tidy.clean()
    assert {"events": 4, "deliveries": 3, "alerts": 0, "threads": 0, "groups": 0} == count(store)
    assert 0 == tidy.clean()


def test_deletes_little_at_a_time(store: Store, clock: Clock) -> None:
    """No step deletes more than two hundred rows, whatever an event led to."""
    for number in range(3):
        event_id = store.accept(b"{}", clock())
        add(store, event_id, "delivered", deliveries=(1, 1_100, 600)[number])
    steps = list(store.retention.sweep(clock() + timedelta(seconds=1)))
    assert [1, *[200] * 5, 1, *[200] * 3, 1] == steps
    assert {"events": 0, "deliveries": 0} == {key: count(store)[key] for key in ("events", "deliveries")}


def test_walks_through_large_tables_a_stretch_at_a_time(store: Store, clock: Clock) -> None:
    """Where there is nothing to delete a turn looks at two hundred rows; where there is much, it goes on."""
    rows = [
        {"d": "team/log/0", "g": f"{number:05}", "t": "{}", "o": int(number < 700), "u": 0} for number in range(2_000)
    ]
    with store._engine.begin() as connection:
        connection.execute(
            text("INSERT INTO threads (destination, group_id, thread, open, updated_at) VALUES (:d, :g, :t, :o, :u)"),
            rows,
        )
    assert [[0], [0], [0], [100, *[200] * 6]] == [list(store.retention.sweep(clock())) for _ in range(4)]
    assert 700 == count(store)["threads"]


def test_the_file_does_not_grow_without_bound(sqlite_url: str, clock: Clock) -> None:
    """What is deleted makes room for what comes; and what is written ahead does not stay as large as it once was."""
    from outbox.database import migrate, open_database

    engine = open_database(sqlite_url)
    migrate(engine)
    store = Store(engine, "a")
    path = Path(str(engine.url.database))
    sizes = []
    for _ in range(5):
        for _ in range(4):
            insert(store, 500, clock)
        sizes.append(path.stat().st_size + path.with_name(f"{path.name}-wal").stat().st_size)
        clock.pass_seconds(HOUR)
        assert 2_000 == sum(store.retention.sweep(clock()))
    engine.dispose()
    assert max(sizes[1:]) <= 1.2 * sizes[1]


def insert(store: Store, number: int, clock: Clock) -> None:
    """Keeps events of 4 KB with two deliveries each, in one transaction."""
    with store._engine.begin() as connection:
        first = (connection.execute(select(func.max(events.c.id))).scalar() or 0) + 1
        ids = range(first, first + number)
        connection.execute(
            events.insert(),
            [
                {"id": each, "received_at": clock(), "body": b"x" * 4_096, "state": "planned", "attempts": 1}
                for each in ids
            ],
        )
        connection.execute(text(DELIVERY), [delivery(each, "delivered") for each in ids for _ in range(2)])


DELIVERY = (
    "INSERT INTO deliveries (event_id, destination, receiver, action, group_id, notification, state, attempts, due_at,"
    " received_at, untold)"
    " VALUES (:event_id, 'team/log/0', 'team', 'log', 'g', :notification, :state, 1, 0, 0, :untold)"
)


def delivery(event_id: int, state: str) -> dict[str, Any]:
    """A delivery's row."""
    return {
        "event_id": event_id,
        "notification": json.dumps("x" * 1_000),
        "state": "dead" if state == "untold" else state,
        "untold": int(state == "untold"),
    }


def add(store: Store, event_id: int, state: str, deliveries: int = 1) -> None:
    """Gives an event deliveries of a state."""
    with store._engine.begin() as connection:
        connection.execute(events.update().where(events.c.id == event_id).values(state="planned"))
        connection.execute(text(DELIVERY), [delivery(event_id, state) for _ in range(deliveries)])


def count(store: Store) -> dict[str, int]:
    """How many rows there are."""
    with store._engine.connect() as connection:
        tables = ("events", "deliveries", "alerts", "threads", "groups")
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}
