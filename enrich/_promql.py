"""PromQL that label values cannot break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

# What RE2 reads as something other than itself; re.escape would also escape what RE2 refuses escaped.
_LONGEST = 1_000
_NOBODY = frozenset(("\0",))
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
# Others have to be quoted, which Prometheus understands since 3.0.
_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def any_of(label: str, values: Iterable[str]) -> str:
    """A matcher for series whose label has one of these values, to the letter: `pod=~"a|b\\\\.c"`.

    What is too long for any name is left out: a thousand of these would take Prometheus, and us, seconds.
    """
    short = frozenset(value for value in values if len(value) <= _LONGEST)
    return f"{label}=~{_quoted_alternatives(short or _NOBODY)}"


# Enrichers ask about the same thousand pods, many times over.
@lru_cache(maxsize=32)
def _quoted_alternatives(values: frozenset[str]) -> str:
    return quoted(alternatives(values))


def alternatives(values: Iterable[str]) -> str:
    """A regular expression that these texts fit, and no others."""
    return "|".join(map(to_the_letter, sorted(set(values))))


def to_the_letter(value: str) -> str:
    """A regular expression that this text fits, and no other."""
    return _SPECIAL.sub(r"\\\g<0>", value)


def quoted(text: str) -> str:
    """A PromQL string that holds this text.

    U+FFFD is what Prometheus' lexer takes for invalid UTF-8 unless it is escaped, and it stands wherever something
    replaced half an emoji. https://github.com/prometheus/prometheus/blob/main/promql/parser/lex.go (lexString)
    """
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\ufffd", "\\ufffd")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def per_second(selector: str) -> str:
    """How fast counters have grown over the last five minutes, or for as long as they exist.

    `rate` divides by five minutes even where a series is one minute old, and so shows a fifth of what a container
    uses that has just restarted; the slope does not, and `rate` remains for counters that were reset.
    https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
    """
    window = f"{selector}[5m]"
    return f"((deriv({window}) and resets({window}) == 0) or rate({window}))"


def equal(labels: Mapping[str, str]) -> str:
    """Matchers for series whose labels have just these values: `namespace="shop",pod="cart-1"`."""
    return ",".join(f"{name}={quoted(value)}" for name, value in labels.items())


def only(promql: str, labels: Mapping[str, str]) -> str:
    """Of an expression's series the one with these labels, which no matcher may choose behind an aggregation."""
    named = {name: value for name, value in labels.items() if _PLAIN_NAME.fullmatch(name) and name != "__name__"}
    if not named:
        return promql
    wanted = "vector(1)"
    for name, value in named.items():
        # The value is a template, in which a dollar stands for a part of what was found.
        wanted = f'label_replace({wanted}, "{name}", {quoted(value.replace("$", "$$"))}, "", "")'
    return f"({promql}) and on ({', '.join(named)}) {wanted}"
