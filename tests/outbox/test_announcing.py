"""When it is told elsewhere that a destination is in trouble, and in what words."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.model import Alert
from outbox import announcing
from outbox.announcing import Address, Announced, Trouble
from tests.samples import NOW, model_alert

FAILS = Trouble(
    destination="on-call/slack/0",
    since=NOW - timedelta(seconds=120),
    reason="Slack: timed out after 10s",
    failing=True,
    tried=True,
    alerts=14,
    dead=0,
    fresh=0,
    severity="error",
    event_id=7,
)
REFUSED = replace(FAILS, failing=False, tried=False, dead=3, fresh=3, reason="Slack: status 404: no_service")
SAID = announcing.announcement(FAILS, None, ["chat/log/0"], NOW)


def ago(seconds: float) -> datetime:
    """A moment before now."""
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("trouble", "announced", "announced_at", "expected"),
    [
        (None, None, None, None),
        (FAILS, None, None, "begin"),
        (REFUSED, None, None, "begin"),
        (replace(FAILS, tried=False), None, None, None),
        (FAILS, None, ago(59), None),
        (FAILS, None, ago(60), "begin"),
        (FAILS, None, ago(-60), "begin"),
        (FAILS, SAID, ago(60), None),
        (FAILS, SAID, ago(86_400), None),
        (replace(FAILS, tried=False), SAID, ago(86_400), None),
        (replace(FAILS, alerts=13), SAID, ago(60), None),
        (replace(FAILS, alerts=15), SAID, ago(59), None),
        (replace(FAILS, alerts=15), SAID, ago(60), "update"),
        (replace(FAILS, alerts=15), replace(SAID, times=2), ago(119), None),
        (replace(FAILS, alerts=15), replace(SAID, times=2), ago(120), "update"),
        (replace(FAILS, alerts=15), replace(SAID, times=1_000_000), ago(3_600), "update"),
        (replace(FAILS, severity="critical"), replace(SAID, times=9), ago(60), "update"),
        (replace(FAILS, severity="warning"), SAID, ago(60), None),
        (replace(FAILS, reason="Slack: connection refused"), SAID, ago(60), "update"),
        (replace(FAILS, dead=1, fresh=1), SAID, ago(60), "update"),
        (replace(REFUSED, fresh=0), SAID, ago(60), "update"),
        (None, SAID, ago(59), None),
        (None, SAID, ago(60), "end"),
        (None, SAID, ago(-1), "end"),
    ],
)
def test_says_something_when_it_matters(
    trouble: Trouble | None, announced: Announced | None, announced_at: datetime | None, expected: str | None
) -> None:
    """The first thing at once, what gets worse ever more rarely, the end; and nothing twice within a minute."""
    assert expected == announcing.step(trouble, announced, announced_at, NOW)


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (FAILS, "on-call/slack/0 has been failing for 2m (Slack: timed out after 10s): 14 alerts were not told there"),
        (
            replace(FAILS, alerts=1, since=NOW + timedelta(hours=1), reason=" \n"),
            "on-call/slack/0 has been failing for 0s (nobody knows why): 1 alert was not told there",
        ),
        (REFUSED, "3 notifications could not be delivered to on-call/slack/0: Slack: status 404: no_service"),
        (
            replace(REFUSED, dead=1, reason="x" * 500),
            f"1 notification could not be delivered to on-call/slack/0: {'x' * 299}…",
        ),
    ],
)
def test_says_what_is_wrong_in_a_sentence(trouble: Trouble, expected: str) -> None:
    """Where, since when, why and how many."""
    assert expected == announcing.summary(trouble, NOW)


@pytest.mark.parametrize(
    ("worst", "alerts", "expected"),
    [
        ((), 14, ""),
        ((model_alert("A", namespace="shop", pod="cart-1"),), 1, "A shop/cart-1: A happened."),
        ((model_alert("A"), model_alert("B", "resolved")), 14, "A: A happened.\nB (over): B happened.\nand 12 more"),
    ],
)
def test_lists_the_worst(worst: tuple[Alert, ...], alerts: int, expected: str) -> None:
    """By name, with what they are about, and how many more there are."""
    assert expected == announcing.description(replace(FAILS, worst=worst, alerts=alerts))


def test_is_one_alert_from_beginning_to_end() -> None:
    """Its group, its fingerprint and its start stay as they are, whatever becomes of its severity."""
    worse = announcing.announcement(
        replace(REFUSED, severity="critical", since=NOW), SAID, ["chat/log/1"], NOW + timedelta(minutes=1)
    )
    assert ("chat/log/0", "chat/log/1") == worse.told
    assert 2 == worse.times
    groups = [
        announcing.group(SAID, "on-call/slack/0", {"summary": "fails"}, None),
        announcing.group(worse, "on-call/slack/0", {"summary": "fails"}, None),
        announcing.group(worse, "on-call/slack/0", {"summary": "is well"}, NOW),
    ]
    assert ["firing", "firing", "resolved"] == [each.status for each in groups]
    assert 1 == len({(each.group_key, each.alerts[0].fingerprint, each.alerts[0].starts_at) for each in groups})
    assert {
        "alertname": "DeliveryFailing",
        "severity": "critical",
        "receiver": "on-call",
        "destination": "on-call/slack/0",
    } == groups[1].alerts[0].labels


def test_ends_where_it_was_told() -> None:
    """An action that the configuration knows no more hears of the end; one that hears of no ends does not."""
    known = (Address("chat", "log", 0, send_resolved=False),)
    found = [announcing.told_address(each, known) for each in ("chat/log/0", "a/b/log/1")]
    over = announcing.group(SAID, "on-call/slack/0", {}, NOW)
    assert [("chat", "log", 0, "send_resolved is false"), ("a/b", "log", 1, None)] == [
        (each.receiver, each.action, each.index, announcing.planned(each, over, "").suppressed) for each in found
    ]
