"""Matchers in Alertmanager's own syntax, as its UTF-8 parser reads them.

Source: https://github.com/prometheus/alertmanager/tree/main/matcher/parse and
https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import re2

Operator = Literal["=", "!=", "=~", "!~"]

_RESERVED = "{}!=~,\\\"'`"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<brace>[{{}}]) | (?P<comma>,) | (?P<operator>=~|!=|!~|=)
        | (?P<quoted>"(?:[^"\\]|\\.)*") | (?P<word>[^\s{re.escape(_RESERVED)}]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
# Over bytes, for `\xf0` and `\360` are bytes: https://pkg.go.dev/strconv#Unquote
_ESCAPE = re.compile(
    rb"\\(?:([abfnrtv\\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|.?)|\n", re.DOTALL
)
_SIMPLE_ESCAPES = dict(zip(b'abfnrtv\\"', b'\a\b\f\n\r\t\v\\"', strict=True))
# What a regular expression reads as nothing but itself, `|` between them.
_PLAIN_ALTERNATIVES = re.compile(r"[^\\.+*?()\[\]{}^$]*")
# And what each match of one without alternatives begins with: a character that may be repeated may be missing.
_PREFIX = re.compile(r"(?:[^\\.+*?()\[\]{}^$|](?![*?{]))*")
# Of regular expressions, verdicts on values: alerts bring the same few again and again.
_MOST_KNOWN = 1_000
_LONGEST_KNOWN = 200
_RE2_OPTIONS = re2.Options()
_RE2_OPTIONS.log_errors = False


class MatcherError(ValueError):
    """A matcher that cannot be read; the message says where and what to write instead."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a missing label is the empty string, a regular expression is anchored.

    Raises:
        MatcherError: the regular expression is not RE2's.
    """

    name: str
    operator: Operator
    value: str
    _regex: re2._Regexp | None = field(init=False, repr=False, compare=False)
    _prefix: str = field(init=False, repr=False, compare=False)
    _known: dict[str, bool] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_regex", self._compiled())
        prefix = _PREFIX.match(self.value) if "|" not in self.value else None
        object.__setattr__(self, "_prefix", prefix[0] if prefix else "")

    def _compiled(self) -> re2._Regexp | None:
        if self.operator not in ("=~", "!~"):
            return None
        try:
            return re2.compile(f"^(?:{self.value})$", _RE2_OPTIONS)
        except UnicodeEncodeError:
            raise MatcherError(f"{self.name}: the regular expression is not UTF-8") from None
        except re2.error as error:
            reason = error.args[0] if error.args else error
            reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            raise MatcherError(f"{self.name}: bad regular expression {self.value!r}: {reason}") from None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a label set meets the condition."""
        value = labels.get(self.name, "")
        if self._regex is None:
            return (value == self.value) == (self.operator == "=")
        if not value.startswith(self._prefix):
            return self.operator == "!~"
        verdict = self._known.get(value)
        if verdict is None:
            verdict = (self._regex.search(value) is not None) == (self.operator == "=~")
            if len(value) <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[value] = verdict
        return verdict

    @property
    def literals(self) -> frozenset[str] | None:
        """The values that match, and no others; None where that is not known without trying."""
        if self.operator == "=":
            return frozenset({self.value})
        if self.operator == "=~" and _PLAIN_ALTERNATIVES.fullmatch(self.value):
            return frozenset(self.value.split("|"))
        return None

    def __str__(self) -> str:
        plain = self.name and not any(each.isspace() or each in _RESERVED for each in self.name)
        return f"{self.name if plain else _quoted(self.name)}{self.operator}{_quoted(self.value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether a label set meets every condition; with none it does."""
    for matcher in matchers:  # noqa: SIM110  # a generator takes twice the time, ten million times
        if not matcher.matches(labels):
            return False
    return True


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read one or several matchers: `severity="critical"`, `{a=b, c=~"d|e",}`.

    Raises:
        MatcherError: with the position, counted from 1, and what was expected.
    """
    tokens = _tokens(text)
    kind, value, at = tokens.pop(0)
    braced = (kind, value) == ("brace", "{")
    if braced:
        kind, value, at = tokens.pop(0)
    matchers: list[Matcher] = []
    expected = "a label name; quote what is special"
    while kind in ("word", "quoted"):
        name = value
        operator = _expect(tokens.pop(0), ("operator",), "an operator: = != =~ or !~")
        label_value = _expect(tokens.pop(0), ("word", "quoted"), 'a value; quote what is special: "a b"')
        matchers.append(Matcher(name, operator, label_value))  # type: ignore[arg-type]  # the token is an operator
        kind, value, at = tokens.pop(0)
        expected = "a comma"
        if kind != "comma":
            break
        kind, value, at = tokens.pop(0)
        expected = "a label name"
    if braced:
        if (kind, value) != ("brace", "}"):
            _fail(value, at, f"{expected} or }}")
        kind, value, at = tokens.pop(0)
        expected = "nothing more"
    if kind != "end":
        _fail(value, at, expected)
    return tuple(matchers)


def _tokens(text: str) -> list[tuple[str, str, int]]:
    tokens = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = len(text) - len(text[at:].lstrip())
            wrong = (
                "a quote that does not end" if text[start] == '"' else f"{text[start]!r} must stand in double quotes"
            )
            raise MatcherError(f"position {start + 1}: {wrong}, in {text!r}")
        kind, value = match.lastgroup, match[match.lastgroup]
        start = match.start(kind)
        tokens.append((kind, _unquoted(value, start) if kind == "quoted" else value, start))
        at = match.end()
    # Enough ends for every look ahead of the parser.
    return [*tokens, *[("end", "", len(text))] * 3]


def _unquoted(quoted: str, at: int) -> str:
    whole = quoted[1:-1].encode(errors="surrogatepass")

    def replaced(match: re.Match[bytes]) -> bytes:
        simple, byte, octal, short, long = match.groups()
        try:
            if simple:
                return bytes([_SIMPLE_ESCAPES[simple[0]]])
            if byte or octal:
                return bytes([int(byte, 16) if byte else int(octal, 8)])
            return chr(int(short or long, 16)).encode()
        except (TypeError, ValueError, OverflowError):
            place = at + 2 + len(whole[: match.start()].decode(errors="surrogatepass"))
            escape = match[0].decode(errors="replace")
            wrong = "a line's end within quotes" if escape == "\n" else f"bad escape {escape!r}"
            raise MatcherError(f"position {place}: {wrong}") from None

    try:
        return _ESCAPE.sub(replaced, whole).decode()
    except UnicodeDecodeError:
        raise MatcherError(f"position {at + 1}: the text in quotes is not UTF-8") from None


def _expect(token: tuple[str, str, int], kinds: tuple[str, ...], what: str) -> str:
    kind, value, at = token
    return value if kind in kinds else _fail(value, at, what)


def _fail(value: str, at: int, what: str) -> str:
    raise MatcherError(f"position {at + 1}: expected {what}" + (f", found {value!r}" if value else ""))
