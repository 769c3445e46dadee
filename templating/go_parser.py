"""From the words of a Go template to its tree.

Source: https://pkg.go.dev/text/template
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from templating.errors import TemplateError
from templating.go_lexer import Piece, Token, pieces, place_of, unquoted
from templating.go_tree import Branch, Call, Comment, Define, Jump, Node, Parsed, Pipeline, Print, Text, Trim, Value

_MOST_DEPTH = 50
_KEYWORDS = frozenset(("if", "else", "end", "range", "with", "template", "define", "block", "break", "continue"))


def parse(source: str) -> Parsed:
    """Read a Go template.

    Raises:
        TemplateError: it is none; with the place.
    """
    parser = _Parser(source)
    try:
        body, ending = parser.body(top=True)
    except RecursionError:
        raise TemplateError("is nested too deeply") from None
    if ending is not None:
        raise parser.error(ending.at, "an {{ end }} or {{ else }} of nothing")
    return Parsed(source, body, tuple(parser.defines))


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces: Iterator[Piece] = pieces(source)
        self._depth = 0
        self.defines: list[Define] = []

    def error(self, at: int, message: str) -> TemplateError:
        return TemplateError(message, *place_of(self._source, at))

    def body(self, top: bool = False) -> tuple[tuple[Node, ...], Piece | None]:
        """What comes until an `end` or `else`, and that one."""
        nodes: list[Node] = []
        for piece in self._pieces:
            trim = Trim(piece.left, piece.right)
            if piece.tokens is None:
                nodes.append(Text(piece.text, piece.at))
            elif not piece.tokens:
                nodes.append(Comment(piece.at, trim))
            elif piece.tokens[0].text in ("end", "else"):
                return tuple(nodes), piece
            else:
                nodes.append(self._action(piece, piece.tokens, trim, top))
        return tuple(nodes), None

    def _action(self, piece: Piece, tokens: tuple[Token, ...], trim: Trim, top: bool) -> Node:
        word = tokens[0].text if tokens[0].kind == "word" else ""
        if word in ("if", "with", "range"):
            return self._branch(piece, tokens, trim)
        if word in ("template", "block", "define"):
            return self._named(piece, tokens, trim, word, top)
        if word in ("break", "continue"):
            if len(tokens) > 1:
                raise self.error(tokens[1].at, f"something behind {word}")
            return Jump(piece.at, trim, word)
        return Print(piece.at, trim, self._pipeline(tokens, piece.at))

    def _branch(self, piece: Piece, tokens: tuple[Token, ...], trim: Trim, chained: bool = False) -> Branch:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self.error(piece.at, f"is nested more than {_MOST_DEPTH} deep")
        word = tokens[0].text
        pipeline = self._pipeline(tokens[1:], tokens[0].at, names=2 if word == "range" else 1)
        body, ending = self.body()
        else_trim, otherwise = None, None
        if ending is not None and ending.tokens and ending.tokens[0].text == "else":
            else_trim = Trim(ending.left, ending.right)
            if len(ending.tokens) > 1:
                behind = ending.tokens[1]
                if behind.text not in ("if", "with"):
                    raise self.error(behind.at, "something behind else; if or with may stand there")
                inner = self._branch(ending, ending.tokens[1:], else_trim, chained=True)
                self._depth -= 1
                return Branch(word, piece.at, trim, pipeline, body, else_trim, (inner,), inner.end_trim, chained)  # type: ignore[arg-type]
            otherwise, ending = self.body()
        if ending is None:
            raise self.error(piece.at, f"the {{{{ end }}}} of this {word} is missing")
        self._ended(ending)
        self._depth -= 1
        end_trim = Trim(ending.left, ending.right)
        return Branch(word, piece.at, trim, pipeline, body, else_trim, otherwise, end_trim, chained)  # type: ignore[arg-type]

    def _ended(self, ending: Piece) -> None:
        assert ending.tokens
        if ending.tokens[0].text != "end":
            raise self.error(ending.at, "a second {{ else }}")
        if len(ending.tokens) > 1:
            raise self.error(ending.tokens[1].at, "something behind end")

    def _named(self, piece: Piece, tokens: tuple[Token, ...], trim: Trim, word: str, top: bool) -> Node:
        if len(tokens) < 2 or tokens[1].kind != "string" or tokens[1].text[0] == "'":
            raise self.error(piece.at, f'{word} needs a name in quotes, as in {{{{ {word} "name" . }}}}')
        name, rest = unquoted(tokens[1].text), tokens[2:]
        pipeline = self._pipeline(rest, piece.at) if rest else None
        if word == "template":
            return Call(piece.at, trim, name, pipeline)
        if not top and word == "define":
            raise self.error(piece.at, "a define within something else")
        body, ending = self.body()
        if ending is None:
            raise self.error(piece.at, f"the {{{{ end }}}} of this {word} is missing")
        self._ended(ending)
        body = _trimmed(body, trim.right, ending.left)
        self.defines.append(Define(name, piece.at, body))
        outside = Trim(trim.left, ending.right)
        return Comment(piece.at, outside) if word == "define" else Call(piece.at, outside, name, pipeline)

    def _pipeline(self, tokens: tuple[Token, ...], at: int, names: int = 1) -> Pipeline:
        reader = _Words(self, tokens, at)
        pipeline = reader.pipeline(names)
        if reader.left:
            raise self.error(reader.left[0].at, f"{reader.left[0].text} stands where nothing may")
        return pipeline


def _trimmed(body: tuple[Node, ...], first: bool, last: bool) -> tuple[Node, ...]:
    """A define's body without what the trim marks of its own two ends take away."""
    blank, nodes = " \t\r\n", list(body)
    if first and nodes and isinstance(nodes[0], Text):
        text = nodes[0].text.lstrip(blank)
        nodes[0] = Text(text, nodes[0].at + len(nodes[0].text) - len(text))
    if last and nodes and isinstance(nodes[-1], Text):
        nodes[-1] = Text(nodes[-1].text.rstrip(blank), nodes[-1].at)
    return tuple(nodes)


