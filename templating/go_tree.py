"""A Go template as a tree: what the parser makes, and the translation reads.

Source: https://pkg.go.dev/text/template
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Value:
    """Something by itself: a literal, a name, or brackets; with the fields behind it.

    Attributes:
        kind: what `value` is; of "dot" and "nil" it is nothing, of a field its name is among `fields`.
    """

    kind: Literal["string", "number", "char", "bool", "nil", "dot", "variable", "function", "brackets"]
    at: int
    value: str | Pipeline | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`$x := a b | c`: commands, each of which is handed what the one before gave.

    Attributes:
        names: that are given the value, without their `$`.
        declares: they are new.
    """

    at: int
    commands: tuple[tuple[Value, ...], ...]
    names: tuple[str, ...] = ()
    declares: bool = True


@dataclass(frozen=True, slots=True)
class Trim:
    """Whether what is blank before and behind a `{{ }}` goes."""

    left: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Text:
    """What is written as it is."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Comment:
    """What is not written."""

    at: int
    trim: Trim


@dataclass(frozen=True, slots=True)
class Print:
    """A pipeline whose value is written, unless it is given to a variable."""

    at: int
    trim: Trim
    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`, each with what it does otherwise.

    Attributes:
        otherwise: None where there is no `else`; of an `else if` it is that Branch alone.
        chained: it stands behind an `else`, and has no `end` of its own.
    """

    word: Literal["if", "with", "range"]
    at: int
    trim: Trim
    pipeline: Pipeline
    body: tuple[Node, ...]
    else_trim: Trim | None
    otherwise: tuple[Node, ...] | None
    end_trim: Trim
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """`template "name" pipeline`."""

    at: int
    trim: Trim
    name: str
    pipeline: Pipeline | None


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    at: int
    trim: Trim
    word: str


Node = Text | Comment | Print | Branch | Call | Jump


@dataclass(frozen=True, slots=True)
class Define:
    """A template with a name, and where in the source it stands."""

    name: str
    at: int
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A whole source."""

    source: str
    body: tuple[Node, ...]
    defines: tuple[Define, ...]
