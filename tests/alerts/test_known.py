"""What a truncated group hides, and ends that its payload no longer names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.known import with_ends, with_hidden
from alerts.model import Alert, AlertGroup, Status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def alert(letter: str, status: Status = "firing", severity: str = "error", minutes: int = 0) -> Alert:
    """Returns an alert known by a letter that began so many minutes after noon."""
    starts_at = NOON + timedelta(minutes=minutes)
    return Alert(
        {"n": letter, "severity": severity, "zone": "z"},
        {"summary": letter, "runbook": "r"},
        status,
        starts_at,
        None if status == "firing" else starts_at,
        "",
        letter,
    )


def group(*alerts: Alert, truncated: int = 0) -> AlertGroup:
    """Returns a group whose payload says what is common to more alerts than it may name."""
    return AlertGroup(
        "g",
        alerts,
        group_labels={"alertname": "A"},
        common_labels={"stale": "1"},
        common_annotations={"stale": "1"},
        receiver="upstream",
        external_url="http://alertmanager.example",
        truncated_alerts=truncated,
        notification_reason="new_alerts",
    )


A, B, C = (alert(letter) for letter in "abc")
A_ENDED, B_ENDED = (alert(letter, "resolved") for letter in "ab")


def test_whole_group_hides_nothing() -> None:
    """What a whole group does not name does not fire in it, whatever was known: it is left as it is."""
    assert group(A) == with_hidden(group(A), [B, C])


def test_hidden_alerts_fire_on() -> None:
    """Alerts known to fire are added behind the payload's own, and are no longer counted as cut."""
    expected = replace(
        group(A_ENDED, B, truncated=2),
        common_labels={"severity": "error", "zone": "z"},
        common_annotations={"runbook": "r"},
    )
    told = with_hidden(group(A_ENDED, truncated=3), [B])

    assert expected == told
    assert "firing" == told.status


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ([], "nothing is known"),
        ([A], "the payload names it, and is right"),
        ([B_ENDED], "it does not fire"),
    ],
    ids=lambda each: each.replace(" ", "-") if isinstance(each, str) else "",
)
def test_truncated_group_may_be_over(known: list[Alert], why: str) -> None:
    """A truncated group is left as it is when no other alert is known to fire in it."""
    told = with_hidden(group(A_ENDED, truncated=3), known)

    assert group(A_ENDED, truncated=3) == told, why
    assert "resolved" == told.status


def test_no_more_are_hidden_than_were_cut() -> None:
    """Of more alerts than were cut, the worst are taken, and of those the newest: the old may be over unheard of."""
    known = [
        alert("b", severity="warning", minutes=9),
        alert("c", severity="critical", minutes=1),
        alert("d", severity="critical", minutes=2),
        alert("e", minutes=3),
        alert("f", minutes=4),
    ]
    told = with_hidden(group(A, truncated=3), known)

    assert ["a", "d", "c", "f"] == [each.fingerprint for each in told.alerts]
    assert 0 == told.truncated_alerts


def test_an_alert_is_hidden_once() -> None:
    """An alert that is given twice is added once, as it was last."""
    told = with_hidden(group(A, truncated=3), [B, alert("b", minutes=5)])

    assert ((A, alert("b", minutes=5)), 2) == (told.alerts, told.truncated_alerts)


def test_ends_come_behind() -> None:
    """Ends that the payload no longer names are added behind its own alerts, and what is common is found anew."""
    expected = replace(
        group(C, A_ENDED, B_ENDED, truncated=2),
        common_labels={"severity": "error", "zone": "z"},
        common_annotations={"runbook": "r"},
    )

    assert expected == with_ends(group(C, truncated=2), [A_ENDED, B_ENDED])


@pytest.mark.parametrize(
    ("own", "ended", "expected"),
    [
        ([A], [], [A]),
        ([A], [A_ENDED], [A]),
        ([A], [B], [A]),
        ([A], [B, B_ENDED], [A, B_ENDED]),
        ([A], [B_ENDED, B], [A]),
        ([A], [B_ENDED, B_ENDED], [A, B_ENDED]),
    ],
    ids=["none", "fires again", "not an end", "fired before", "fired after", "twice"],
)
def test_only_untold_ends_are_added(own: list[Alert], ended: list[Alert], expected: list[Alert]) -> None:
    """What the payload names, and what fires in the end, has no end to be told."""
    assert tuple(expected) == with_ends(group(*own), ended).alerts


def test_nothing_added_nothing_changed() -> None:
    """Without an end to add, even what the payload says is common stays as it says."""
    assert group(A, truncated=1) == with_ends(group(A, truncated=1), [A_ENDED, B])


_LETTERS = st.lists(st.sampled_from("abcdef"), max_size=6, unique=True)
_STATUSES: st.SearchStrategy[Status] = st.sampled_from(["firing", "resolved"])
_ALERTS = st.lists(st.builds(alert, st.sampled_from("abcdef"), _STATUSES, st.sampled_from(["critical", "info"])))


@given(_LETTERS, st.integers(0, 4), _ALERTS)
def test_as_many_alerts_as_before(letters: list[str], truncated: int, known: list[Alert]) -> None:
    """Whatever is known: no alert is lost, none is named twice, and named and cut ones stay as many together."""
    before = group(*map(alert, letters), truncated=truncated)
    after = with_hidden(before, known)
    fingerprints = [each.fingerprint for each in after.alerts]

    assert before.alerts == after.alerts[: len(letters)]
    assert len(letters) + truncated == len(after.alerts) + after.truncated_alerts
    assert sorted(set(fingerprints)) == sorted(fingerprints)
    assert after == with_hidden(after, known)
