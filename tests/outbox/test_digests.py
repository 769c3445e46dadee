"""Digests: in a storm many groups are told in one message, and what they told is told as over."""

import json
import time
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Engine, text

from alerts.model import Alert
from alerts.notification import Digest, Notification, SendError
from outbox.digests import DIGESTED
from outbox.lanes import Lane
from outbox.pacing import Pace
from outbox.queue import Claim
from outbox.records import Delivery, Plan, Planned
from outbox.retry import Outcome
from outbox.settling import Settlement
from outbox.store import Store
from tests.outbox.steps import (
    DEAD,
    LEASE,
    TEAM,
    after,
    claim,
    critical,
    fail,
    groups_of,
    keep,
    row,
    said,
    settle,
    states,
    take,
    told,
)
from tests.samples import NOW, model_alert

A, A_OVER, B = model_alert("A"), model_alert("A", "resolved"), model_alert("B")
# Four within `digest_after`.
LANE = Lane(TEAM, 10, Pace(0.2, 1), 20.0, external_url="https://alerts.example/")


def storm(store: Store, count: int = 6, now: datetime = NOW, *alerts: Alert) -> None:
    """Has so many groups wait."""
    for number in range(count):
        keep(store, told(str(number), *(alerts or (A,))), now=now)


def digest_of(claimed: Claim) -> tuple[Delivery, Digest]:
    """The digest that was claimed, and nothing else."""
    (delivery,) = claimed.deliveries
    assert "digest" == delivery.kind
    assert delivery.notification.digest is not None
    return delivery, delivery.notification.digest


@pytest.fixture
def digested(store: Store) -> Delivery:
    """A digest of six groups, in flight since the seventh second."""
    storm(store)
    return digest_of(claim(store, after(7), LANE))[0]


def test_a_storm_is_told_in_one(store: Store, engine: Engine) -> None:
    """When more waits than can be told in time, all of it is one message, after a third of that time."""
    storm(store)
    early = claim(store, after(0), LANE)
    assert ["0"] == groups_of(list(early.deliveries))
    assert settle(store, early.deliveries[0])
    got = claim(store, after(6.7), LANE)
    delivery, digest = digest_of(got)
    assert Digest(5, {"error": 5}, 0) == digest
    assert (1, [(TEAM, "digested")] * 5) == (delivery.attempts, list(got.settled))
    assert ["delivered"] + ["digested"] * 5 + ["pending"] == states(engine)
    old = row(engine, 2)
    assert (delivery.id, DIGESTED, after(6.7)) == (old.successor_id, old.detail, old.settled_at)
    assert f"https://alerts.example/digests/{delivery.id}" == delivery.notification.page_url


def test_says_when_a_digest_is_to_be_made(store: Store) -> None:
    """What waits for it is looked at then; until then what waits goes one by one."""
    storm(store)
    first = claim(store, NOW, LANE)
    assert after(20 / 3) in (first.look_at, after(20 / 3))
    assert first.look_at == min(after(5), after(20 / 3))


def test_little_is_told_one_by_one(store: Store) -> None:
    """As many groups as can be told in time are no storm, however many states of them wait."""
    for _ in range(3):
        storm(store, 4)
    assert ["0"] == groups_of(take(store, after(19), LANE))


@pytest.mark.parametrize("lane", [replace(LANE, pace=None), replace(LANE, digest_after_seconds=None)])
def test_not_every_lane_has_digests(store: Store, lane: Lane) -> None:
    """Neither one that is not paced, nor one that wants none."""
    storm(store, 20)
    assert {"state"} == {each.kind for each in take(store, after(19), lane)}


def test_counts_every_alert(store: Store) -> None:
    """By severity and as over, of groups of which several states wait what their newest tells, ends carried along."""
    info = model_alert("I", severity="info")
    storm(store, 5, NOW, A, critical(B), info)
    keep(store, told("0", A_OVER, critical(B)), now=after(1))
    keep(store, told("0", critical(B), info), now=after(2))
    lane = replace(LANE, pace=Pace(0.05, 1))
    # One critical group is kept out of it.
    _, digest = digest_of(claim(store, after(10), lane))
    assert Digest(4, {"critical": 4, "error": 4, "info": 4}, 0) == digest
    assert 12 == digest.alerts


