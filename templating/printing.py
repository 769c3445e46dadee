"""Printing as Go's fmt does it: Sprint, Sprintln and Sprintf.

Source: https://pkg.go.dev/fmt
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from templating.errors import TemplateError
from templating.meter import fits, kept
from templating.values import kind_of, printed

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.)", re.DOTALL)
_WIDTHS = re.compile(r"%(?:\([^)]*\))?[^a-zA-Z%(]*?(\d{4,}|\*)")
_MOST_WIDTH = 1_000
_TYPES = {"kv": "template.KV", "time": "time.Time", "duration": "time.Duration", "float": "float64"}


def checked(pattern: str) -> str:
    """A format of Python's, unless it asks for a width of thousands.

    Raises:
        TemplateError: it does.
    """
    if _WIDTHS.search(pattern):
        raise TemplateError("has a format with a width of 1,000 or more, or a * for one")
    return pattern


def sprint(*values: Any) -> str:
    """The values behind one another, with a space where neither of two is text."""
    parts: list[str] = []
    for at, each in enumerate(values):
        if at and not isinstance(each, str) and not isinstance(values[at - 1], str):
            parts.append(" ")
        parts.append(_text(each))
    return _whole(parts)


def sprintln(*values: Any) -> str:
    """The values with spaces between them, and the end of the line."""
    return _whole([" ".join(map(_text, values)), "\n"])


def sprintf(pattern: str, *values: Any) -> str:
    """The values as a pattern says: %v, %s, %q, %d, %t, %f, %e, %g, %x, %c and %T, with flags, width and precision."""
    waiting = list(values)
    parts: list[str] = []
    at = 0
    for match in _VERB.finditer(pattern):
        parts += [pattern[at : match.start()], _verb(match, waiting)]
        at = match.end()
    rest = pattern[at:]
    parts.append(rest[:-1] + "%!(NOVERB)" if rest.endswith("%") else rest)
    if waiting:
        extra = ", ".join("<nil>" if each is None else f"{_type(each)}={_text(each)}" for each in waiting)
        parts.append(f"%!(EXTRA {extra})")
    return _whole(parts)


def _verb(match: re.Match[str], waiting: list[Any]) -> str:
    flags, width, precision, verb = match.groups()
    if verb == "%":
        return "%"
    if "*" in (width, precision):
        raise TemplateError("has a printf with a * for a width; write the number itself")
    if not waiting:
        return f"%!{verb}(MISSING)"
    value = waiting.pop(0)
    digits = None if precision is None else _number(precision)
    if verb == "T":
        return _padded(_type(value), flags, width)
    write = _VERBS.get(verb, _wrong)
    if "0" in flags and isinstance(value, str):
        flags = flags.replace("0", "")
    return _padded(write(value, verb, flags, digits), flags, width)


def _text(value: Any) -> str:
    return "<nil>" if value is None else printed(value)


def _plain(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if verb == "s" and isinstance(value, bool | int | float):
        return _wrong(value, verb, flags, digits)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _integer(value, "d", flags, digits) if isinstance(value, int) else _signed(printed(value), flags)
    shown = _text(value) if value is not None or verb == "v" else "%!s(<nil>)"
    return shown if digits is None or not isinstance(value, str) else shown[:digits]


def _quoted(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if isinstance(value, bool | float):
        return _wrong(value, verb, flags, digits)
    if isinstance(value, list):
        return f"[{' '.join(_quoted(each, verb, flags, digits) for each in value)}]"
    if isinstance(value, int):
        return f"'{_character(value, 'c', flags, digits)}'"
    cut = _text(value)[:digits] if digits is not None else _text(value)
    named = {"\x07": "\\a", "\x08": "\\b", "\x0b": "\\v", "\x0c": "\\f"}
    written = (named.get(each) or (each if each.isprintable() else _escaped(each)) for each in cut)
    return '"' + "".join("\\" + each if each in '"\\' else each for each in written) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return json.dumps(character)[1:-1]
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _integer(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if isinstance(value, timedelta):
        value = value // timedelta(microseconds=1) * 1_000
    if isinstance(value, bool) or not isinstance(value, int):
        return _wrong(value, verb, flags, digits)
    sign = "-" if value < 0 else ""
    number = f"{abs(value):{verb}}".rjust(digits or 0, "0")
    return _signed(sign + number, flags)


def _hexadecimal(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if isinstance(value, str):
        written = value.encode(errors="replace").hex()
        return written.upper() if verb == "X" else written
    prefix = "0x" if "#" in flags and isinstance(value, int) else ""
    return prefix + _integer(value, verb, flags, digits)


def _real(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return _wrong(value, verb, flags, digits)
    if digits is None and verb in "gG":
        return _signed(printed(value), flags)
    return _signed(f"{value:.{6 if digits is None else digits}{verb}}", flags)


def _boolean(value: Any, verb: str, flags: str, digits: int | None) -> str:
    return printed(value) if isinstance(value, bool) else _wrong(value, verb, flags, digits)


def _character(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return _wrong(value, verb, flags, digits)
    return chr(value) if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else "\ufffd"


def _code_point(value: Any, verb: str, flags: str, digits: int | None) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return _wrong(value, verb, flags, digits)
    return f"U+{value:04X}"


def _wrong(value: Any, verb: str, flags: str, digits: int | None) -> str:
    return f"%!{verb}(<nil>)" if value is None else f"%!{verb}({_type(value)}={_text(value)})"


_VERBS: Mapping[str, Callable[[Any, str, str, int | None], str]] = {
    **dict.fromkeys("vs", _plain),
    **dict.fromkeys("dbo", _integer),
    **dict.fromkeys("xX", _hexadecimal),
    **dict.fromkeys("feEgGF", _real),
    "q": _quoted,
    "t": _boolean,
    "c": _character,
    "U": _code_point,
}


def _signed(number: str, flags: str) -> str:
    return number if number.startswith(("-", "+")) else ("+" if "+" in flags else " " if " " in flags else "") + number


def _padded(written: str, flags: str, width: str | None) -> str:
    wide = _number(width or "0")
    if "-" in flags:
        return written.ljust(wide)
    if "0" not in flags:
        return written.rjust(wide)
    sign = written[:1] if written[:1] in ("+", "-", " ") else ""
    return sign + written[len(sign) :].rjust(wide - len(sign), "0")


def _number(digits: str) -> int:
    if int(digits or "0") > _MOST_WIDTH:
        raise TemplateError(f"has a printf with a width of more than {_MOST_WIDTH:,}")
    return int(digits or "0")


def _type(value: Any) -> str:
    kind = kind_of(value)
    return _TYPES.get(kind, "[]string" if isinstance(value, list) else kind)


def _whole(parts: list[str]) -> str:
    fits(sum(map(len, parts)))
    return str(kept("".join(parts)))
