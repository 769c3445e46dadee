"""What filters make of texts and lists, none of them much of little."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

from jinja2 import filters as own
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from jinja2.runtime import markup_join
from markupsafe import Markup

from templating.errors import TemplateError
from templating.meter import fits, kept
from templating.printing import checked
from templating.values import text

_MOST_WIDTH = 1_000
_WORD = re.compile(r"[^\W_](?:\w|['.:\u2019](?=[^\W\d_]))*|_\w*")


def title(value: Any) -> str:
    """Each word with a capital, and small letters behind it."""

    def word(match: re.Match[str]) -> str:
        lower = match[0].lower()
        first = next((at for at, each in enumerate(lower) if each.isalpha()), len(lower))
        return lower[:first] + lower[first : first + 1].title() + lower[first + 1 :]

    return _WORD.sub(word, text(value))


def upper(value: Any) -> str:
    """The text in capitals, each letter one letter."""
    return "".join(each.upper() if len(each.upper()) == 1 else each for each in text(value))


def lower(value: Any) -> str:
    """The text in small letters, each letter one letter."""
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in text(value))


def center(value: Any, width: int = 80) -> str:
    """The text in the middle of a line."""
    return text(value).center(_bounded(width))


def indent(value: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """The text with its lines indented."""
    prefix = width[:_MOST_WIDTH] if isinstance(width, str) else " " * _bounded(width)
    lines = text(value).split("\n")
    fits(len(text(value)) + len(lines) * len(prefix))
    inside = [prefix + line if (at or first) and (line or blank) else line for at, line in enumerate(lines)]
    return "\n".join(inside)


def replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    """The text with one part of it replaced by another, everywhere."""
    whole, old, new = text(value), text(old), text(new)
    found = len(whole) + 1 if not old else whole.count(old)
    fits(len(whole) + found * len(new))
    return whole.replace(old, new, count)


def rounded(value: Any, precision: int = 0, method: str = "common") -> float:
    """The number with so many decimals."""
    if method not in ("common", "ceil", "floor"):
        raise TemplateError("round knows the methods common, ceil and floor")
    return float(own.do_round(float(value), max(-15, min(15, int(precision))), method))  # type: ignore[arg-type]


def truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "...") -> str:
    """The beginning of the text, with `end` behind it where something is missing."""
    whole, length = text(value), max(0, int(length))
    if len(whole) <= length:
        return whole
    begin = whole[: max(0, length - len(end))]
    return (begin if killwords else begin.rsplit(" ", 1)[0]) + end


def batch(value: Iterable[Any], size: int) -> list[list[Any]]:
    """The list in lists of so many."""
    each, size = list(kept(iter(value))), max(1, int(size))
    return [each[at : at + size] for at in range(0, len(each), size)]


@pass_eval_context
def join(eval_ctx: EvalContext, values: Iterable[Any], between: Any = "", attribute: str | None = None) -> str:
    """The texts of a list in one, with something between them."""
    listed = list(kept(iter(values)))
    if attribute is not None:
        listed = list(map(own.make_attrgetter(eval_ctx.environment, attribute), listed))
    return _together([each if hasattr(each, "__html__") else text(each) for each in listed], text(between), eval_ctx)


def _together(parts: list[str], between: str, eval_ctx: EvalContext) -> str:
    fits(sum(map(len, parts)) + len(parts) * len(between))
    return (
        str(own.do_join(eval_ctx, parts, between)) if not eval_ctx.autoescape else own.do_join(eval_ctx, parts, between)
    )


def joined(parts: Iterable[Any]) -> str:
    """What stands between `~`."""
    texts = [each if hasattr(each, "__html__") else text(each) for each in parts]
    fits(sum(map(len, texts)))
    return markup_join(texts) if any(hasattr(each, "__html__") for each in texts) else "".join(texts)


def formatted(value: Any, *arguments: Any, **named: Any) -> str:
    """The text with `%s` and its like filled in, as Python's % does."""
    pattern = checked(text(value))
    filled: Any = named or tuple(text(each) if isinstance(each, list | tuple | dict) else each for each in arguments)
    fits(len(pattern) + sum(len(text(each)) for each in (named.values() if named else filled)))
    try:
        return str(pattern % filled)
    except (ValueError, TypeError, KeyError):
        raise TemplateError("has a format with % that does not fit what is put into it") from None


@pass_eval_context
def escape(eval_ctx: EvalContext, value: Any) -> str:
    """The text with &, <, >, ' and " written so that HTML shows them."""
    made = Markup.escape(value if hasattr(value, "__html__") else text(value))
    return made if eval_ctx.autoescape else str(made)


@pass_eval_context
def safe(eval_ctx: EvalContext, value: Any) -> str:
    """The text as it is, though it stands in HTML."""
    return Markup(text(value)) if eval_ctx.autoescape else text(value)


def js_escaped(value: Any) -> str:
    """The text as it may stand within a string of JavaScript."""
    named = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
    return "".join(
        named.get(each) or (each if each.isprintable() and each >= " " else f"\\u{ord(each):04X}")
        for each in text(value)
    )


def url_unescaped(value: Any) -> str:
    """What stands in a URL's query, as it was before."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text(value)):
        raise TemplateError("has a % that no URL has, where it is to be unescaped")
    return unquote_plus(text(value), errors="replace")


def base64_decoded(value: Any) -> str:
    """The text behind base64, in the alphabet of URLs."""
    try:
        return base64.b64decode(text(value).encode(), altchars=b"-_", validate=True).decode(errors="replace")
    except (ValueError, binascii.Error):
        raise TemplateError("has no base64 where it is to be decoded") from None


def _bounded(width: int) -> int:
    if not 0 <= int(width) <= _MOST_WIDTH:
        raise TemplateError(f"has a width that is not between 0 and {_MOST_WIDTH:,}")
    return int(width)
