"""A YAML file as plain values, each with the place it stands at.

Every scalar is text (or None): the schema decides what is a number or a boolean. PyYAML's own reading would turn
`severity: no` into False and `1:30` into 90, and would let the second of two equal keys win in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from config.content import MOST_BYTES
from config.environment import Environment, EnvironmentVariableError

Path_ = tuple[str | int, ...]

_MAX_NODES = 200_000
_LONGEST_MESSAGE = 1_500
VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
"""What is replaced in a value: `$$`, `${NAME}` and `${NAME:-default}`."""
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong (or doubtful) in a file: "file:line:column path: what, and what to write instead".

    Attributes:
        dispensable: the key there could be left out, and all else would mean what it means.
    """

    place: str
    path: str
    message: str
    dispensable: bool = False

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"{self.place} {self.path}".strip(), self.message)))


class ConfigError(Exception):
    """A configuration that cannot be used, with all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class _UnsetError(Exception):
    """A variable that the shipped default names is not set: the list's element that names it is left out."""


@dataclass(slots=True)
class Document:
    """A file's values.

    Attributes:
        name: as it is shown in errors.
        data: dictionaries, lists, text and None.
        marks: where each value stands: (line, column), from 1.
        problems: what is wrong so far.
        blanked: values that could not be had; the reason is among the problems.
        variables: values that stand in no file, and the variable that each is from.
    """

    name: str
    data: Any = None
    marks: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    blanked: list[Path_] = field(default_factory=list)
    variables: dict[Path_, str] = field(default_factory=dict)

    def look_up(self, path: Path_, name: str, environment: Environment) -> str | None:
        """The variable that stands in for what the file leaves out at a path; None when it is not set."""
        try:
            value = environment.get(name)
        except EnvironmentVariableError as error:
            self.problems.append(Problem("the environment", "", str(error)))
            return None
        if value is not None:
            self.variables[path] = name
        return value

    def problem(self, path: Path_, message: str, *, dispensable: bool = False) -> Problem:
        """Say what is wrong at a path, placed at the nearest part of it that the file has."""
        if path in self.variables:
            return Problem("the environment", self.variables[path], _line(message))
        known = path
        while known and known not in self.marks:
            known = known[:-1]
        line, column = self.marks.get(known, (1, 1))
        return Problem(f"{self.name}:{line}:{column}", _line(dotted(path)), _line(message), dispensable)

    def is_wrong(self, path: Path_) -> bool:
        """Whether there is a problem at a path, or inside it."""
        here = _line(dotted(path))
        return any(each.path == here or each.path.startswith((f"{here}.", f"{here}[")) for each in self.problems)


def _line(text: str) -> str:
    """On one line, and not as long as what somebody wrote where a name should stand."""
    shown = text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in shown)


def dotted(path: Path_) -> str:
    """Write a path as "receivers[0].slack_configs[1].api_url"."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def read(
    path: Path, environment: Environment, *, optional_variables: bool = False, content: bytes | None = None
) -> Document:
    """Read a file, with `${NAME}` and `${NAME:-default}` replaced in its values.

    Args:
        path: of a UTF-8 file with one YAML document.
        environment: where the names are looked up.
        optional_variables: leave out a list's element that names a variable which is not set, as the shipped
            default wants it, instead of refusing the file.
        content: what is to stand in the file, instead of what does.

    Raises:
        ConfigError: the file cannot be read or is not YAML.
    """
    document = Document(str(path))
    try:
        if content is None:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(document.name, "", f"cannot be read: {error.strerror}")]) from None
    if len(content) > MOST_BYTES:
        raise ConfigError([Problem(document.name, "", f"is longer than {MOST_BYTES // 1_048_576} MiB")])
    root = _composed(content, document.name)
    reader = _Reader(document, environment, optional_variables)
    document.data = reader.value(root, ()) if root is not None else None
    return document


class _Loader(yaml.SafeLoader):
    """An anchor's name may be given again, as in Alertmanager: an alias is what had it last (YAML 1.2.2, 7.1)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(getattr(event, "anchor", None), None)
        return super().compose_node(parent, index)


