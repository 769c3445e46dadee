"""The judge of the torture of remediation sees each promise broken, and nothing where all are kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.samples import NOW
from tests.torture.cluster import Write
from tests.torture.firings import Firing
from tests.torture.remedy_verdict import Bounds, Row, judge

RULES = {
    "restart": Bounds(("deployment/shop/d*",), 3),
    "scale": Bounds(("deployment/shop/d*",), 2),
    "dry": Bounds((), 9),
}


def row(
    token: str = "r1", result: str = "fixed", fix: str = "restart", target: str = "d1", *, acted: bool = True
) -> Row:
    """A remediation that has ended so."""
    starts_at = NOW + timedelta(seconds=int(token[1:]))
    return Row(token, fix, f"of {target}", starts_at, f"deployment/shop/{target}", acted, "done", result)


def write(at: float, token: str = "r1", verb: str = "restart", target: str = "d1", *, took_place: bool = True) -> Write:
    """A request to write."""
    return Write(at, f"deployment/shop/{target}", verb, token, took_place)


def judged(
    changes: Sequence[Write],
    rows: Sequence[Row],
    asked: Sequence[str] = (),
    delivered: Sequence[Firing] | None = None,
    most: int = 4,
) -> list[str]:
    """What is wrong with it."""
    heard = [Firing(each.fix, each.fingerprint, each.starts_at) for each in rows] if delivered is None else delivered
    return judge(changes, rows, RULES, cooldown_seconds=60.0, most=most, delivered=heard, asked=asked)


def test_finds_nothing_wrong_with_what_is_right() -> None:
    """Done, refused, lost, not known, or tried twice and done once."""
    changes = [
        write(1.0, took_place=False),
        write(2.0),
        write(3.0, took_place=False),
        write(10.0, "", "scale", "d2"),
        write(62.5, "r4"),
        write(63.0, "r5", target="d3", took_place=False),
    ]
    rows = [
        row(),
        row("r2", "unknown", "scale", "d2"),
        row("r3", "refused", "scale", "d2", acted=False),
        row("r4", "not_fixed"),
        row("r5", "failed", target="d3"),
        row("r6", "unknown", target="d3"),
        row("r7", "dry_run", "dry", acted=False),
    ]
    assert [] == judged(changes, rows, ["r2", "r4", "r5", "r6"])


@pytest.mark.parametrize(
    ("change", "verb"),
    [
        (write(1.0, target="x1"), "restart"),
        (replace(write(1.0), target="deployment/kube-system/d1"), "restart"),
        (replace(write(1.0), target="deployment/shop/e1", took_place=False), "restart"),
        (write(1.0, verb="dry"), "dry"),
        (write(1.0, verb="delete_pod"), "delete_pod"),
    ],
    ids=["another name", "another namespace", "only tried", "a dry run", "no such rule"],
)
def test_sees_what_is_not_allowed(change: Write, verb: str) -> None:
    """Whether it took place or not."""
    rows = [replace(row(fix=verb), target=change.target)] if change.took_place else []
    assert [f"{verb} of {change.target} is not allowed"] == judged([change], rows)


def test_sees_a_cooldown_that_was_cut_short() -> None:
    """By whatever rule the same target was touched before, and however the requests were answered."""
    rows = [row(), row("r2", fix="scale"), row("r3", target="d2")]
    changes = [write(1.0), write(60.9, "", "scale"), write(2.0, "r3", target="d2")]
    assert ["scale of deployment/shop/d1 59.9 s after restart"] == judged(changes, rows)
    assert [] == judged([write(1.0), write(61.0, "", "scale"), write(2.0, "r3", target="d2")], rows)


@pytest.mark.parametrize(
    ("fixes", "most", "wrong"),
    [
        (["scale"] * 3, 9, "rule scale: 3 within an hour, more than 2"),
        (["restart"] * 4, 9, "rule restart: 4 within an hour, more than 3"),
        (["restart", "scale", "restart"], 2, "all: 3 within an hour, more than 2"),
    ],
)
def test_sees_too_much(fixes: list[str], most: int, wrong: str) -> None:
    """Of a rule, and of all."""
    rows = [row(f"r{at}", fix=fix, target=f"d{at}") for at, fix in enumerate(fixes)]
    changes = [
        write(float(at), "" if fix == "scale" else f"r{at}", fix, target=f"d{at}") for at, fix in enumerate(fixes)
    ]
    assert [wrong] == judged(changes, rows, most=most)
    # What is more than an hour ago does not count.
    spread = [replace(change, at=3_600.0 * at) for at, change in enumerate(changes)]
    assert [] == judged(spread, rows, most=most)


def test_sees_what_was_done_twice_for_a_firing() -> None:
    """By its token, however long after; and where there is none by what the rows say."""
    wrong = judged([write(1.0), write(100.0)], [row()])
    assert "r1 was written 2 times" == wrong[0]
    twice = judged([write(1.0, "", "scale"), write(100.0, "", "scale")], [row(fix="scale")])
    assert twice[0].startswith("scale deployment/shop/d1: 2 took place, 1 are told as done and 0 as unknown")


@pytest.mark.parametrize(
    "rows", [[row("r2", target="d2")], [row(target="d2")], []], ids=["another's", "another target", "nobody's"]
)
def test_sees_a_write_that_no_row_explains(rows: list[Row]) -> None:
    """Its token is that of a row, about that target."""
    assert any("is that of" in each for each in judged([write(1.0)], rows))


@pytest.mark.parametrize(
    ("result", "wrong"),
    [
        ("failed", "it was done, and is told as not done"),
        ("refused", "it may have been done, and is told as refused"),
        ("expired", "it may have been done, and is told as refused"),
    ],
)
def test_sees_what_was_done_told_as_not_done(result: str, wrong: str) -> None:
    """Of what has a token, and of what has none."""
    told = judged([write(1.0)], [row(result=result)], ["r1"])
    assert any(each.startswith(wrong) for each in told), told
    scaled = judged([write(1.0, "", "scale")], [row(result="failed", fix="scale")], ["r1"])
    assert 1 == len(scaled)
    assert scaled[0].startswith("scale deployment/shop/d1: 1 took place, 0 are told as done")


def test_sees_what_was_not_done_told_as_done() -> None:
    """A request that was lost did nothing."""
    wrong = judged([write(1.0, took_place=False)], [row()])
    assert 1 == len(wrong)
    assert wrong[0].startswith("restart deployment/shop/d1: 0 took place, 1 are told as done")


def test_sees_what_was_never_begun_told_as_tried() -> None:
    """What may have been done stands in its row before it is."""
    wrong = judged([write(1.0)], [row(acted=False)])
    assert any(each.startswith("it was never begun") for each in wrong), wrong


@pytest.mark.parametrize("state", ["acting", "verifying", "considered"])
def test_sees_what_has_no_end(state: str) -> None:
    """Each row comes to its end."""
    (wrong,) = judged([], [replace(row(acted=False), state=state, result="")])
    assert wrong.startswith("it has no end: r1")


def test_sees_a_firing_without_a_row_and_with_two() -> None:
    """What a rule has heard of has one."""
    unheard = Firing("restart", "of d9", NOW)
    assert [f"{unheard} was heard of, and has no row"] == judged([], [], delivered=[unheard])
    rows = [row("r1", "refused", acted=False), replace(row("r1", "refused", acted=False), token="r2")]
    (wrong,) = judged([], rows)
    assert wrong.endswith("has 2 rows")


@pytest.mark.parametrize("result", ["not_fixed", "unknown", "failed"])
def test_sees_that_nobody_was_asked(result: str) -> None:
    """Each that did not help, or nobody knows of, is a person's to see to."""
    changes = [write(1.0, took_place=result != "failed")]
    (wrong,) = judged(changes, [row(result=result)], ["r2"])
    assert wrong.startswith("nobody was asked about r1")
    assert [] == judged(changes, [row(result=result)], ["r1"])
