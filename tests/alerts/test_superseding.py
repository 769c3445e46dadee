"""A newer state of a group in the place of those that wait tells their ends, too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.findings import Gap
from alerts.model import Alert, AlertGroup
from alerts.notification import Notification, Thread
from alerts.superseding import superseding

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def notification(text: str, *, truncated: int = 0, minutes: int = 0) -> Notification:
    """Returns a notification from letters: a capital fires, a small one has ended, so many minutes after noon."""
    at = NOON + timedelta(minutes=minutes)
    alerts = tuple(
        Alert(
            {"n": letter.upper(), "zone": "z"},
            {},
            "firing" if letter.isupper() else "resolved",
            NOON,
            None if letter.isupper() else at,
            "",
            letter.upper(),
        )
        for letter in text
    )
    found = {alert.fingerprint: (Gap("memory", "memory", f"{text} at {minutes}"),) for alert in alerts}
    group = AlertGroup("g", alerts, truncated_alerts=truncated)
    return Notification("on-call", "pagerduty", 0, group, found, notes=(text,))


def letters(told: Notification) -> str:
    """Returns the letters that a notification was made from."""
    return "".join(each.fingerprint if each.firing else each.fingerprint.lower() for each in told.group.alerts)


@pytest.mark.parametrize(
    ("older", "newest", "expected"),
    [
        ([], "AB", "AB"),
        (["aB"], "BC", "BCa"),
        (["aB", "BC"], "BD", "BDa"),
        (["a"], "A", "A"),
        (["aB", "AB"], "B", "B"),
        (["aB", "AB", "aB"], "B", "Ba"),
        (["AB"], "B", "B"),
        (["ab"], "C", "Cab"),
        (["ab"], "c", "cab"),
        (["a", "b"], "C", "Cab"),
        (["aB"], "ab", "ab"),
        (["a"], "a", "a"),
    ],
    ids=[
        "nothing waits",
        "an end",
        "an end two states ago",
        "fires again",
        "fired again, and is missing",
        "ended twice, and is missing",
        "never ended",
        "everything over, another fires",
        "everything over",
        "ends of several",
        "named as over",
        "the same",
    ],
)
def test_carries_untold_ends(older: list[str], newest: str, expected: str) -> None:
    """What the latest older state that names an alert has as over, and the newest does not name, is told with it."""
    assert expected == letters(superseding(notification(newest), [notification(each) for each in older]))


def test_nothing_to_carry_changes_nothing() -> None:
    """Without an untold end the newest is told as it is."""
    assert notification("AB") == superseding(notification("AB"), [notification("aB"), notification("Cb")])


def test_carries_the_latest_end_and_its_findings() -> None:
    """An alert that ended twice is told with its last end and what was found then; notes are the newest's own."""
    first, second, newest = notification("aB", minutes=1), notification("ab", minutes=2), notification("C", minutes=3)
    told = superseding(newest, [first, second])

    assert (*newest.group.alerts, *second.group.alerts) == told.group.alerts
    assert {**newest.findings, **second.findings} == told.findings
    assert newest.notes == told.notes
    assert {"zone": "z"} == told.group.common_labels


def test_an_end_without_findings_is_carried() -> None:
    """An end is told although nothing was looked up for it."""
    told = superseding(notification("B"), [replace(notification("a"), findings={})])

    assert ("Ba", ()) == (letters(told), told.findings["A"])


def test_truncated_group_carries_ends() -> None:
    """In a truncated group, too, an end is told, and no fewer alerts are hidden for it."""
    told = superseding(notification("B", truncated=3), [notification("aB", truncated=3)])

    assert ("Ba", 3) == (letters(told), told.group.truncated_alerts)


_STATES = st.lists(
    st.tuples(st.permutations("abc"), st.integers(1, 3), st.sets(st.sampled_from("abc"))).map(
        lambda drawn: "".join(letter.upper() if letter in drawn[2] else letter for letter in list(drawn[0])[: drawn[1]])
    ),
    min_size=1,
    max_size=5,
)


@given(_STATES, st.booleans())
def test_one_for_many_leaves_the_same_open(states: list[str], truncated: bool) -> None:
    """Where every end is told, a destination that hears one for many holds open what it would after each of them.

    Only an alert that began and was not heard of again while all waited is not told, for the newest does not know it.
    """
    *older, newest = [notification(each, truncated=int(truncated)) for each in states]
    each_told = held = Thread().told(notification("ABC"), NOON)
    for each in (*older, newest):
        each_told = each_told.told(each, NOON)
    once_told = held.told(superseding(newest, older), NOON)
    unheard = {alert.fingerprint for each in older for alert in each.group.alerts if alert.firing}

    assert set(each_told.open_fingerprints) <= set(once_told.open_fingerprints) | unheard
    if truncated:
        assert set(each_told.open_fingerprints) == set(once_told.open_fingerprints)
