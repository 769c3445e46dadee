"""The functions of Go's templates and of Alertmanager's, as Jinja2 has them here.

Source: https://pkg.go.dev/text/template#hdr-Functions and
https://prometheus.io/docs/alerting/latest/notifications/#functions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from templating.errors import TemplateError
from templating.jinja_text import Expression
from templating.shapes import ELEMENTS

Write = Callable[[list[Expression]], Expression]

_MANY = 1_000


def _filter(name: str, kind: str) -> Write:
    """A function of one value."""
    return lambda given: given[0].through(name, kind=kind)


def _of_last(name: str, kind: str) -> Write:
    """A function whose last value is the one that it is about."""
    return lambda given: given[-1].through(name, *given[:-1], kind=kind)


def _called(name: str, kind: str) -> Write:
    """A function of the same name."""
    return lambda given: Expression(f"{name}({', '.join(each.text for each in given)})", kind)


def _length(given: list[Expression]) -> Expression:
    return given[0].through("byte_length" if given[0].kind == "string" else "length", kind="int")


def _indexed(given: list[Expression]) -> Expression:
    value = given[0]
    for each in given[1:]:
        if value.kind == "string":
            raise TemplateError("index of a text gives a number in Go; that is not translated")
        value = Expression(f"{value.atom}[{each.text}]", ELEMENTS.get(value.kind, "any"))
    return value


def _sliced(given: list[Expression]) -> Expression:
    if len(given) == 4:
        raise TemplateError("slice with three numbers is not translated")
    begin, end = (*(each.text for each in given[1:]), "", "")[:2]
    return Expression(f"{given[0].atom}[{begin}:{end}]", given[0].kind)


def _equal(given: list[Expression]) -> Expression:
    first = given[0].operand
    tests = [f"{first} == {each.operand}" for each in given[1:]]
    return Expression(" or ".join(tests), "bool", "operation")


def _compared(operator: str) -> Write:
    return lambda given: Expression(f"{given[0].operand} {operator} {given[1].operand}", "bool", "operation")


def _chosen(word: str) -> Write:
    def write(given: list[Expression]) -> Expression:
        kinds = {each.kind for each in given}
        kind = kinds.pop() if len(kinds) == 1 else "any"
        return Expression(f" {word} ".join(each.operand for each in given), kind, "operation")

    return write


def _inverted(given: list[Expression]) -> Expression:
    return Expression(f"not {given[0].operand}", "bool", "operation")


def _listed(kind: str) -> Write:
    return lambda given: Expression(f"[{', '.join(each.text for each in given)}]", kind)


def _appended(given: list[Expression]) -> Expression:
    more = ", ".join(each.text for each in given[1:])
    return Expression(f"{given[0].operand} + [{more}]", "list", "operation")


def _mapping(given: list[Expression]) -> Expression:
    if len(given) % 2:
        raise TemplateError("dict takes names and values by turns, and has an odd number of them")
    pairs = zip(given[::2], given[1::2], strict=True)
    return Expression(f"{{{', '.join(f'{name.text}: {value.text}' for name, value in pairs)}}}", "dict")


def _together(name: str) -> Write:
    """html, js and urlquery: of several values, what print would make of them."""

    def write(given: list[Expression]) -> Expression:
        one = given[0] if len(given) == 1 and given[0].kind == "string" else _called("print", "string")(given)
        return one.through(name, kind="string")

    return write


def _since(given: list[Expression]) -> Expression:
    return given[0].through("since", kind="duration")


FUNCTIONS: Mapping[str, tuple[int, int, Write]] = {
    "and": (1, _MANY, _chosen("and")),
    "or": (1, _MANY, _chosen("or")),
    "not": (1, 1, _inverted),
    "eq": (2, _MANY, _equal),
    "ne": (2, 2, _compared("!=")),
    "lt": (2, 2, _compared("<")),
    "le": (2, 2, _compared("<=")),
    "gt": (2, 2, _compared(">")),
    "ge": (2, 2, _compared(">=")),
    "len": (1, 1, _length),
    "index": (1, _MANY, _indexed),
    "slice": (1, 4, _sliced),
    "print": (0, _MANY, _called("print", "string")),
    "printf": (1, _MANY, _called("printf", "string")),
    "println": (0, _MANY, _called("println", "string")),
    "html": (1, _MANY, _together("e")),
    "js": (1, _MANY, _together("js_escape")),
    "urlquery": (1, _MANY, _together("url_escape")),
    "toUpper": (1, 1, _filter("upper", "string")),
    "toLower": (1, 1, _filter("lower", "string")),
    "title": (1, 1, _filter("title", "string")),
    "trimSpace": (1, 1, _filter("trim", "string")),
    "join": (2, 2, _of_last("join", "string")),
    "match": (2, 2, _of_last("matches", "bool")),
    "safeHtml": (1, 1, _filter("safe", "string")),
    "safeUrl": (1, 1, lambda given: given[0]),
    "urlUnescape": (1, 1, _filter("url_unescape", "string")),
    "reReplaceAll": (3, 3, _of_last("re_replace", "string")),
    "stringSlice": (0, _MANY, _listed("strings")),
    "date": (2, 2, _of_last("date", "string")),
    "tz": (2, 2, _of_last("tz", "time")),
    "now": (0, 0, _called("now", "time")),
    "since": (1, 1, _since),
    "humanizeDuration": (1, 1, _filter("humanize_duration", "string")),
    "toJson": (1, 1, _filter("tojson", "string")),
    "base64encode": (1, 1, _filter("base64_encode", "string")),
    "base64decode": (1, 1, _filter("base64_decode", "string")),
    "list": (0, _MANY, _listed("list")),
    "append": (1, _MANY, _appended),
    "dict": (0, _MANY, _mapping),
}
REFUSED: Mapping[str, str] = {
    "routeLabels": "routes have no labels here; write what they would hold into the receiver's texts",
    "toDate": "texts are not read as times here; an alert's own are .StartsAt and .EndsAt",
    "mustToDate": "texts are not read as times here; an alert's own are .StartsAt and .EndsAt",
    "call": "there are no functions among the values",
}
