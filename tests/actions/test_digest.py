"""A digest in words: what a title says of many groups."""

from typing import Any

import pytest

from actions._base import title
from actions._digest import level, numbers, over
from tests.actions.notifications import alert, digest, notification


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            {"groups": 4_800, "firing": {"warning": 3_000, "critical": 1_204}, "resolved": 608},
            "4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved",
        ),
        ({"groups": 2, "firing": {"info": 3}}, "3 alerts in 2 groups: 3 info firing"),
        ({"groups": 1, "firing": {"critical": 1}}, "1 alert in 1 group: 1 critical firing"),
        ({"groups": 1, "firing": {"error": 1}, "resolved": 1}, "2 alerts in 1 group: 1 error firing; 1 resolved"),
        ({"groups": 600, "resolved": 1_608}, "1,608 alerts in 600 groups, all resolved"),
        ({"groups": 1, "firing": {"critical": 0}, "resolved": 1}, "1 alert in 1 group, resolved"),
        ({"groups": 1, "firing": {"P1": 2, "page": 1, "odd": 1}}, "4 alerts in 1 group: 3 critical, 1 error firing"),
    ],
)
def test_counts(counts: dict[str, Any], expected: str) -> None:
    """A title counts alerts and groups, what fires by severity, the worst first, and what is over."""
    assert f"[DIGEST] {expected}" == title(digest(alert(), **counts))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"groups": 9, "firing": {"warning": 8, "critical": 1}, "resolved": 2}, ("critical", False, (9, 2))),
        ({"groups": 9, "firing": {"info": 8, "critical": 0}}, ("info", False, (8, 0))),
        ({"groups": 9, "resolved": 2}, ("warning", True, (0, 2))),
    ],
)
def test_its_counts_say_how_bad_it_is(counts: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """The worst that fires counts, though the few alerts it names be others; of what is over, the worst named."""
    told = digest(alert({"severity": "warning"}, status="resolved"), **counts)
    assert expected == (level(told), over(told), numbers(told))


def test_what_is_no_digest_counts_its_own_alerts() -> None:
    """One group says itself what fires and how bad that is."""
    told = notification(alert({"severity": "info"}), alert({"severity": "page", "n": "2"}, status="resolved"))
    assert ("info", False, (1, 1)) == (level(told), over(told), numbers(told))
