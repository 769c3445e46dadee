"""What is kept of what is done about alerts: the clock of the guards, leases, retention."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, func, select, update

from alerts.model import Alert, group_id
from alerts.remediation import Proposal, Target
from outbox.guard_clock import TICKS_PER_SECOND, GuardClock, control_row
from outbox.records import Remediation, TakenUp
from outbox.remediation_beginnings import take_up
from outbox.remediation_guards import Bounds
from outbox.remediations import Change, Remediations
from outbox.rows import ALERT, json_text
from outbox.statements import upsert
from outbox.store import Store
from outbox.tables import alerts, remediation_control, remediations
from tests.samples import NOW, model_alert

BOUNDS = Bounds(600.0, 3, 10, 3)
RULE = "fix/kubernetes/0"


class Lived:
    """A clock that nobody sets but the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Returns what it shows."""
        return self.now


def taken_up(store: Store, engine: Engine, alert: Alert | None = None) -> Remediation:
    """Takes an alert up and claims it."""
    alert = alert or model_alert()
    event_id = store.accept(b"{}", NOW)
    with engine.begin() as connection:
        take_up(connection, [TakenUp("rule", "restart", False, "g", alert)], RULE, event_id, NOW, NOW)
    (claimed,) = [each for each in store.remediations.claim(NOW, 60, 100) if each.alert == alert]
    return claimed


def proposal(name: str = "cart") -> Proposal:
    """Returns what would be done."""
    return Proposal("restart", Target("Deployment", name, "shop"), f"restart deployment shop/{name}")


def begun(store: Store, of: Remediation, name: str = "cart") -> tuple[bool, str]:
    """Begins it, and returns whether it may be done, and else the guard that stops it."""
    done = store.remediations.begin(of, proposal(name), BOUNDS, (), NOW, act=True)
    return done.allowed, next((each.guard for each in done.verdicts if not each.passed), "")


def test_the_guards_clock_goes_by_what_processes_have_lived_through(engine: Engine) -> None:
    """The highest of what is said holds, and nobody says more than has passed."""
    one, other = Lived(), Lived()
    other.now = 1_000.0
    first, second = GuardClock(one), GuardClock(other)

    def both() -> tuple[float, float]:
        with engine.begin() as connection:
            return first.advance(connection) / TICKS_PER_SECOND, second.advance(connection) / TICKS_PER_SECOND

    assert (0.0, 0.0) == both()
    one.now += 10
    other.now += 10
    assert (10.0, 10.0) == both()
    # One of them is held up; time has passed all the same.
    other.now += 5
    assert (10.0, 15.0) == both()
    assert (15.0, 15.0) == both()


def test_the_guards_clock_stands_still_while_no_process_lives(engine: Engine) -> None:
    """A cooldown then lasts longer, and never less."""
    lived = Lived()
    with engine.begin() as connection:
        GuardClock(lived).advance(connection)
        connection.execute(update(remediation_control).values(ticks=7 * TICKS_PER_SECOND))
    lived.now += 86_400
    with engine.begin() as connection:
        assert 7 * TICKS_PER_SECOND == GuardClock(lived).advance(connection)


def test_a_cooldown_ends_by_the_guards_clock(engine: Engine, store: Store) -> None:
    """And not by the wall's, however far ahead that is."""
    lived = Lived()
    store.remediations = Remediations(store._reading, store._writer, store.owner, GuardClock(lived))
    assert (True, "") == begun(store, taken_up(store, engine))
    second = taken_up(store, engine, model_alert("Other"))
    later = NOW + timedelta(days=400)
    refused = store.remediations.begin(second, proposal(), BOUNDS, (), later, act=True)
    assert ["cooldown"] == [each.guard for each in refused.verdicts if not each.passed]
    lived.now += 614
    assert (False, "cooldown") == begun(store, second)
    lived.now += 1
    assert (True, "") == begun(store, second)


def test_a_longer_cooldown_holds_for_others(engine: Engine, store: Store) -> None:
    """Whoever touched a target says for how long it is left alone."""
    of = taken_up(store, engine)
    store.remediations.begin(of, proposal(), Bounds(86_400.0, 3, 10, 3), (), NOW, act=True)
    assert (False, "cooldown") == begun(store, taken_up(store, engine, model_alert("Other")))


def test_only_who_holds_it_begins_it(engine: Engine, store: Store) -> None:
    """And begins it once."""
    of = taken_up(store, engine)
    other = Store(engine, "b")
    assert not other.remediations.begin(of, proposal(), BOUNDS, (), NOW, act=True).held
    assert (True, "") == begun(store, of)
    assert not store.remediations.begin(of, proposal(), BOUNDS, (), NOW, act=True).held
    assert [] == list(other.remediations.claim(NOW, 60, 10))
    (again,) = other.remediations.claim(NOW + timedelta(seconds=61), 60, 10)
    assert "acting" == again.state
    assert not store.remediations.change(of, Change("done", NOW, result="fixed"), NOW)


def test_what_a_dead_process_held_comes_back(engine: Engine, store: Store) -> None:
    """At once, where it is known to be dead."""
    taken_up(store, engine)
    other = Store(engine, "b")
    assert [] == list(other.remediations.claim(NOW, 60, 10))
    other.release("a")
    assert 1 == len(other.remediations.claim(NOW, 60, 10))


def test_retention_keeps_what_guards_need(engine: Engine, store: Store) -> None:
    """What was done lately, and what was done about what fires still; the rest goes."""
    lived = Lived()
    store.remediations = Remediations(store._reading, store._writer, store.owner, GuardClock(lived))
    names = ("Fires", "Lately", "Refused")
    found = {name: taken_up(store, engine, model_alert(name)) for name in names}
    for name in names[:2]:
        assert (True, "") == begun(store, found[name], name.lower())
    for each in found.values():
        assert store.remediations.change(each, Change("done", NOW, result="fixed"), NOW)
    row = {
        "fingerprint": found["Fires"].alert.fingerprint,
        "group_id": group_id("g"),
        "status": "firing",
        "severity": 1,
        "alert": json_text(ALERT, found["Fires"].alert),
        "findings": "[]",
        "destinations": "",
        "event_id": 1,
        "updated_at": NOW,
        "lapsed": 0,
    }
    with engine.begin() as connection:
        upsert(connection, alerts, [row])

    def left() -> list[str]:
        list(store.retention.sweep(NOW + timedelta(days=1)))
        return sorted(each.alert.name for each in store.remediations.list(10))

    assert ["Fires", "Lately"] == left()
    lived.now += 4_201
    store.remediations.beat()
    assert ["Fires"] == left()
    with engine.begin() as connection:
        connection.execute(update(alerts).values(status="resolved"))
    assert [] == left()


def test_the_switch_holds_for_all_processes(engine: Engine, store: Store) -> None:
    """And says who turned it."""
    store.remediations.turn(False, "jane", NOW)
    switch = Store(engine, "b").remediations.switch()
    assert (False, "jane", NOW) == (switch.on, switch.by, switch.at)
    assert (False, "switch") == begun(store, taken_up(store, engine))


def test_there_is_one_row_of_control(engine: Engine) -> None:
    """However often it is made."""
    with engine.begin() as connection:
        for _ in range(2):
            control_row(connection)
        assert 1 == connection.execute(select(func.count()).select_from(remediation_control)).scalar_one()
        assert 0 == connection.execute(select(func.count()).select_from(remediations)).scalar_one()