class _Words:
    """The words of one `{{ }}`, read from the left."""

    def __init__(self, parser: _Parser, tokens: tuple[Token, ...], at: int) -> None:
        self._parser = parser
        self._at = at
        self._depth = 0
        self.left = list(tokens)

    def pipeline(self, names: int = 0) -> Pipeline:
        at = self.left[0].at if self.left else self._at
        given, declares = self._names(names)
        commands = [self._command()]
        while self._take("|"):
            commands.append(self._command())
        return Pipeline(at, tuple(commands), given, declares)

    def _names(self, most: int) -> tuple[tuple[str, ...], bool]:
        for count in range(1, most + 1):
            words = self.left[: 2 * count]
            kinds = [each.kind for each in words[::2]]
            marks = [each.text for each in words[1::2]]
            if kinds == ["variable"] * count and marks[:-1] == [","] * (count - 1) and marks[-1:] in ([":="], ["="]):
                del self.left[: 2 * count]
                return tuple(each.text[1:] for each in words[::2]), marks[-1] == ":="
        return (), True

    def _command(self) -> tuple[Value, ...]:
        values: list[Value] = []
        while self._at_value():
            if values and not self.left[0].spaced:
                raise self._parser.error(self.left[0].at, "a space is missing here")
            values.append(self._value())
        if not values:
            at = self.left[0].at if self.left else self._at
            raise self._parser.error(at, "a value is missing here")
        if len(values) > 1 and values[0].kind not in ("function",) and not values[0].fields:
            raise self._parser.error(values[1].at, "something behind a value that is no function")
        return tuple(values)

    def _at_value(self) -> bool:
        return bool(self.left) and (self.left[0].kind != "mark" or self.left[0].text == "(")

    def _value(self) -> Value:
        token = self.left.pop(0)
        fields: list[str] = []
        inner: str | Pipeline | None = token.text
        kind = token.kind
        made: Literal["string", "number", "char", "bool", "nil", "dot", "variable", "function", "brackets"]
        if kind == "string":
            made, inner = ("char" if token.text[0] == "'" else "string"), unquoted(token.text)
        elif kind == "number":
            made = "number"
        elif kind in ("field", "dot"):
            made, inner = "dot", None
            fields += [token.text[1:]] if kind == "field" else []
        elif kind == "variable":
            made, inner = "variable", token.text[1:]
        elif kind == "word":
            if token.text in _KEYWORDS:
                raise self._parser.error(token.at, f"{token.text} stands where a value should")
            made = "bool" if token.text in ("true", "false") else "nil" if token.text == "nil" else "function"
        else:
            made, inner = "brackets", self._brackets(token)
        while self.left and self.left[0].kind == "field" and not self.left[0].spaced and token.kind != "dot":
            if made in ("string", "number", "char", "bool", "nil"):
                raise self._parser.error(self.left[0].at, f"{self.left[0].text} of a value that has no fields")
            fields.append(self.left.pop(0).text[1:])
        return Value(made, token.at, inner, tuple(fields))

    def _brackets(self, token: Token) -> Pipeline:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self._parser.error(token.at, f"is nested more than {_MOST_DEPTH} deep")
        pipeline = self.pipeline()
        if not self._take(")"):
            raise self._parser.error(token.at, "the ) of this ( is missing")
        self._depth -= 1
        return pipeline

    def _take(self, mark: str) -> bool:
        if self.left and self.left[0].text == mark and self.left[0].kind == "mark":
            self.left.pop(0)
            return True
        return False
