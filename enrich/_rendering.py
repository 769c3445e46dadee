"""A user's PromQL with placeholders, made a query about one alert, or one query about many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promql_parser import AggregateExpr

from alerts.model import Alert
from enrich._base import NoAnswer
from enrich._batching import AlsoBy, together
from enrich._parsing import PromQLError, parsed
from enrich._placeholders import Template, read_template
from enrich._promql import alternatives, quoted, to_the_letter
from enrich._syntax import LabelMatcher, Operator, Writer, depth, kind, matchers, selectors

REFUSED = "is not asked: labels of the alerts would have made another query of it"

Values = tuple[str, ...]

_ELSEWHERE = "stands elsewhere than in the value of a label matcher, within its quotes"
_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`""", re.DOTALL)
# A regular expression up to where a placeholder may stand: not in [], \Q\E and (?, nor behind a backslash.
_UP_TO = re.compile(
    r"(?:\\[^Q]|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?(?:P?<\w+>|[a-zA-Z-]*[:)])|\((?!\?)|[^\\\[(])*", re.DOTALL
)
_EQUALITIES: dict[Operator, Operator] = {"=": "=", "!=": "!=", "=~": "=", "!~": "!="}
# Far less than Python's stack has room for.
_DEEPEST = 100
_REGULAR = ("=~", "!~")
_KINDS = {"scalar": "a number without labels", "string": "a text", "range": "a range of values"}


def _no_labels(aggregation: AggregateExpr) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class _Form:
    """A query to be filled in: text, and numbers of what is to stand there in quotes.

    It is read once more before anybody is asked: no value may have changed what it is. It is read with equalities, for
    the parser would compile every regular expression, half a second for those of two thousand pods, and has a limit to
    their size that Prometheus has not.

    Attributes:
        read: the same with equalities.
        shape: the same with nothing in quotes.
    """

    asked: tuple[str | int, ...]
    read: tuple[str | int, ...]
    shape: str

    def filled(self, values: Sequence[str]) -> str:
        """The query with these values."""
        return _joined(self.asked, [quoted(each)[1:-1] for each in values])

    def checked(self, values: Sequence[str]) -> str:
        """The same, read once more.

        Raises:
            NoAnswer: it would be another query.
        """
        text = _joined(self.read, [quoted(each)[1:-1] for each in values])
        try:
            same = Writer(_blank).write(parsed(text, known=True)) == self.shape
        except PromQLError:
            same = False
        if not same:
            raise NoAnswer(REFUSED)
        return self.filled(values)


class Promql:
    """PromQL out of the configuration.

    Raises:
        ValueError: it is none, or a placeholder stands where none can.
    """

    def __init__(self, text: str) -> None:
        self._template = template = read_template(text)
        self._tree = _normal(_read(template), template)
        self._alone = self._form(self._numbered)
        how = together(self._tree, self._is_own)
        self._own = {label: tuple(template.split(value)) for label, value in how.values.items()} if how else {}
        self._together = self._form(self._labelled, how.also_by) if how else None

    @property
    def is_alike(self) -> bool:
        """Whether it is the same query for all alerts."""
        return not self._template.sources

    @property
    def is_together(self) -> bool:
        """Whether one query may ask about many alerts, each of which finds its series by `labels`."""
        return self._together is not None

    def values(self, alert: Alert) -> Values | None:
        """What an alert has for the placeholders; None where it lacks one.

        Raises:
            NoAnswer: it cannot be had.
        """
        return self._template.values(alert)

    def labels(self, values: Values) -> dict[str, str]:
        """What the series have of whom these are the values, where many are asked about together."""
        return {label: _joined(pieces, values) for label, pieces in self._own.items()}

    def about(self, values: Values) -> str:
        """The query about one alert alone, for people; what is asked is a `question`."""
        return self._alone.filled(_both_ways(values))

    def question(self, rows: Sequence[Values]) -> str:
        """The query about all of these; of one that is not asked about many together, about the only one.

        Raises:
            NoAnswer: their values would make another query of it.
        """
        if self._together is None:
            (values,) = rows
            return self._alone.checked(_both_ways(values))
        wanted = [self.labels(values) for values in rows]
        return self._together.checked([alternatives(each[label] for each in wanted) for label in self._own])

    def _form(self, marked: Callable[[LabelMatcher], LabelMatcher], also_by: AlsoBy = _no_labels) -> _Form:
        asked, read = (
            tuple(self._template.split(Writer(write, also_by).write(self._tree)))
            for write in (lambda matcher: str(marked(matcher)), lambda matcher: str(_equality(marked(matcher))))
        )
        return _Form(asked, read, Writer(_blank, also_by).write(self._tree))

    def _numbered(self, matcher: LabelMatcher) -> LabelMatcher:
        """With marks as `_both_ways` has values: in a regular expression those of the second half."""
        more = len(self._template.sources) if matcher.operator in _REGULAR else 0
        pieces = self._template.split(matcher.value)
        marks = (each if isinstance(each, str) else self._template.mark(each + more) for each in pieces)
        return replace(matcher, value="".join(marks))

    def _labelled(self, matcher: LabelMatcher) -> LabelMatcher:
        """With a mark for all that many alerts have in its place."""
        if not self._is_own(matcher):
            return matcher
        return replace(matcher, operator="=~", value=self._template.mark(list(self._own).index(matcher.label)))

    def _is_own(self, matcher: LabelMatcher) -> bool:
        return any(isinstance(each, int) for each in self._template.split(matcher.value))


