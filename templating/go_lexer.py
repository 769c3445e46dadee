"""The words of a Go template: text, and what stands in `{{ }}`.

Source: https://pkg.go.dev/text/template
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from templating.errors import TemplateError

Kind = Literal["string", "number", "field", "dot", "variable", "word", "mark"]

_OPEN = re.compile(r"\{\{(-(?=[ \t\r\n]))?")
_COMMENT = re.compile(r"[ \t\r\n]*/\*.*?\*/(?:\}\}|[ \t\r\n]+(-)\}\})", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?))
    |(?P<field>\.[^\W\d]\w*)
    |(?P<dot>\.)
    |(?P<variable>\$\w*)
    |(?P<word>[^\W\d]\w*)
    |(?P<mark>:=|[=|(),])""",
    re.VERBOSE,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A word within `{{ }}`.

    Attributes:
        spaced: something blank stands before it.
    """

    kind: Kind
    text: str
    at: int
    spaced: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, or one `{{ }}` with its words; a comment has none, and neither has text.

    Attributes:
        left: what is blank before it goes.
        right: what is blank behind it goes.
    """

    text: str
    tokens: tuple[Token, ...] | None
    at: int
    left: bool = False
    right: bool = False


def pieces(source: str) -> Iterator[Piece]:
    """Take a template apart.

    Raises:
        TemplateError: a `{{` without its end, or a character that means nothing within.
    """
    at = 0
    while at < len(source):
        opening = _OPEN.search(source, at)
        if opening is None:
            yield Piece(source[at:], None, at)
            return
        if opening.start() > at:
            yield Piece(source[at : opening.start()], None, at)
        comment = _COMMENT.match(source, opening.end())
        if comment is not None:
            yield Piece("", (), opening.start(), bool(opening[1]), bool(comment[1]))
            at = comment.end()
            continue
        tokens, at, right = _words(source, opening)
        yield Piece("", tokens, opening.start(), bool(opening[1]), right)


def _words(source: str, opening: re.Match[str]) -> tuple[tuple[Token, ...], int, bool]:
    tokens: list[Token] = []
    at, spaced = opening.end(), False
    while True:
        if source.startswith("}}", at):
            break
        if spaced and source.startswith("-}}", at):
            break
        match = _TOKEN.match(source, at)
        if match is None:
            what = "stands here and means nothing in a Go template" if at < len(source) else "its }} is missing"
            place = at if at < len(source) else opening.start()
            character = f"{source[at]!r} " if at < len(source) else "a {{ begins here and "
            raise TemplateError(character + what, *place_of(source, place))
        if match.lastgroup == "space":
            spaced = True
        else:
            tokens.append(Token(match.lastgroup, match[0], at, spaced))  # type: ignore[arg-type]
            spaced = False
        at = match.end()
    trimmed = source[at] == "-"
    if not tokens:
        raise TemplateError("a {{ }} with nothing in it", *place_of(source, opening.start()))
    return tuple(tokens), at + (3 if trimmed else 2), trimmed


def place_of(source: str, at: int) -> tuple[int, int]:
    """A character's line and column, from 1."""
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)


def unquoted(token: str) -> str:
    """What a string, a raw string or a character of Go's stands for."""
    if token[0] == "`":
        return token[1:-1].replace("\r", "")

    def character(match: re.Match[str]) -> str:
        two, four, eight, octal, plain = match.groups()
        code = two or four or eight
        if code or octal:
            number = int(code or octal, 16 if code else 8)
            return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
        return _ESCAPES.get(plain, plain)

    return _ESCAPE.sub(character, token[1:-1])
