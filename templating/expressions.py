"""Pipelines of a Go template as expressions of Jinja2, each with the kind of its value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from templating.errors import TemplateError
from templating.go_functions import FUNCTIONS, REFUSED
from templating.go_lexer import place_of
from templating.go_tree import Pipeline, Value
from templating.jinja_text import Expression, literal
from templating.shapes import FIELDS


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of Go's: how it is named here, and what it holds.

    Attributes:
        text: an expression of Jinja2 for it.
        name: as it is set.
    """

    text: str
    kind: str
    name: str


@dataclass(slots=True)
class Expressions:
    """Writes expressions.

    Attributes:
        source: the whole template, for places.
        dot: what `.` is now.
        variables: those that there are now.
    """

    source: str
    dot: Expression
    variables: dict[str, Variable]

    def error(self, at: int, message: str) -> TemplateError:
        """What is wrong at a place of the source."""
        return TemplateError(message, *place_of(self.source, at))

    def pipeline(self, pipeline: Pipeline) -> Expression:
        """A pipeline's value."""
        value: Expression | None = None
        for command in pipeline.commands:
            value = self._command(command, value)
        assert value is not None
        return value

    def _command(self, command: tuple[Value, ...], piped: Expression | None) -> Expression:
        first = command[0]
        last = [] if piped is None else [piped]
        if first.kind == "function" and not first.fields:
            return self._function(first, [*map(self._value, command[1:]), *last])
        arguments = [*map(self._value, command[1:]), *last]
        return self._value(first, arguments)

    def _function(self, named: Value, arguments: list[Expression]) -> Expression:
        name = str(named.value)
        if name in REFUSED:
            raise self.error(named.at, f"{name}: {REFUSED[name]}")
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, n=1)
            raise self.error(named.at, f"there is no function {name}" + (f"; did you mean {near[0]}?" if near else ""))
        fewest, most, write = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} or more" if most > 99 else f"{fewest} to {most}"
            raise self.error(named.at, f"{name} takes {wanted} values, and has {len(arguments)}")
        try:
            return write(arguments)
        except TemplateError as error:
            raise self.error(named.at, error.reason) from None

    def _value(self, value: Value, arguments: list[Expression] | None = None) -> Expression:
        if value.kind == "variable":
            found = self.variables.get(str(value.value))
            if found is None:
                raise self.error(value.at, f"there is no variable ${value.value} here")
            base = Expression(found.text, found.kind)
        elif value.kind == "dot":
            base = self.dot
        elif isinstance(value.value, Pipeline):
            base = self.pipeline(value.value)
        elif value.kind == "function":
            base = self._function(Value("function", value.at, value.value), [])
        else:
            base = self._literal(value)
        return self._fields(base, value, arguments or [])

    def _fields(self, base: Expression, value: Value, arguments: list[Expression]) -> Expression:
        if not value.fields:
            if arguments:
                raise self.error(value.at, "is handed a value, and is no function")
            return base
        for name in value.fields[:-1]:
            base = self._field(base, name, value.at, [])
        return self._field(base, value.fields[-1], value.at, arguments)

    def _field(self, base: Expression, name: str, at: int, arguments: list[Expression]) -> Expression:
        method = _METHODS.get((base.kind, name))
        if method is not None:
            count, write = method
            if len(arguments) != count:
                raise self.error(at, f".{name} takes {count} values, and has {len(arguments)}")
            return write(base, arguments)
        fields = FIELDS.get(base.kind, {})
        if name in fields and not arguments:
            here, kind = fields[name]
            return Expression(here if base.text == "" else f"{base.atom}.{here}", kind)
        if base.kind == "kv" and not arguments:
            return _of_label(base, name)
        if base.kind in ("any", "dict") and arguments:
            known = [each for (_, method_name), each in _METHODS.items() if method_name == name]
            if len(known) == 1 and len(arguments) == known[0][0]:
                return known[0][1](base, arguments)
        if arguments:
            raise self.error(at, f".{name} takes no values")
        if base.kind in ("any", "dict"):
            return Expression(f"field({base.text}, {literal(name)})", "any")
        raise self.error(at, _no_field(base.kind, name))

    def _literal(self, value: Value) -> Expression:
        content = str(value.value)
        if value.kind == "string":
            return Expression(literal(content), "string")
        if value.kind == "bool":
            return Expression(content, "bool")
        if value.kind == "nil":
            return Expression("none", "any")
        if value.kind == "char":
            if len(content) != 1:
                raise self.error(value.at, "a character that is none")
            return Expression(str(ord(content)), "int")
        return self._number(content.replace("_", ""), value.at)

    def _number(self, digits: str, at: int) -> Expression:
        try:
            if re.fullmatch(r"[+-]?0\d+", digits):
                number: int | float = int(digits, 8)
            elif re.fullmatch(r"[+-]?(\d+|0[xXbBoO]\w+)", digits):
                number = int(digits, 0)
            else:
                number = float(digits)
        except ValueError:
            raise self.error(at, "a number that is none") from None
        if isinstance(number, int) and abs(number) > 2**63:
            raise self.error(at, "a number that is too large")
        level: Literal["atom", "operation"] = "atom" if number >= 0 else "operation"
        text = str(number) if isinstance(number, int) else f"{number:.17g}" if "e" not in repr(number) else repr(number)
        text = repr(number) if isinstance(number, float) and "e" not in repr(number) else text
        return Expression(text, "int" if isinstance(number, int) else "float", level)


