"""What is expected and does not come: told once, whoever looks, whatever clocks do and whoever dies."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event, func, select

from outbox.announcing import Address
from outbox.listening import GAP_SECONDS, JOIN_SECONDS, Listening
from outbox.rows import notification_of
from outbox.store import Store
from outbox.tables import deliveries, events
from outbox.tables import watchdogs as table
from outbox.watchdogs import FORGOTTEN_SECONDS, Watch, Watchdogs, _Asked
from outbox.writer import Writer
from tests.samples import NOW

LOOK = 2.0
WITHIN = 60.0
PAGED = Address("on-call", "pagerduty", 0)
WATCH = Watch("a" * 16, 'alertname="Watchdog"', WITHIN, (PAGED,))


@dataclass
class World:
    """Time, as a clock that nobody sets and a wall clock have it, and a database."""

    engine: Engine
    lived: float = 0.0
    wall: datetime = NOW
    processes: list["Process"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.engine, "upstream")

    def process(self, *watches: Watch) -> "Process":
        """One begins, by a configuration that expects these."""
        began = Process(self, watches or (WATCH,))
        self.processes.append(began)
        return began

    def pass_seconds(self, seconds: float) -> None:
        """Time goes by, in which each process that lives looks every two seconds."""
        for _ in range(int(seconds / LOOK)):
            self.lived += LOOK
            self.wall += timedelta(seconds=LOOK)
            for each in self.processes:
                each.look()

    def nobody_looks(self, seconds: float) -> None:
        """Time goes by, and whoever lives is frozen."""
        self.lived += seconds
        self.wall += timedelta(seconds=seconds)

    def comes(self, key: str = WATCH.key) -> None:
        """The alert is accepted, as it is by whoever lives."""
        self.store.accept(b"{}", self.wall, heard=[key])

    def told(self) -> list[str]:
        """What was told, in order: the state, the destination and the sentence."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(deliveries.c.notification).order_by(deliveries.c.id)).scalars().all()
        found = [notification_of(each) for each in rows]
        return [f"{each.group.status} {each.receiver}: {each.group.alerts[0].summary}" for each in found if each]


class Process:
    """One that watches."""

    def __init__(self, world: World, watches: tuple[Watch, ...]) -> None:
        self._world = world
        self.watches = watches
        self._watchdogs = Watchdogs(world.store._reading, Writer(world.engine), Listening(lambda: world.lived))
        self.look()

    def look(self) -> None:
        """Looks once."""
        self._watchdogs.look(self.watches, self._world.wall)


@pytest.fixture
def world(engine: Engine) -> World:
    """A world in which nobody lives yet."""
    return World(engine)


SILENT = 'firing on-call: alertname="Watchdog" has not come for 1m'
NEVER = 'firing on-call: alertname="Watchdog" has never come, and is expected at least every 1m'


def test_what_never_comes_is_told_once(world: World) -> None:
    """After the time that it may take since somebody listens, by one of two processes."""
    world.process()
    world.process()
    world.pass_seconds(JOIN_SECONDS + WITHIN - 2 * LOOK)
    assert [] == world.told()
    world.pass_seconds(3 * LOOK)
    assert [NEVER] == world.told()
    world.pass_seconds(10 * WITHIN)
    assert [NEVER] == world.told()


def test_what_comes_is_not_told(world: World) -> None:
    """However long."""
    world.process()
    for _ in range(20):
        world.pass_seconds(WITHIN - 3 * LOOK)
        world.comes()
    assert [] == world.told()


def test_what_stops_is_told_and_so_is_its_return(world: World) -> None:
    """Once each, with how long it took; and again when it stops again."""
    world.process()
    world.process()
    world.pass_seconds(20)
    world.comes()
    world.pass_seconds(WITHIN + 3 * LOOK)
    assert [SILENT] == world.told()
    world.pass_seconds(600)
    world.comes()
    world.pass_seconds(LOOK)
    back = 'resolved on-call: alertname="Watchdog" is back after 11m'
    assert [SILENT, back] == [each.split("m ")[0].removesuffix("m") + "m" for each in world.told()]
    world.comes()
    world.pass_seconds(WITHIN + 3 * LOOK)
    assert [SILENT, SILENT] == [each for each in world.told() if each.startswith("firing")]


def test_says_what_to_look_at(world: World) -> None:
    """The message is critical, names the matchers, since when, and where to look."""
    world.process()
    world.pass_seconds(20)
    world.comes()
    world.pass_seconds(WITHIN + 3 * LOOK)
    with world.engine.connect() as connection:
        row = connection.execute(select(deliveries)).one()
    notification = notification_of(row.notification)
    assert notification is not None
    (alert,) = notification.group.alerts
    assert ("fallback", "WatchdogSilent", "critical") == (row.kind, alert.name, alert.labels["severity"])
    assert WATCH.name == alert.labels["watchdog"]
    said = alert.annotations["description"]
    assert said.startswith("It is expected at least every 1m, and was heard of last at 2026-03-02 07:32:1")
    assert "repeat_interval" in said
    assert abs((world.wall - alert.starts_at).total_seconds() - WITHIN) < 4 * LOOK


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0], ids=["on", "back"])
def test_a_wall_clock_that_is_set_changes_nothing(world: World, jump: float) -> None:
    """Neither pages for what has not been silent, nor holds back what has."""
    world.process()
    world.pass_seconds(20)
    world.comes()
    world.pass_seconds(20)
    world.wall += timedelta(seconds=jump)
    world.pass_seconds(WITHIN - 20 - 2 * LOOK)
    assert [] == world.told()
    world.pass_seconds(4 * LOOK)
    assert [SILENT] == world.told()
    world.wall -= timedelta(seconds=2 * jump)
    world.comes()
    world.pass_seconds(LOOK)
    assert 2 == len(world.told())


