"""What is wrong with what was done about alerts, by what the cluster saw and what stands in the rows. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from tests.torture.cluster import Write
from tests.torture.firings import Firing

HOUR_SECONDS = 3_600.0
_DONE = ("fixed", "not_fixed")
_ASKED = ("not_fixed", "unknown", "failed")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rule may do.

    Attributes:
        allowed: patterns of the keys of targets: "deployment/shop/d*"; none in a dry run.
    """

    allowed: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Row:
    """One remediation, as it ended.

    Attributes:
        fix: which rule's.
        target: its key; "" where none was found.
        acted: it may have been done.
        result: "" of one that has not ended.
        detail: the result in words.
    """

    token: str
    fix: str
    fingerprint: str
    starts_at: datetime
    target: str
    acted: bool
    state: str
    result: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.token} ({self.fix} of {self.target or 'nothing'}: {self.state} {self.result}: {self.detail})"


def judge(
    changes: Sequence[Write],
    rows: Sequence[Row],
    rules: Mapping[str, Bounds],
    *,
    cooldown_seconds: float,
    most: int,
    delivered: Collection[Firing],
    asked: Collection[str],
) -> list[str]:
    """Judges a run that has come to rest, and returns the broken promises in words.

    Args:
        changes: in the order in which they came.
        rules: by what the alerts say that lead to them, which is the verb, too, but of a dry run.
        most: how much may be done within an hour in all.
        delivered: the firings that the rules have heard of.
        asked: the tokens of what a person was asked about.
    """
    done = [each for each in changes if each.took_place]
    return [
        *_outside(changes, rules),
        *_too_soon(done, cooldown_seconds),
        *_too_many(done, rules, most),
        *_twice(done, rows),
        *_accounts(done, rows),
        *_ends(rows, delivered),
        *(f"nobody was asked about {row}" for row in rows if row.result in _ASKED and row.token not in asked),
    ]


def _outside(changes: Sequence[Write], rules: Mapping[str, Bounds]) -> Iterator[str]:
    """What is refused to a rule is not even tried."""
    for each in changes:
        rule = rules.get(each.verb)
        if rule is None or not any(fnmatchcase(each.target, pattern) for pattern in rule.allowed):
            yield f"{each.verb} of {each.target} is not allowed"


def _too_soon(done: Sequence[Write], cooldown_seconds: float) -> Iterator[str]:
    before: dict[str, Write] = {}
    for each in sorted(done, key=lambda write: write.at):
        was = before.get(each.target)
        if was is not None and each.at - was.at < cooldown_seconds:
            yield f"{each.verb} of {each.target} {each.at - was.at:.1f} s after {was.verb}"
        before[each.target] = each


def _too_many(done: Sequence[Write], rules: Mapping[str, Bounds], most: int) -> Iterator[str]:
    bounds = {f"rule {fix}": (rule.most, [each.at for each in done if each.verb == fix]) for fix, rule in rules.items()}
    for name, (cap, moments) in {**bounds, "all": (most, [each.at for each in done])}.items():
        ordered = sorted(moments)
        if any(later - sooner < HOUR_SECONDS for sooner, later in zip(ordered, ordered[cap:], strict=False)):
            yield f"{name}: {len(ordered)} within an hour, more than {cap}"


def _twice(done: Sequence[Write], rows: Sequence[Row]) -> Iterator[str]:
    known = {row.token: row for row in rows}
    for token, count in Counter(each.token for each in done if each.token).items():
        if count > 1:
            yield f"{token} was written {count} times"
    for each in done:
        row = known.get(each.token)
        if each.token and (row is None or not row.acted or row.target != each.target):
            yield f"{each.verb} of {each.target} is that of {row}"


def _accounts(done: Sequence[Write], rows: Sequence[Row]) -> Iterator[str]:
    """What rows say was done was done, and what was done stands in a row as done, or as not known."""
    writes: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for each in done:
        writes[each.verb, each.target].append(each)
    acted: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.acted and row.result in (*_DONE, "unknown"):
            acted[row.fix, row.target].append(row)
    for key in sorted({*writes, *acted}):
        said = [row for row in acted[key] if row.result in _DONE]
        count = len(writes[key])
        if not len(said) <= count <= len(acted[key]):
            told = "; ".join(str(row) for row in rows if (row.fix, row.target) == key)
            yield (
                f"{' '.join(key)}: {count} took place, {len(said)} are told as done and"
                f" {len(acted[key]) - len(said)} as unknown: {told}"
            )
    tokens = {each.token for each in done}
    for row in rows:
        if row.result == "failed" and row.token in tokens:
            yield f"it was done, and is told as not done: {row}"
        if row.acted and row.result in ("refused", "expired", "dry_run"):
            yield f"it may have been done, and is told as refused: {row}"
        if not row.acted and row.result in (*_DONE, "failed"):
            yield f"it was never begun, and is told as tried: {row}"


def _ends(rows: Sequence[Row], delivered: Collection[Firing]) -> Iterator[str]:
    counts = Counter(Firing(row.fix, row.fingerprint, row.starts_at) for row in rows)
    yield from (f"{firing} has {count} rows" for firing, count in counts.items() if count > 1)
    yield from (f"{firing} was heard of, and has no row" for firing in delivered if firing not in counts)
    yield from (f"it has no end: {row}" for row in rows if row.state != "done" or not row.result)