def test_counts_what_is_carried(store: Store, engine: Engine) -> None:
    """The end that a superseded state was to tell is counted, and kept with the row that stands for the group."""
    storm(store, 5)
    keep(store, told("0", A_OVER, B), now=after(1))
    keep(store, told("0", B), now=after(2))
    delivery, digest = digest_of(claim(store, after(10), LANE))
    assert Digest(5, {"error": 5}, 1) == digest
    assert {"error": 1, "resolved": 1} == json.loads(row(engine, 7).counts)
    assert {delivery.id} == {row(engine, each).successor_id for each in range(1, 8)}


def test_shows_what_it_counts(store: Store) -> None:
    """Of a group of which several states waited, the page that the digest links to lists each alert once."""
    storm(store, 5)
    keep(store, told("0", A_OVER, B), now=after(1))
    keep(store, told("0", B), now=after(2))
    delivery, digest = digest_of(claim(store, after(10), LANE))
    listed = [alert for each in store.digested(delivery.id) or () for alert in each.group.alerts]
    assert (digest.alerts, digest.resolved) == (len(listed), len([each for each in listed if not each.firing]))


def test_names_the_worst_ten(store: Store) -> None:
    """By name stand the worst, what fires first; the others are counted as cut."""
    for number in range(14):
        keep(store, told(str(number), model_alert(f"info {number}", severity="info")))
    for number in range(14, 17):
        keep(store, told(str(number), model_alert(f"warning {number}", severity="warning")))
    delivery, _ = digest_of(claim(store, after(10), LANE))
    names = [alert.name for alert in delivery.notification.group.alerts]
    assert [f"warning {n}" for n in (14, 15, 16)] + [f"info {n}" for n in range(7)] == names
    assert 7 == delivery.notification.group.truncated_alerts


def test_critical_ones_are_told_by_themselves(store: Store, engine: Engine) -> None:
    """As many as the pace allows in time, after the digest; those beyond are in it."""
    storm(store, 3)
    for number in range(6):
        keep(store, told(f"critical {number}", critical(A)))
    delivery, digest = digest_of(claim(store, after(10), LANE))
    assert Digest(5, {"critical": 2, "error": 3}) == digest
    assert settle(store, delivery, now=after(10))
    taken = [groups_of(take(store, after(10 + 5 * number), LANE)) for number in range(1, 6)]
    assert [["critical 0"], ["critical 1"], ["critical 2"], ["critical 3"], []] == taken
    assert 5 == states(engine).count("digested")


def test_a_digest_that_waits_holds_back_its_groups_alone(store: Store, digested: Delivery) -> None:
    """Nothing newer of these is told before it; others are, the critical first, and in digests where there are many."""
    keep(store, told("new", critical(A)), told("3", A_OVER), told("other", A), now=after(8))
    fail(store, digested, after(9), after(60))
    taken = [group for seconds in (15, 20, 25) for group in groups_of(take(store, after(seconds), LANE))]
    assert ["new", "other"] == taken
    for number in range(6):
        keep(store, told(f"more {number}", A), now=after(26))
    again, digest = digest_of(claim(store, after(40), LANE))
    assert (6, {"error": 6}, 0) == (digest.groups, digest.firing, digest.resolved)
    assert settle(store, again, now=after(40))
    assert [digested.id] == [each.id for each in take(store, after(60), LANE)]
    assert settle(store, replace(digested, lease_until=after(60 + LEASE)), now=after(61))
    _, last = digest_of(claim(store, after(90), LANE))
    assert (1, 1) == (last.groups, last.resolved)


def test_while_a_chat_fails_no_more_digests_are_made(store: Store, digested: Delivery) -> None:
    """What comes meanwhile is told in one when it is well again, and until then probes are made one by one."""
    busy = SendError("busy")
    for number in range(3):
        keep(store, told(f"probe {number}", A), now=after(8))
    fail(store, digested, after(8), after(300))
    for seconds in (13, 19, 25):
        (each,) = take(store, after(seconds), replace(LANE, digest_after_seconds=None))
        settlement = Settlement(each, Outcome("pending", "busy", after(300)), None, busy, after(seconds))
        assert [True] == store.queue.settle([settlement])
    for number in range(10):
        keep(store, told(f"storm {number}", A), now=after(26))
    taken = take(store, after(200), LANE)
    assert ["state"] == [each.kind for each in taken]


def test_what_is_told_after_a_digest_is_no_storm(store: Store, digested: Delivery) -> None:
    """Once it is delivered the others go on, one by one."""
    assert settle(store, digested, now=after(8))
    keep(store, told("new", A), now=after(9))
    assert ["new"] == groups_of(take(store, after(15), LANE))