def _composed(content: bytes, name: str) -> yaml.Node | None:
    def wrong(before: str, message: str) -> ConfigError:
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return ConfigError([Problem(f"{name}:{line}:{column}", "", message)])

    try:
        text = content.decode()
        return yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        raise wrong(content[: error.start].decode(), "is not UTF-8") from None
    except yaml.reader.ReaderError as error:
        raise wrong(text[: error.position], "is not YAML: a character that may not stand there") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        reason = str(error.problem or error.context)
        if isinstance(error, yaml.composer.ComposerError) or "tag" in reason:
            # What is named there may be a secret that begins with * or !, and wants quotes.
            reason = reason.partition(" '")[0]
        raise ConfigError([Problem(place, "", f"is not YAML: {reason}")]) from None
    except RecursionError:
        raise wrong("", "is nested too deeply") from None


@dataclass(slots=True)
class _Reader:
    document: Document
    environment: Environment
    optional_variables: bool
    inside: list[yaml.Node] = field(default_factory=list)
    count: int = 0

    def value(self, node: yaml.Node, path: Path_) -> Any:
        self.document.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        with self._within(node, path):
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, path)
            return self._sequence(node, path) if isinstance(node, yaml.SequenceNode) else self._mapping(node, path)

    @contextmanager
    def _within(self, node: yaml.Node, path: Path_) -> Iterator[None]:
        self.count += 1
        if self.count > _MAX_NODES or len(self.inside) > 100 or any(node is outer for outer in self.inside):
            raise ConfigError([self.document.problem(path, "is too large, too deep or holds itself")])
        self.inside.append(node)
        try:
            yield
        finally:
            self.inside.pop()

    def _scalar(self, node: yaml.ScalarNode, path: Path_) -> str | None:
        if node.style is None and node.value in _NULL:
            return None

        def replaced(match: re.Match[str]) -> str:
            name, default = match.groups()
            if name is None:
                return "$"
            value = self.environment.get(name, default)
            if value is None and self.optional_variables:
                raise _UnsetError
            if value is None:
                raise EnvironmentVariableError(f"the variable {name} is not set; ${{{name}:-default}} gives a default")
            return value

        try:
            text = VARIABLE.sub(replaced, node.value)
            text.encode()
            return text
        except EnvironmentVariableError as error:
            self.document.problems.append(self.document.problem(path, str(error)))
        except UnicodeEncodeError:
            self.document.problems.append(self.document.problem(path, "holds half a character"))
        self.document.blanked.append(path)
        return None

    def _sequence(self, node: yaml.SequenceNode, path: Path_) -> list[Any]:
        values: list[Any] = []
        for child in node.value:
            try:
                values.append(self.value(child, (*path, len(values))))
            except _UnsetError:
                continue
        return values

    def _mapping(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.document.problems.append(self.document.problem(path, "has a key that is no text"))
                continue
            if key.value in seen:
                here = (*path, key.value)
                self.document.marks[here] = (key.start_mark.line + 1, key.start_mark.column + 1)
                self.document.problems.append(self.document.problem(here, "stands here twice"))
            seen.add(key.value)
        values: dict[str, Any] = {}
        for name, (key, child) in self._pairs(node, path).items():
            here = (*path, name)
            self.document.marks[here] = (key.start_mark.line + 1, key.start_mark.column + 1)
            values[name] = self.value(child, here)
        return values

    def _pairs(self, node: yaml.Node, path: Path_) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """A mapping's keys and values, its own before those that it merges in (PyYAML would change the nodes)."""
        scalars = [(key, child) for key, child in node.value if isinstance(key, yaml.ScalarNode)]
        pairs: dict[str, tuple[yaml.Node, yaml.Node]]
        pairs = {key.value: (key, child) for key, child in scalars if key.tag != _MERGE}
        for merged in (child for key, child in scalars if key.tag == _MERGE):
            for each in merged.value if isinstance(merged, yaml.SequenceNode) else [merged]:
                if isinstance(each, yaml.MappingNode):
                    with self._within(each, path):
                        pairs = self._pairs(each, path) | pairs
                else:
                    self.document.problems.append(self.document.problem(path, "has a << that is no mapping"))
        return pairs