@pytest.mark.parametrize("absence", ["dead", "frozen"])
def test_who_could_not_hear_listens_first(world: World, absence: str) -> None:
    """What was not heard of while nobody listened has its whole time again, and then it is told."""
    process = world.process()
    world.pass_seconds(20)
    world.comes()
    world.pass_seconds(WITHIN - 10)
    if absence == "dead":
        world.processes.remove(process)
    world.nobody_looks(3_600)
    if absence == "dead":
        world.process()
    world.pass_seconds(WITHIN - 2 * LOOK)
    assert [] == world.told()
    world.pass_seconds(JOIN_SECONDS + 4 * LOOK)
    assert 1 == len(world.told())


def test_says_since_when_it_could_be_heard(world: World) -> None:
    """After a time in which nobody listened."""
    world.process()
    world.pass_seconds(20)
    world.comes()
    heard_at = world.wall
    world.pass_seconds(LOOK)
    world.nobody_looks(3_600)
    world.pass_seconds(WITHIN + 3 * LOOK)
    with world.engine.connect() as connection:
        notification = notification_of(connection.execute(select(deliveries.c.notification)).scalar_one())
    assert notification is not None
    (alert,) = notification.group.alerts
    said = f"It came last at {heard_at:%Y-%m-%d %H:%M:%S} UTC; then nobody could listen, until 2026-03-02 08:"
    assert said in alert.annotations["description"]


def test_what_comes_while_it_is_said_is_not_silent(world: World) -> None:
    """Between two transactions: one finds it silent, the other is to say so."""
    process = world.process()
    world.pass_seconds(JOIN_SECONDS + WITHIN - LOOK)
    world.lived += LOOK
    watchdogs = process._watchdogs
    asked = _Asked((WATCH,), world.wall)
    with world.engine.begin() as connection:
        assert [True] == watchdogs._listen(connection, [asked])
    world.comes()
    with world.engine.begin() as connection:
        assert [[]] == watchdogs._speak(connection, [asked])
    world.pass_seconds(2 * LOOK)
    assert [] == world.told()


def test_who_joins_others_goes_by_what_they_heard(world: World) -> None:
    """A replica that begins, and one that ends, change nothing while another listens."""
    first = world.process()
    world.pass_seconds(20)
    world.comes()
    world.pass_seconds(40)
    world.process()
    world.pass_seconds(JOIN_SECONDS + LOOK)
    world.processes.remove(first)
    world.pass_seconds(WITHIN - 40 - JOIN_SECONDS)
    assert [SILENT] == world.told()


def test_what_is_taken_out_of_the_configuration_ends(world: World) -> None:
    """For those who were told, when no process expects it any more, and its row goes."""
    first, second = world.process(), world.process()
    world.pass_seconds(JOIN_SECONDS + WITHIN + 2 * LOOK)
    first.watches = ()
    world.pass_seconds(2 * FORGOTTEN_SECONDS)
    assert [NEVER] == world.told()
    second.watches = ()
    world.pass_seconds(FORGOTTEN_SECONDS + 2 * LOOK)
    over = 'resolved on-call: alertname="Watchdog" is not expected any more: no configuration names it'
    assert [NEVER, over] == world.told()
    assert not world.store.watchdogs.any()


def test_who_was_told_hears_of_its_return(world: World) -> None:
    """Though the receiver has other actions by then."""
    process = world.process()
    world.pass_seconds(JOIN_SECONDS + WITHIN + 2 * LOOK)
    process.watches = (Watch(WATCH.key, WATCH.name, WITHIN, (Address("on-call", "slack", 0),)),)
    world.comes()
    world.pass_seconds(LOOK)
    with world.engine.connect() as connection:
        told = connection.execute(select(deliveries.c.destination).order_by(deliveries.c.id)).scalars().all()
    assert [PAGED.destination] * 2 == list(told)


def test_a_storage_that_was_away_is_no_silence(world: World) -> None:
    """Nothing could be accepted meanwhile."""
    process = world.process()
    world.pass_seconds(20)
    world.comes()

    def fail(*_: object) -> None:
        raise OSError("the disk is away")

    event.listen(world.engine, "commit", fail)
    for _ in range(30):
        world.nobody_looks(LOOK)
        with suppress(Exception):
            process.look()
    event.remove(world.engine, "commit", fail)
    world.pass_seconds(WITHIN - 2 * LOOK)
    assert [] == world.told()
    world.pass_seconds(6 * LOOK)
    assert [SILENT] == world.told()