def test_the_next_digest_waits(store: Store, digested: Delivery) -> None:
    """While a storm lasts there is one in each `digest_after`; meanwhile what waits goes one by one."""
    assert settle(store, digested, now=after(8))
    for number in range(9):
        keep(store, told(f"new {number}", A), now=after(9))
    for seconds in (15, 20.1):
        (single,) = take(store, after(seconds), LANE)
        assert "state" == single.kind
        assert settle(store, single, now=after(seconds))
    _, digest = digest_of(claim(store, after(27), LANE))
    assert Digest(7, {"error": 7}) == digest


def test_the_end_of_what_a_digest_told_is_in_the_next(store: Store, digested: Delivery, engine: Engine) -> None:
    """Even a single one: it is not told alone, and the next digest tells it when its time has come."""
    assert settle(store, digested, now=after(8))
    keep(store, told("3", A_OVER), now=after(9))
    got = claim(store, after(15), LANE)
    assert ((), after(27)) == (got.deliveries, got.look_at)
    delivery, digest = digest_of(claim(store, after(27), LANE))
    assert Digest(1, {}, 1) == digest
    assert settle(store, delivery, now=after(27))
    assert "digested" == row(engine, 8).state
    keep(store, told("3", A), now=after(30))
    (again,) = take(store, after(40), LANE)
    assert () == again.thread.open_fingerprints


def test_in_a_storm_the_end_waits_too(store: Store, digested: Delivery) -> None:
    """What is told one by one until the next digest is anything but the ends of what the last one told."""
    assert settle(store, digested, now=after(8))
    keep(store, told("3", A_OVER), now=after(9))
    for number in range(5):
        keep(store, told(f"new {number}", A), now=after(10))
    taken = [group for seconds in (13, 18, 23) for group in groups_of(take(store, after(seconds), LANE))]
    assert ["new 0", "new 1", "new 2"] == taken
    _, digest = digest_of(claim(store, after(29), LANE))
    assert 1 == digest.resolved


def test_what_was_told_since_is_not_the_digests(store: Store, digested: Delivery) -> None:
    """A group told by itself after the digest hears its end by itself, so that its own message is edited."""
    assert settle(store, digested, now=after(8))
    keep(store, told("3", A, B), now=after(9))
    (single,) = take(store, after(15), LANE)
    assert ({A.fingerprint}, True) == (set(single.thread.open_fingerprints), single.thread.digested)
    assert settle(store, single, now=after(16))
    keep(store, told("3", A_OVER, model_alert("B", "resolved")), now=after(17))
    (over,) = take(store, after(25), LANE)
    assert ("state", {A.fingerprint, B.fingerprint}) == (over.kind, set(over.thread.open_fingerprints))


def test_what_a_dead_digest_was_to_tell_was_not_told(store: Store, digested: Delivery, engine: Engine) -> None:
    """Its groups' threads hold nothing of it, and their ends go their own way; the digest is one nobody heard of."""
    assert settle(store, digested, DEAD, now=after(8))
    assert 1 == row(engine, digested.id).untold
    keep(store, told("3", A, B), told("4", A_OVER), now=after(9))
    (single,) = take(store, after(20), LANE)
    assert (("3"), False) == (single.notification.group.group_key, single.thread.open)
    assert settle(store, single, now=after(20))
    assert [[("A", "resolved")]] == [said(each) for each in take(store, after(26), LANE)]


def test_who_heard_it_in_a_digest_holds_it(store: Store, digested: Delivery) -> None:
    """Who is told of an end is also whoever heard of the beginning in a digest, or is about to."""
    assert {TEAM: None} == store.holders(["3"])["3"]
    assert settle(store, digested, now=after(8))
    assert {TEAM: frozenset({A.fingerprint})} == store.holders(["3"])["3"]
    keep(store, told("3", A_OVER), now=after(9))
    delivery, _ = digest_of(claim(store, after(28), LANE))
    assert settle(store, delivery, now=after(28))
    assert {} == store.holders(["3"])


