"""What was found, in words; what a destination holds of a group; the key that a far side knows it by."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.findings import Excerpt, Finding, Gap, Reading, gathered
from alerts.model import Alert, AlertGroup
from alerts.notification import Notification, SendError, Thread

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
LAST = NOON + timedelta(minutes=9)
MIB = 1024 * 1024


def reading(value: float, unit: str, request: float | None = None, limit: float | None = None) -> Reading:
    """Returns a reading."""
    return Reading("n", "title", value, unit, NOON, "up", request, limit)


def group(firing: str = "", resolved: str = "") -> AlertGroup:
    """Returns a group with one alert a letter."""
    statuses = [*((each, "firing") for each in firing), *((each, "resolved") for each in resolved)]
    alerts = [Alert({"n": each}, {}, "firing", NOON, None, "", each) for each, _ in statuses]
    return AlertGroup(
        '{}:{alertname="A"}',
        tuple(
            replace(alert, status="resolved", ends_at=NOON) if status == "resolved" else alert
            for alert, (_, status) in zip(alerts, statuses, strict=True)
        ),
    )


@pytest.mark.parametrize(
    ("found", "brief", "text"),
    [
        (
            reading(0.42, "cores", 0.25, 0.5),
            "0.42 of 0.50 cores (84%)",
            "0.42 of 0.50 cores (84%), request 0.25 cores",
        ),
        (reading(0.42, "cores", None, 0.5), "0.42 of 0.50 cores (84%)", "0.42 of 0.50 cores (84%)"),
        (
            reading(220 * MIB, "bytes", 128 * MIB, 256 * MIB),
            "220 MiB of 256 MiB (86%)",
            "220 MiB of 256 MiB (86%), request 128 MiB",
        ),
        (reading(220 * MIB, "bytes", None, 256 * MIB), "220 MiB of 256 MiB (86%)", "220 MiB of 256 MiB (86%)"),
        (reading(220 * MIB, "bytes", 128 * MIB), "220 MiB", "220 MiB, request 128 MiB"),
        (reading(0.0, "cores", None, 0.5), "0.00 of 0.50 cores (0%)", "0.00 of 0.50 cores (0%)"),
        (reading(0.75, "cores", 0.0, 0.5), "0.75 of 0.50 cores (150%)", "0.75 of 0.50 cores (150%)"),
        (reading(3.0, "restarts"), "3 restarts", "3 restarts"),
        (reading(0.42, "cores", 0.25, 0.0), "0.42 cores", "0.42 cores, request 0.25 cores"),
    ],
    ids=[
        "CPU",
        "CPU without a request",
        "memory",
        "memory without a request",
        "no limit",
        "idle",
        "above the limit",
        "a word of its own",
        "a limit of nothing",
    ],
)
def test_reading_in_words(found: Reading, brief: str, text: str) -> None:
    """The use now comes against the limit with its share, and in the long form with the request."""
    assert (brief, text) == (found.brief, found.text)


def test_gap_in_words() -> None:
    """A gap is told by its reason."""
    assert "Prometheus timed out after 2s" == Gap("memory", "memory", "Prometheus timed out after 2s").text


def test_destination_names_receiver_action_and_index() -> None:
    """A destination is named by where it stands in the configuration, never by a URL."""
    assert "on-call/slack/2" == Notification("on-call", "slack", 2, group("a")).destination


def test_key_is_the_same_for_the_life_of_a_group() -> None:
    """Whatever the group's state and through whatever action, its key is one, of a length that far sides take."""
    first = Notification("on-call", "pagerduty", 0, group(firing="ab"))
    states = [
        replace(first, group=group(firing="abc")),
        replace(first, group=group(resolved="abc")),
        replace(first, index=1, page_url="https://alerts.example/#a"),
    ]

    assert {first.key} == {each.key for each in states}
    assert re.fullmatch("[0-9a-f]{64}", first.key)


def test_key_never_changes_with_a_release() -> None:
    """An incident opened by an older version is resolved by this one: the key is written down here."""
    expected = "36cd1a25ac286b87"

    assert expected == Notification("on-call", "pagerduty", 0, group("a")).key[:16]


def test_key_differs_for_each_receiver_and_group() -> None:
    """Two receivers, or two groups, never share a key; nor does what is moved from one name to the other."""
    keys = {
        Notification(receiver, "pagerduty", 0, replace(group("a"), group_key=key)).key
        for receiver, key in (("a", "b"), ("a", "c"), ("c", "b"), ("ab", ""), ("", "ab"))
    }

    assert 5 == len(keys)


def notification(told: AlertGroup) -> Notification:
    """Returns what tells a group."""
    return Notification("on-call", "slack", 0, told)


