"""What a new state changes for whoever was told of the group before."""

from dataclasses import replace
from datetime import timedelta

import pytest

from actions._changes import change, changes
from alerts.model import Alert, Status
from alerts.notification import Notification, Thread
from tests.actions import notifications
from tests.actions.notifications import START, alert, notification


def pod(name: str, status: Status = "firing", severity: str = "critical", **labels: str) -> Alert:
    """Returns an alert about a pod."""
    return alert({"alertname": "Slow", "namespace": "shop", "pod": name, "severity": severity, **labels}, status=status)


def told(*alerts: Alert, level: str = "critical") -> Thread:
    """Returns what a destination holds that was told of these alerts as firing."""
    return Thread(open_fingerprints=tuple(each.fingerprint for each in alerts), opened_at=START, level=level)


def test_tells_the_kinds_apart() -> None:
    """New, over and still firing, each the worst first; an end of what was never told is nobody's news."""
    group = notification(
        pod("mild", severity="info"), pod("new"), pod("old"), pod("gone", "resolved"), pod("unheard", "resolved")
    )
    found = change(group, told(pod("old"), pod("gone")))
    kinds = [[each.labels["pod"] for each in kind] for kind in (found.new, found.ended, found.still)]
    assert [["new", "mild"], ["gone"], ["old"]] == kinds


@pytest.mark.parametrize(
    ("group", "thread", "expected"),
    [
        (notification(pod("a"), pod("b")), Thread(), ("🔴 2 new: shop/a, shop/b", True)),
        (notification(pod("a")), told(pod("a")), ("", False)),
        (notification(pod("a"), pod("b")), told(pod("a")), ("🔴 1 new: shop/b", True)),
        (
            notification(pod("a"), pod("b", "resolved")),
            told(pod("a"), pod("b")),
            ("✅ resolved after 12m: shop/b", False),
        ),
        (
            notification(pod("a"), pod("b", "resolved"), pod("c", "resolved")),
            told(pod("a"), pod("b"), pod("c")),
            ("✅ 2 resolved: shop/b after 12m, shop/c after 12m", False),
        ),
        (notification(pod("a", "resolved")), told(pod("a")), ("✅ resolved after 12m: shop/a", False)),
        (
            notification(pod("a", "resolved"), pod("b", "resolved")),
            told(pod("a"), pod("b")),
            ("✅ all resolved after 12m: shop/a, shop/b", False),
        ),
        (notification(pod("a", "resolved")), Thread(), ("", False)),
        (notification(pod("a")), told(pod("a"), level="warning"), ("worse: warning → critical", True)),
        (notification(pod("a", severity="info")), told(pod("a", severity="info"), level="warning"), ("", False)),
        (notification(pod("a")), told(pod("a"), level=""), ("", False)),
        (notification(pod("a")), told(pod("a"), level="unheard of"), ("", False)),
        (
            notification(pod("a"), pod("b", "resolved")),
            told(pod("b"), level="error"),
            ("🔴 1 new: shop/a\n✅ resolved after 12m: shop/b\nworse: error → critical", True),
        ),
    ],
)
def test_says_what_changed(group: Notification, thread: Thread, expected: tuple[str, bool]) -> None:
    """Each kind of change on a line of its own; what is new or worse is to be heard."""
    assert expected == changes(group, thread)


def test_names_the_worst_ten_and_counts_the_rest() -> None:
    """Of however many."""
    many = [pod(f"p-{at:02}", severity="critical" if at > 30 else "info") for at in range(1_042)]
    text, loud = changes(notification(*many), Thread())
    assert text.startswith("🔴 1,042 new: shop/p-31, shop/p-32, ")
    assert (text.endswith("shop/p-40 and 1,032 more"), loud) == (True, True)


def test_names_differ_where_alerts_do() -> None:
    """Of several kinds each is called by its name too, and one that is about nothing by it alone."""
    group = notification(pod("a"), alert({"alertname": "NodeDown"}))
    assert "🔴 2 new: Slow shop/a, NodeDown" == changes(group, Thread())[0]


def test_an_end_that_nobody_knows_has_no_duration() -> None:
    """Nor does it fail."""
    ended = replace(pod("a", "resolved"), ends_at=None)
    assert "✅ resolved: shop/a" == changes(notification(ended), told(pod("a")))[0]


def test_all_of_several_lasted_from_the_first_to_the_last() -> None:
    """However they overlap."""
    late = alert({"alertname": "Slow", "pod": "b"}, status="resolved", start=START + timedelta(hours=2))
    early = alert({"alertname": "Slow", "pod": "a"}, status="resolved")
    text, _ = changes(notification(early, late), told(early, late))
    assert "✅ all resolved after 2h 12m: a, b" == text


def test_hostile_names_stay_on_their_line() -> None:
    """Neither ends of lines nor marks that turn it around are in it, and it is short however long they are."""
    group = notification(*(pod(f"{at}\n\u202e\x00<!here>{'x' * 100_000}") for at in range(30)))
    text, _ = changes(group, Thread())
    assert 1 == len(text.splitlines())
    assert text.isprintable()
    assert len(text) < 1_200


def test_a_digest_is_told_by_its_counts() -> None:
    """It is of many groups; it is to be heard while any of them fires."""
    assert ("[DIGEST] 4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved", True) == (
        changes(notifications.storm(), Thread())
    )
    over = notifications.digest(alert(status="resolved"), groups=1, resolved=1)
    assert ("[DIGEST] 1 alert in 1 group, resolved", False) == changes(over, Thread())