def test_a_digest_closes_what_was_told_by_itself(store: Store, engine: Engine) -> None:
    """Where it tells the end; what it leaves open stays so, and the next digest tells of it."""
    for group, alerts in {"over": (A,), "partly": (A, B)}.items():
        keep(store, told(group, *alerts))
        (single,) = take(store, NOW, replace(LANE, pace=None))
        assert settle(store, single)
    keep(store, told("over", A_OVER), told("partly", A_OVER, B), now=after(1))
    storm(store, 6, after(1))
    digest, _ = digest_of(claim(store, after(9), LANE))
    assert settle(store, digest, now=after(9))
    with engine.connect() as connection:
        assert [0, 1] == sorted(connection.execute(text("SELECT open FROM threads")).scalars())
    assert {} == store.holders(["over"])
    assert {TEAM: frozenset({B.fingerprint})} == store.holders(["partly"])["partly"]
    keep(store, told("over", A), now=after(40))
    (again,) = take(store, after(50), LANE)
    assert ((), after(9)) == (again.thread.open_fingerprints, row(engine, digest.id).settled_at)


def test_what_is_in_flight_or_held_is_in_no_digest(store: Store) -> None:
    """A group of which a state is being sent, or waits for its time, goes its own way."""
    keep(store, told("sent", A))
    (sent,) = take(store, NOW, replace(LANE, digest_after_seconds=None))
    keep(store, told("sent", B), now=after(1))
    keep(store, told("held", A_OVER), due_at=after(600))
    storm(store)
    _, digest = digest_of(claim(store, after(10), LANE))
    assert 6 == digest.groups
    assert settle(store, sent, now=after(11))


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clocks_jump_stops_no_digest(store: Store, digested: Delivery, jump: float) -> None:
    """Neither one that is to be made nor the next one."""
    assert settle(store, digested, now=after(8))
    keep(store, told("3", A_OVER), now=after(9))
    storm(store, 6, after(9), B)
    made = [claim(store, after(jump + waited), LANE).deliveries for waited in (0, 7, 21, 28)]
    assert "digest" in [each.kind for some in made for each in some]


def test_a_dead_digest_may_be_tried_again(store: Store, digested: Delivery) -> None:
    """By hand, unless one of its groups has been told something later."""
    assert settle(store, digested, DEAD, now=after(8))
    assert None is store.queue.retry(digested.id, after(9))
    (again,) = take(store, after(9 + LEASE), LANE)
    assert digested.id == again.id
    assert settle(store, again, DEAD, now=after(40))
    keep(store, told("3", B), now=after(41))
    assert "a newer state of its group has been told, or is about to be" == store.queue.retry(digested.id, after(42))


def test_rows_of_another_version_are_in_it(store: Store, engine: Engine) -> None:
    """One that cannot be read is counted as a group, and one that was not counted is counted."""
    storm(store)
    with engine.begin() as connection:
        connection.execute(text("UPDATE deliveries SET notification = '{}', counts = '' WHERE id = 1"))
        connection.execute(text("UPDATE deliveries SET counts = '' WHERE id = 2"))
    _, digest = digest_of(claim(store, after(10), LANE))
    assert Digest(6, {"error": 5}) == digest


def test_five_thousand_groups_in_one(store: Store, engine: Engine) -> None:
    """A storm of 5,000 groups, some with several states, is one digest; how long its transaction took is printed."""

    def plan(notifications: list[Notification]) -> None:
        store.accept(b"{}", NOW)
        (event,) = store.claim_events(NOW, LEASE)
        store.plan([Plan(event, tuple(Planned(each) for each in notifications))])

    plan([told(str(number), A) for number in range(5_000)])
    plan([told(str(number), B) for number in range(0, 5_000, 5)])
    lane = Lane(TEAM, 10, Pace(1, 1), 30.0)
    begun = time.monotonic()
    delivery, digest = digest_of(claim(store, after(11), lane))
    seconds = time.monotonic() - begun
    print(f"a digest of 5,000 groups on {engine.dialect.name}: {seconds:.2f} s")
    assert Digest(5_000, {"error": 5_000}) == digest
    assert 6_000 == states(engine).count("digested")
    assert settle(store, delivery, now=after(12))
    assert seconds < 10


def test_what_a_digest_tells_stays_until_it_is_told(store: Store, digested: Delivery, engine: Engine) -> None:
    """Retention deletes no row of a digest that still waits: the page lists them, and it is known who was told."""
    late = after(100_000)
    list(store.retention.sweep(late))
    assert ["digested"] * 6 + ["pending"] == sorted(states(engine))
    assert settle(store, digested, now=after(8))
    list(store.retention.sweep(late))
    assert [] == states(engine)