def test_thread_through_a_life() -> None:
    """It fires, grows, shrinks, resolves and fires again; the key stays, and a new life begins at its own time."""
    fired = Thread("key").told(notification(group("a")), NOON)
    grown = fired.told(notification(group("ab")), LATER)
    shrunk = grown.told(notification(group("b", resolved="a")), LATER)
    over = shrunk.told(notification(group(resolved="b")), LATER)
    again = over.told(notification(group("a")), LAST)

    assert Thread("key", ("a",), NOON) == fired
    assert Thread("key", ("a", "b"), NOON) == grown
    assert Thread("key", ("b",), NOON) == shrunk
    assert Thread("key", (), NOON) == over
    assert Thread("key", ("a",), LAST) == again


def test_thread_keeps_what_is_not_told_as_over() -> None:
    """An alert that is no longer in the payload (truncated, perhaps) stays open until its end is told."""
    assert ("a", "b") == Thread().told(notification(group("a")), NOON).told(
        notification(group("b")), LATER
    ).open_fingerprints


def test_thread_told_twice_is_the_same() -> None:
    """A repeated notification changes nothing."""
    once = Thread().told(notification(group("ab")), NOON)

    assert once == once.told(notification(group("ab")), LATER)


def test_thread_of_a_truncated_group_stays_open() -> None:
    """When nothing that is named fires, what was told and is hidden may fire on: only what is named is over."""
    told = Thread().told(notification(group("ab")), NOON)

    cut_short = told.told(notification(replace(group(resolved="a"), truncated_alerts=1)), LATER)

    assert ("b",) == cut_short.open_fingerprints


def test_thread_holds_nothing_where_ends_are_not_told() -> None:
    """With send_resolved false no end is owed, so nothing is open."""
    told = Thread().told(replace(notification(group("ab")), send_resolved=False), NOON)

    assert not told.open


def test_thread_told_knows_again_what_is_held() -> None:
    """After an answer nothing is in doubt, and what a digest opened is spoken of by itself again."""
    told = Thread(attempted=True, digested=True).told(notification(group("a")), NOON)

    assert (False, False, True) == (told.attempted, told.digested, told.open)


def test_thread_knows_which_attempts_it_is_of() -> None:
    """Any other one puts it in doubt."""
    held = Thread(heard=(7, 2))

    assert [False, False, True, True] == [held.before(*each).attempted for each in ((7, 2), (8, 0), (7, 3), (8, 1))]


def test_thread_tells_again_what_was_not_named() -> None:
    """What was is told by then; of what is not open any more nothing is left."""
    told = Thread(open_fingerprints=("a", "b"), incidents={"i": ("a", "b")}, again=("a", "b"), heard=(7, 2))
    some = told.told(notification(replace(group("a"), truncated_alerts=1)), NOON)
    none = some.told(notification(group(resolved="a")), NOON)

    assert (("b",), (0, 0), False, {}) == (some.again, some.heard, none.open, none.incidents)


def test_thread_was_never_open_when_only_ends_were_told() -> None:
    """A destination that first hears of a group when it is over never held it."""
    assert Thread() == Thread().told(notification(group(resolved="a")), NOON)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SendError("m"), ("m", False, None)),
        (SendError("m", permanent=True), ("m", True, None)),
        (SendError("m", retry_after_seconds=2.0), ("m", False, 2.0)),
    ],
    ids=["may be tried again", "permanent", "later"],
)
def test_send_error_says_what_helps(error: SendError, expected: tuple[str, bool, float | None]) -> None:
    """An error says whether, and when, to try again."""
    assert expected == (str(error), error.permanent, error.retry_after_seconds)


def test_gaps_of_one_reason_are_shown_together() -> None:
    """One line says what is missing for one reason, where the first of them stood; readings stay where they are."""
    late, gone = "Prometheus timed out after 2s", "no data"
    found: list[Finding] = [Gap("a", "A", late), reading(1.0, "x"), Gap("b", "B", gone), Gap("c", "C", late)]
    expected = [Gap("a", "A, C", late), found[1], found[2]]
    assert expected == gathered(found)
    assert [] == gathered([])


def test_a_note_follows_the_reading() -> None:
    """What else is known of a value stands behind it, where there is room for more than the value."""
    told = replace(reading(1.0, "cores"), note="throttled 12% of the time")
    assert ("1.00 cores", "1.00 cores; throttled 12% of the time") == (told.brief, told.text)


def test_excerpts_are_told_apart() -> None:
    """The lines of others stand behind what is said on one line."""
    excerpt = Excerpt("logs", "log of app", ("one", "two"), NOON, "kubectl logs")
    gap, behind = Gap("memory", "memory", "no data"), reading(1.0, "x")
    alert = Alert({}, {}, "firing", NOON, None, "", "f")
    told = Notification("r", "log", 0, AlertGroup("g", (alert,)), {"f": (excerpt, gap, behind)})
    assert ([gap, behind, excerpt], "one\ntwo") == (told.shown(alert), excerpt.text)
    assert ([gap, behind], [excerpt]) == (told.told(alert), told.excerpts(alert))
