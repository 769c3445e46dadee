"""Go templates into Jinja2's, line for line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from templating.errors import TemplateError
from templating.expressions import Expressions, Variable
from templating.go_tree import Branch, Call, Comment, Jump, Node, Parsed, Pipeline, Print, Text, Trim
from templating.jinja_text import Expression, literal, plain
from templating.shapes import ELEMENTS, NAMES, UNPRINTABLE

Known = Callable[[str, str], None]
"""Is told the name of a template that is called and the kind of what it is handed; raises TemplateError."""

_PLAIN = ("string", "int")


def translated(parsed: Parsed, body: Iterable[Node], kind: str, known: Known) -> str:
    """Write a Go template as one of Jinja2, each line where it was.

    Args:
        parsed: the whole source.
        body: the part of it that is written.
        kind: of what it is handed; "data" is all that a text may name.
        known: see there.

    Raises:
        TemplateError: it cannot be; with the place.
    """
    nodes = tuple(body)
    dot = Expression("" if kind == "data" else "dot", kind)
    root = Variable(dot.text, kind, "")
    assigned = frozenset(_assigned(nodes))
    writer = _Writer(Expressions(parsed.source, dot, {"": root}), known, assigned, set(NAMES))
    return writer.all(nodes)


@dataclass(slots=True)
class _Writer:
    expressions: Expressions
    known: Known
    assigned: frozenset[str]
    taken: set[str]

    def all(self, nodes: Iterable[Node]) -> str:
        return "".join(map(self._node, nodes))

    def _node(self, node: Node) -> str:
        if isinstance(node, Text):
            return plain(node.text)
        if isinstance(node, Comment):
            return _tag("#", "", node.trim, "#")
        if isinstance(node, Jump):
            return _tag("%", node.word, node.trim)
        if isinstance(node, Call):
            return self._call(node)
        return self._print(node) if isinstance(node, Print) else self._branch(node)

    def _print(self, node: Print) -> str:
        value = self.expressions.pipeline(node.pipeline)
        if node.pipeline.names:
            return _tag("%", self._given(node.pipeline, node.pipeline.names[0], value), node.trim)
        if value.kind in UNPRINTABLE:
            message = f"{UNPRINTABLE[value.kind]} cannot be written as it is; name one of its fields"
            raise self.expressions.error(node.pipeline.at, message)
        by = "printed_time" if value.kind == "time" else "printed"
        written = value if value.kind in _PLAIN else value.through(by, kind="string")
        return _tag("{", written.text, node.trim, "}")

    def _call(self, node: Call) -> str:
        value = Expression("none", "nil") if node.pipeline is None else self.expressions.pipeline(node.pipeline)
        if node.pipeline is not None and node.pipeline.names:
            raise self.expressions.error(node.pipeline.at, "sets a variable within a template's call; set it before")
        try:
            self.known(node.name, value.kind)
        except TemplateError as error:
            if error.line:
                raise
            raise self.expressions.error(node.at, error.reason) from None
        arguments = literal(node.name) + ("" if value.text == "" else f", {value.text}")
        return _tag("{", f"template({arguments})", node.trim, "}")

    def _branch(self, node: Branch) -> str:
        outer, variables = self.expressions.dot, dict(self.expressions.variables)
        write = self._range if node.word == "range" else self._choice
        written = write(node)
        self.expressions.dot, self.expressions.variables = outer, variables
        return written

    def _choice(self, node: Branch) -> str:
        """`if` and `with`."""
        outer = self.expressions.dot
        value = self.expressions.pipeline(node.pipeline)
        begin = ""
        if node.pipeline.names:
            if node.chained:
                raise self.expressions.error(node.pipeline.at, "sets a variable within an else if; set it before")
            begin = self._given(node.pipeline, node.pipeline.names[0], value)
            value = self._variable(node.pipeline.names[0])
        elif node.word == "with" and value.level != "atom" and not node.chained:
            name = self._name("it")
            begin, value = f"set {name} = {value.text}", Expression(name, value.kind)
        # Structures are always true in Go.
        test = "true" if value.kind in ("data", "alert", "time") else value.text
        if node.word == "with":
            self.expressions.dot = value
        head = _tags([begin, f"{'elif' if node.chained else 'if'} {test}"], node.trim)
        variables = dict(self.expressions.variables)
        body = self.all(node.body)
        self.expressions.dot, self.expressions.variables = outer, variables
        return head + body + self._otherwise(node, "endif")

    def _range(self, node: Branch) -> str:
        outer = self.expressions.dot
        value = self.expressions.pipeline(node.pipeline)
        names, variables = node.pipeline.names, dict(self.expressions.variables)
        if names and not node.pipeline.declares:
            raise self.expressions.error(node.pipeline.at, "sets variables of before in a range; declare them with :=")
        if value.kind in ("data", "alert", "string", "int", "float", "bool", "time", "duration", "pair"):
            raise self.expressions.error(
                node.pipeline.at, f"range goes over lists and mappings, and this is a {value.kind}"
            )
        # Jinja2 takes a step that ended early for none, and does what there is to do otherwise.
        jumps = node.otherwise is not None and any(_jumps(node.body))
        begin = []
        if jumps:
            it = value.text if value.level == "atom" else self._name("them")
            begin += [f"set {it} = {value.text}"] if it != value.text else []
            begin += [f"if {it}"]
            value = Expression(it, value.kind)
        element = self._element(value, names)
        if value.kind in ("kv", "dict"):
            key = self._name(names[0] if len(names) == 2 and names[0] else "name")
            begin.append(f"for {key}, {element.name} in {_pairs(value)}")
            index = Variable(key, "string", key)
        else:
            begin.append(f"for {element.name} in {value.text}")
            index = Variable("", "int", "")
            if len(names) == 2 and names[0]:
                key = self._name(names[0])
                begin.append(f"set {key} = loop.index0")
                index = Variable(key, "int", key)
        for name, variable in zip(names, (index, element)[-len(names) :] if names else (), strict=True):
            if name:
                begin += self._loop_variable(name, variable)
        self.expressions.dot = Expression(element.text, element.kind)
        body = self.all(node.body)
        self.expressions.dot, self.expressions.variables = outer, variables
        if jumps:
            assert node.else_trim is not None
            end = _tag("%", "endfor", Trim(node.else_trim.left, False))
            return _tags(begin, node.trim) + body + end + self._otherwise(node, "endif")
        return _tags(begin, node.trim) + body + self._otherwise(node, "endfor")

    def _element(self, value: Expression, names: tuple[str, ...]) -> Variable:
        kind = ELEMENTS.get(value.kind, "any")
        wanted = (
            names[-1]
            if names and names[-1]
            else "value"
            if value.kind in ("kv", "dict")
            else _ELEMENT_NAMES.get(kind, "each")
        )
        name = self._name(wanted)
        return Variable(name, kind, name)

    def _loop_variable(self, name: str, variable: Variable) -> list[str]:
        if name in self.assigned:
            box = self._name(f"{variable.name}_box")
            self.expressions.variables[name] = Variable(f"{box}.value", variable.kind, box)
            return [f"set {box} = namespace(value={variable.text})"]
        self.expressions.variables[name] = variable
        return []

    def _otherwise(self, node: Branch, end: str) -> str:
        if node.otherwise is None:
            return _tag("%", end, node.end_trim)
        (first, *rest) = node.otherwise or (None,)
        if isinstance(first, Branch) and first.chained and not rest:
            if node.word == "range" or (first.word == "with") != (node.word == "with"):
                raise self.expressions.error(
                    first.at, f"an else {first.word} of a {node.word}; write {{{{ else }}}} and {{{{ {first.word} }}}}"
                )
            # Its own end is the end of all.
            return self._branch(first)
        assert node.else_trim is not None
        outer = dict(self.expressions.variables)
        written = _tag("%", "else", node.else_trim) + self.all(node.otherwise)
        self.expressions.variables = outer
        return written + _tag("%", end, node.end_trim)

    def _given(self, pipeline: Pipeline, name: str, value: Expression) -> str:
        """Give a value to a variable."""
        variables = self.expressions.variables
        if name == "":
            raise self.expressions.error(pipeline.at, "$ itself cannot be set")
        text = value.text
        if value.text == "":
            raise self.expressions.error(pipeline.at, "all there is cannot be a variable; it is $ anyway")
        if not pipeline.declares:
            found = variables.get(name)
            if found is None:
                raise self.expressions.error(pipeline.at, f"there is no variable ${name} to set; declare it with :=")
            if found.kind != value.kind:
                variables[name] = replace(found, kind="any")
            return f"set {found.name}.value = {text}"
        here = self._name(name)
        if name in self.assigned:
            variables[name] = Variable(f"{here}.value", self._assigned_kind(name, value.kind), here)
            return f"set {here} = namespace(value={text})"
        variables[name] = Variable(here, value.kind, here)
        return f"set {here} = {text}"

    def _assigned_kind(self, name: str, kind: str) -> str:
        """What is set again later may then be of another kind; plain text mostly stays so."""
        return kind if kind in _PLAIN else "any"

    def _variable(self, name: str) -> Expression:
        found = self.expressions.variables[name]
        return Expression(found.text, found.kind)

    def _name(self, wanted: str) -> str:
        """A name that nothing has yet."""
        base = "".join(each if each.isascii() and (each.isalnum() or each == "_") else "_" for each in wanted).strip(
            "_"
        )
        base = base if base and not base[0].isdigit() else f"v{base}"
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name


_ELEMENT_NAMES = {"alert": "alert", "pair": "pair", "string": "text"}


def _pairs(value: Expression) -> str:
    return f"{value.atom}.items()" if value.kind == "kv" else f"{value.filtered} | dictsort(true)"


def _assigned(nodes: Iterable[Node]) -> Iterable[str]:
    """The variables that are set anew after they have been declared."""
    for node in nodes:
        if isinstance(node, Print | Branch) and not node.pipeline.declares:
            yield from node.pipeline.names
        if isinstance(node, Branch):
            yield from _assigned(node.body)
            yield from _assigned(node.otherwise or ())


def _jumps(nodes: Iterable[Node]) -> Iterable[bool]:
    """Whether a step of a loop with this body may end early."""
    for node in nodes:
        if isinstance(node, Jump):
            yield True
        elif isinstance(node, Branch):
            # What stands in an inner loop's body ends that one's steps.
            yield from _jumps(() if node.word == "range" else node.body)
            yield from _jumps(node.otherwise or ())


def _tag(mark: str, text: str, trim: Trim, close: str = "%") -> str:
    left, right = ("-" if trim.left else ""), ("-" if trim.right else "")
    return f"{{{mark}{left} {text}{' ' if text else ''}{right}{close}}}"


def _tags(texts: list[str], trim: Trim) -> str:
    """Several, of which the first and the last trim."""
    wanted = [each for each in texts if each]
    last = len(wanted) - 1
    return "".join(
        _tag("%", text, Trim(trim.left and at == 0, trim.right and at == last)) for at, text in enumerate(wanted)
    )
