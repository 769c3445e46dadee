"""What all actions share: cutting, links, waiting, names."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions import find, subject
from actions._base import briefs, cut, leading, link, notes, retry_after_seconds, said, title
from alerts.findings import Gap, Reading
from alerts.model import Alert
from outbound import Answer
from tests.actions.notifications import CPU, NO_MEMORY, START, alert, notification

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def test_finds_actions_by_module() -> None:
    """Every public module is a kind of action, in order of its name."""
    kinds = list(find())
    assert {"log", "pagerduty", "slack"} <= set(kinds)
    assert sorted(kinds) == kinds
    assert not [kind for kind in kinds if kind.startswith("_")]


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("longer", 1, "…"),
        ("", 1, ""),
        ("🔥🔥🔥", 2, "🔥…"),
    ],
)
def test_cuts_with_an_ellipsis(text: str, limit: int, expected: str) -> None:
    """A text that fits is left alone, and one that was cut says so."""
    assert expected == cut(text, limit)


@given(st.text(st.sampled_from("a&🔥\n")), st.integers(1, 30))
def test_cuts_as_late_as_the_size_allows(text: str, limit: int) -> None:
    """In any measure the result fits, is the text's beginning, and no longer one would fit."""

    def size(part: str) -> int:
        return len(part.replace("&", "&amp;").encode())

    result = cut(text, limit, size)
    assert size(result) <= limit
    if result != text:
        kept = result.removesuffix("…")
        assert text.startswith(kept)
        assert size(text) > limit
        assert not result or size(text[: len(kept) + 1] + "…") > limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://runbooks.example/a?b=c#d", True),
        ("http://localhost:9090/graph?g0.expr=up%7B%7D", True),
        ("http://[::1]:9090/", True),
        ("https://bücher.example/", True),
        ("", False),
        ("runbook.md", False),
        ("//runbooks.example", False),
        ("javascript:alert(1)", False),
        ("ftp://runbooks.example", False),
        ("https://", False),
        ("https:///path", False),
        ("https://[::1/", False),
        ("https://a.example:99999/", False),
        ("https://a.example/two words", False),
        ("https://a.example/two\nlines", False),
        ("\x01https://a.example/", False),
        ("https://a.example/\x00", False),
        ("https://a.example/<!channel>", False),
        ("https://a.example/" + "x" * 2982, True),
        ("https://a.example/" + "x" * 2983, False),
    ],
)
def test_shows_only_links_that_lead_somewhere(text: str, shown: bool) -> None:
    """A whole http or https URL is a link; anything else that a label may hold is none."""
    assert (text if shown else "") == link(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("999999999", 999_999_999.0),
        ("9999999999", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("Sat, 21 Nov 2026 09:31:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 09:31:00 -0000", 60.0),
        ("Sat, 21 Nov 2026 10:31:00 +0100", 60.0),
        ("Sat, 21 Nov 2026 09:31:00", 60.0),
        ("Saturday, 21-Nov-26 09:31:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 09:29:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 09:31:00 +9999", None),
        ("Sat, 99 Nov 2026 09:31:00 GMT", None),
    ],
)
def test_reads_retry_after(value: str, expected: float | None) -> None:
    """Seconds and dates are understood, from a server's clock before ours too, and nothing else."""
    assert expected == retry_after_seconds({"retry-after": value}, NOW)


def test_no_retry_after_is_none() -> None:
    """A far side that asks for nothing is asked again when we like."""
    assert None is retry_after_seconds({}, NOW)


DATE_LIKE = r"[A-Z][a-z]{2}, [0-9]{1,3} (Jan|Feb|Foo) [0-9]{1,6} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"


@given(st.text() | st.from_regex(DATE_LIKE, fullmatch=True))
def test_no_retry_after_is_an_error(value: str) -> None:
    """Whatever a far side writes there is a time to wait or nothing."""
    seconds = retry_after_seconds({"retry-after": value}, NOW)
    assert seconds is None or seconds >= 0


def test_tells_what_a_far_side_said() -> None:
    """An answer's beginning is told on one line, without secrets, even where a cut would split one."""
    assert "no *** here" == said(Answer(400, {}, b" no\n hunter2 \t here"), ["hunter2", ""])
    assert "no explanation" == said(Answer(500, {}, b" \n"), [])
    assert "x" * 300 == said(Answer(500, {}, b"x" * 400), [])
    assert "***" == said(Answer(400, {}, b" " * 9_997 + b"hunter2"), ["hunter2"])
    assert "\ufffd" == said(Answer(400, {}, b"\xff"), [])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "shop", "pod": "cart-1", "instance": "10.0.0.1:80"}, "shop/cart-1"),
        ({"pod": "cart-1"}, "cart-1"),
        ({"namespace": "shop", "instance": "node-1:9100"}, "node-1:9100"),
        ({"instance": "node-1:9100"}, "node-1:9100"),
        ({"namespace": "shop"}, "shop"),
        ({}, ""),
    ],
)
def test_names_the_subject(labels: dict[str, str], expected: str) -> None:
    """A pod goes before an instance, and that before a namespace."""
    assert expected == subject(alert(labels))


def named(name: str, severity: str = "", resolved: bool = False) -> Alert:
    """Returns an alert by name and severity."""
    return alert({"alertname": name, "severity": severity}, status="resolved" if resolved else "firing")


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([named("A")], "[FIRING] A"),
        ([named("A"), named("A", "info")], "[FIRING:2] A"),
        ([named("A", "warning"), named("B", "critical"), named("C")], "[FIRING:3] B and 2 more"),
        ([named("A", "warning"), named("B", "critical", resolved=True)], "[FIRING] A"),
        ([named("A", resolved=True)], "[RESOLVED] A"),
        ([named("A", "info", resolved=True), named("B", "page", resolved=True)], "[RESOLVED] B and 1 more"),
        ([alert({})], "[FIRING] alert"),
    ],
)
def test_titles(alerts: list[Alert], expected: str) -> None:
    """A title has the state, how many fire, and the worst alert's name before the number of other names."""
    assert expected == title(notification(*alerts))


def test_the_worst_alert_that_fires_leads() -> None:
    """What fires goes before what is over, and then the worst severity."""
    alerts = [named("over", "critical", resolved=True), named("mild", "info"), named("bad", "P1")]
    assert "bad" == leading(notification(*alerts).group).name


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), ""),
        (("4th time in 30m",), "4th time in 30m"),
        (("still firing, 4h", "4th time in 30m"), "still firing, 4h; 4th time in 30m"),
        ((" two\n lines ", "\u2003", ""), "two lines"),
        (("x" * 1_000_000, "y"), "x" * 99 + "…; y"),
        (("x" * 90, "y" * 90, "z"), "x" * 90 + "; " + "y" * 27 + "…"),
    ],
)
def test_notes_are_one_short_line(said: tuple[str, ...], expected: str) -> None:
    """Notes are on one line, and one that is too long leaves room for the others."""
    assert expected == notes(replace(notification(alert()), notes=said), 120)


BESIDE = Reading("neighbours", "also firing", 3, "alerts", START, "", note="this pod: CrashLooping (critical)")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], []),
        ([NO_MEMORY], []),
        ([CPU, NO_MEMORY, BESIDE], ["CPU 0.42 of 0.50 cores (84%)", "memory unknown", "also firing 3 alerts"]),
        ([NO_MEMORY, BESIDE], ["also firing 3 alerts"]),
    ],
)
def test_says_findings_in_the_fewest_words(findings: list[Reading | Gap], expected: list[str]) -> None:
    """Where nothing that was asked for is known, a list of what is unknown would only hide the rest."""
    assert expected == briefs(findings)