class Killed(BaseException):
    """As kill -9: nothing after it is done."""


def statements(engine: Engine, work: Callable[[], None], stop_at: int | None = None) -> int:
    """Counts the writes of some work, or ends it before one of these, or before the commit behind them."""
    count = 0

    def before(connection: object, cursor: object, statement: str, *_: object) -> None:
        nonlocal count
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            if count == stop_at:
                raise Killed
            count += 1

    def commit(connection: object) -> None:
        if count == stop_at:
            raise Killed

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", commit)
    try:
        with suppress(Killed):
            work()
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "commit", commit)
    return count


@pytest.mark.parametrize("change", ["silent", "back"])
def test_a_kill_at_any_write_neither_loses_nor_repeats(world: World, change: str) -> None:
    """What a process was about to keep when it died, another keeps, whole and once."""
    key = "b" * 16
    for stop_at in range(12):
        key = f"{stop_at:016d}"
        watch = Watch(key, f'alertname="W{stop_at}"', WITHIN, (PAGED,))
        doomed, other = world.process(watch), world.process(watch)
        world.processes = [other]
        world.pass_seconds(JOIN_SECONDS + LOOK)
        doomed.look()
        if change == "back":
            world.pass_seconds(WITHIN)
            world.comes(key)
        else:
            world.pass_seconds(WITHIN - JOIN_SECONDS - LOOK)
            world.nobody_looks(JOIN_SECONDS)
        before = len(world.told())
        killed_after = statements(world.engine, doomed.look, stop_at)
        assert killed_after == stop_at or before + 1 == len(world.told())
        world.pass_seconds(2 * LOOK)
        assert before + 1 == len(world.told()), f"killed at write {stop_at}"
        world.processes.clear()
        with world.engine.begin() as connection:
            connection.execute(table.delete())


def test_a_kill_while_it_is_accepted_is_no_half(world: World) -> None:
    """What was kept was heard of, and what was not heard of was not kept."""
    world.process()
    for stop_at in range(4):
        statements(world.engine, world.comes, stop_at)
        with world.engine.connect() as connection:
            kept = connection.execute(select(func.count()).select_from(events)).scalar_one()
            counted = connection.execute(select(table.c.heard)).scalar_one()
        assert kept == counted


@pytest.mark.parametrize("seed", range(12))
def test_by_chance(world: World, seed: int) -> None:
    """Whatever comes, ends, begins, freezes and is set: told is what was listened for, and nothing else.

    Held against a model that only knows when it came, and since when somebody listened without a gap.
    """
    dice = random.Random(seed)
    world.process()
    quiet_since, silent, expected = world.lived + JOIN_SECONDS, False, [0, 0]
    margin = 5 * LOOK + JOIN_SECONDS
    for _ in range(40):
        step = dice.choice(("comes", "passes", "passes", "clock", "begins", "ends", "away", "frozen"))
        if step == "comes":
            world.comes()
            world.pass_seconds(2 * LOOK)
            quiet_since = world.lived
            if silent:
                silent, expected[1] = False, expected[1] + 1
        elif step == "passes":
            # Never so that it is a matter of seconds, which the model does not know.
            seconds = dice.choice((4.0, 10.0, 2 * WITHIN))
            if not silent and seconds < WITHIN and world.lived + seconds - quiet_since > WITHIN - margin:
                continue
            world.pass_seconds(seconds)
        elif step == "clock":
            world.wall += timedelta(seconds=dice.choice((-7_200, -30, 30, 7_200)))
        elif step == "begins" and len(world.processes) < 3:
            world.process()
            continue
        elif step == "ends" and len(world.processes) > 1:
            if world.processes[0]._watchdogs._listening._joined is False:
                continue
            world.processes.pop()
            continue
        elif step in ("away", "frozen"):
            if step == "away":
                world.processes.clear()
            world.nobody_looks(dice.choice((GAP_SECONDS + 5, 3_600.0)))
            if step == "away":
                world.process()
            world.pass_seconds(JOIN_SECONDS + 2 * LOOK)
            quiet_since = world.lived
        if not silent and world.lived - quiet_since > WITHIN + margin:
            silent, expected[0] = True, expected[0] + 1
        told = [each.split(" ")[0] for each in world.told()]
        assert expected == [told.count("firing"), told.count("resolved")], f"seed {seed}, after {step}"


def test_keeps_whom_it_told(world: World) -> None:
    """In the row, which all replicas share."""
    world.process()
    world.pass_seconds(JOIN_SECONDS + WITHIN + 2 * LOOK)
    with world.engine.connect() as connection:
        row = connection.execute(select(table.c.told, table.c.silent_since)).one()
    assert [PAGED.destination] == json.loads(row.told)
    standing = world.store.watchdogs.standing([WATCH.key, "unknown"])
    assert row.silent_since == standing[WATCH.key].silent_since
    assert (None, None) == (standing["unknown"].heard_at, standing["unknown"].silent_since)