def _both_ways(values: Values) -> Values:
    """The values, and as they are in a regular expression: as one, for a `*` behind it is of all of it."""
    return (*values, *(f"(?:{to_the_letter(each)})" for each in values))


def _joined(pieces: Iterable[str | int], values: Sequence[str]) -> str:
    return "".join(each if isinstance(each, str) else values[each] for each in pieces)


def _equality(matcher: LabelMatcher) -> LabelMatcher:
    return replace(matcher, operator=_EQUALITIES[matcher.operator])


def _blank(matcher: LabelMatcher) -> str:
    return str(replace(_equality(matcher), value=""))


def _read(template: Template) -> Any:
    """The template's tree, with marks in the matchers' values."""
    try:
        tree = parsed(template.text)
    except PromQLError as error:
        outside = [each for each in template.split(_STRING.sub("", template.text)) if isinstance(each, int)]
        if outside:
            raise PromQLError(f"{template.sources[outside[0]]} {_ELSEWHERE}") from None
        said = (each if isinstance(each, str) else template.sources[each] for each in template.split(str(error)))
        raise PromQLError("".join(said)) from None
    if depth(tree) > _DEEPEST:
        raise PromQLError(f"is nested more than {_DEEPEST} deep")
    if kind(tree) != "vector":
        raise PromQLError(f"is {_KINDS[kind(tree)]}, and not a value of series; sum(...) is one, vector(...) makes one")
    everywhere = Counter(template.split(template.text))
    everywhere.subtract(number for each in _all_matchers(tree) for number in template.split(each.value))
    for number, source in enumerate(template.sources):
        if everywhere[number]:
            raise PromQLError(f"{source} {_ELSEWHERE}")
    for matcher in _all_matchers(tree):
        if matcher.operator in _REGULAR:
            _check_regex(matcher.value, template)
    return tree


def _check_regex(regex: str, template: Template) -> None:
    before = ""
    for each in template.split(regex):
        if isinstance(each, int) and not _UP_TO.fullmatch(before):
            raise PromQLError(f"{template.sources[each]} would be a part of []'s, ()'s or an escape's own syntax")
        before += each if isinstance(each, str) else "x"


def _normal(tree: Any, template: Template) -> Any:
    """The same with `=` where a regular expression is nothing but a placeholder."""

    def equal(matcher: LabelMatcher) -> str:
        only = [type(each) for each in template.split(matcher.value)] == [int]
        return str(_equality(matcher) if only else matcher)

    return parsed(Writer(equal).write(tree), known=True)


def _all_matchers(tree: Any) -> list[LabelMatcher]:
    return [each for selector in selectors(tree) for some in matchers(selector) for each in some]