def _of_label(labels: Expression, name: str) -> Expression:
    """A label of that name; in brackets where a label's name means something else."""
    plain = name.isascii() and name not in ("items", "keys", "values", "names", "get", "remove", "sorted_pairs")
    plain = plain and not name.startswith("_") and name != "template_kind"
    return Expression(f"{labels.atom}.{name}" if plain else f"{labels.atom}[{literal(name)}]", "string")


_A_KIND: Mapping[str, str] = {
    "alert": "an alert",
    "alerts": "a list of alerts",
    "int": "a number",
    "float": "a number",
    "pairs": "pairs",
    "strings": "a list of texts",
    "string": "a text",
}


def _no_field(kind: str, name: str) -> str:
    if kind == "nil":
        return (
            f'there is nothing that .{name} could be of: the template is called without a value, as in template "x" .'
        )
    if kind == "data" and name in ("RouteLabels",):
        return "routes have no labels here; write what they would hold into the receiver's texts"
    if kind in ("time", "duration"):
        return f".{name} of a {kind} is not translated; use the functions date, tz, since and humanizeDuration"
    fields = sorted(set(FIELDS.get(kind, {})) - {"UpstreamReceiver"})
    near = difflib.get_close_matches(name, fields, n=1)
    said = f"there is no .{name}" + (f" of {_A_KIND.get(kind, f'a {kind}')}" if kind != "data" else "")
    return said + (f"; did you mean .{near[0]}?" if near else f"; there are: {', '.join(fields)}" if fields else "")


def _filter(name: str, kind: str) -> Callable[[Expression, list[Expression]], Expression]:
    def write(base: Expression, arguments: list[Expression]) -> Expression:
        return base.through(name, *arguments, kind=kind)

    return write


def _compared(operator: str) -> Callable[[Expression, list[Expression]], Expression]:
    def write(base: Expression, arguments: list[Expression]) -> Expression:
        return Expression(f"{base.operand} | unix {operator} {arguments[0].operand} | unix", "bool", "operation")

    return write


def _later(base: Expression, arguments: list[Expression]) -> Expression:
    return Expression(f"{base.filtered} | later({arguments[0].operand} / 1000000000)", "time", "filter")


def _remove(base: Expression, arguments: list[Expression]) -> Expression:
    return Expression(f"{base.atom}.remove({arguments[0].text})", "kv")


def _join(base: Expression, arguments: list[Expression]) -> Expression:
    return base.through("join", *arguments, kind="string")


_METHODS: Mapping[tuple[str, str], tuple[int, Callable[[Expression, list[Expression]], Expression]]] = {
    ("kv", "Remove"): (1, _remove),
    ("strings", "Join"): (1, _join),
    ("pairs", "Names"): (
        0,
        lambda base, _: Expression(f"{base.filtered} | map(attribute='name')", "strings", "filter"),
    ),
    ("pairs", "Values"): (
        0,
        lambda base, _: Expression(f"{base.filtered} | map(attribute='value')", "strings", "filter"),
    ),
    ("time", "Format"): (1, _filter("date", "string")),
    ("time", "Sub"): (1, lambda base, given: given[0].through("until", base, kind="duration")),
    ("time", "Add"): (1, _later),
    ("time", "Unix"): (0, _filter("unix", "int")),
    ("time", "UTC"): (0, lambda base, _: base.through("tz", Expression('"UTC"', "string"), kind="time")),
    ("time", "IsZero"): (0, _filter("is_zero", "bool")),
    ("time", "Before"): (1, _compared("<")),
    ("time", "After"): (1, _compared(">")),
    ("time", "String"): (0, _filter("printed", "string")),
    ("duration", "Seconds"): (0, _filter("seconds", "float")),
    ("duration", "Minutes"): (0, lambda base, _: Expression(f"({base.filtered} | seconds) / 60", "float", "operation")),
    ("duration", "Hours"): (0, lambda base, _: Expression(f"({base.filtered} | seconds) / 3600", "float", "operation")),
    ("duration", "String"): (0, _filter("printed", "string")),
}
