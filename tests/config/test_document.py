"""A YAML file as plain values with their places."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.document import ConfigError, Document, Problem, dotted, read
from config.environment import Environment

SECRET = "hunter2"
Read = Callable[..., Document]


@pytest.fixture
def read_yaml(tmp_path: Path) -> Read:
    """Reads a text as a file `f.yml`; places are given without its folder."""

    def read_text(
        text: str | bytes, variables: Mapping[str, str] | None = None, *, optional_variables: bool = False
    ) -> Document:
        path = tmp_path / "f.yml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read(path, Environment(variables or {}), optional_variables=optional_variables)

    return read_text


def told(document: Document) -> list[str]:
    """Returns the problems, without the temporary folder."""
    return [_without_folder(each) for each in document.problems]


def _without_folder(problem: Problem) -> str:
    return "f.yml" + str(problem).rpartition("f.yml")[2]


def error_of(read_yaml: Read, text: str | bytes) -> str:
    """Returns the one problem that a file is refused with."""
    with pytest.raises(ConfigError) as caught:
        read_yaml(text)
    (problem,) = caught.value.problems
    return _without_folder(problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: no\nb: 1:30\nc: 0x10\nd: 1e3\ne: 2026-01-01\nf: true", "no 1:30 0x10 1e3 2026-01-01 true"),
        ("a: null\nb: ~\nc:\nd: ''\ne: 'null'", (None, None, None, "", "null")),
        ("- a\n- [b, {c: d}]", ["a", ["b", {"c": "d"}]]),
        ("a: |\n  x\n  y\n", ("x\ny\n",)),
        ('a: "\\U0001f642"', ("🙂",)),
        ("\ufeffa: b", ("b",)),
        ("a: b\r\nc: d\r\n", "b d"),
        ("yes: 1\n1: 2\n~: 3", {"yes": "1", "1": "2", "~": "3"}),
        ("a: !!python/object/apply:os.system [x]", (["x"],)),
        ("a: !!int '7'", ("7",)),
    ],
    ids=[
        "nothing",
        "a comment",
        "every scalar is text",
        "null only when plain",
        "lists",
        "a block",
        "unicode",
        "a byte order mark",
        "Windows",
        "keys are text",
        "a tag runs nothing",
        "a tag converts nothing",
    ],
)
def test_reads_plain_values(read_yaml: Read, text: str, expected: object) -> None:
    """What YAML would guess at (no, 1:30) stays as it is written; the schema decides."""
    data = read_yaml(text).data
    if isinstance(expected, tuple):
        data = tuple(data.values())
    if isinstance(expected, str):
        data = " ".join(data.values())

    assert expected == data


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("${NAME}", {"NAME": "x"}, "x"),
        ("a${NAME}b${NAME}c", {"NAME": "x"}, "axbxc"),
        ("${NAME:-default}", {}, "default"),
        ("${NAME:-default}", {"NAME": ""}, "default"),
        ("${NAME:-default}", {"NAME": "x"}, "x"),
        ("'${NAME:-}'", {}, ""),
        ("'${NAME:-a b: c-}'", {}, "a b: c-"),
        ("$$", {}, "$"),
        ("$${NAME}", {"NAME": "x"}, "${NAME}"),
        ("$$$${NAME}", {"NAME": "x"}, "$${NAME}"),
        ("a$b$", {}, "a$b$"),
        ("$NAME", {"NAME": "x"}, "$NAME"),
        ("'${1}'", {}, "${1}"),
        ("'${NAME'", {"NAME": "x"}, "${NAME"),
        ("${NAME}", {"NAME": "${OTHER} $$ {a: b}"}, "${OTHER} $$ {a: b}"),
        ("${NAME}", {"NAME": "null"}, "null"),
        ("'${NAME}'", {"NAME": "x"}, "x"),
        ("['${NAME}']", {"NAME": "a, b"}, ["a, b"]),
        ("{'${NAME}': x}", {"NAME": "a"}, {"${NAME}": "x"}),
    ],
)
def test_replaces_variables_in_values(read_yaml: Read, text: str, variables: dict[str, str], expected: object) -> None:
    """A variable's value is put in as text, once, and never read as YAML; $$ is a dollar; keys stay."""
    document = read_yaml(f"a: {text}", variables)

    assert ({"a": expected}, []) == (document.data, document.problems)


def test_says_every_variable_that_is_not_set(read_yaml: Read) -> None:
    """Each has its own place and path, and what to write instead."""
    document = read_yaml("a: ${ONE}\nb:\n- x\n- c: 'a ${TWO} ${THREE:-}'\n", {"TWO": ""})

    assert [
        "f.yml:1:1 a: the variable ONE is not set; ${ONE:-default} gives a default",
        "f.yml:4:3 b[1].c: the variable TWO is not set; ${TWO:-default} gives a default",
    ] == told(document)


def test_says_which_variable_names_a_file_that_is_not_there(read_yaml: Read) -> None:
    """A secret that is not mounted is told by its variable and its path."""
    document = read_yaml("a: ${ONE}", {"ONE_FILE": "/nowhere/one"})

    assert ["f.yml:1:1 a: ONE_FILE: /nowhere/one: No such file or directory"] == told(document)


def test_leaves_out_an_element_whose_variable_is_not_set(read_yaml: Read) -> None:
    """In the shipped default an element, however deep the variable stands in it, is dropped; its neighbours stay."""
    text = "a:\n- x: {y: '${ONE}'}\n- ${TWO}\n- ['${ONE}', z]\n- ${THREE:-3}\n"

    document = read_yaml(text, {"TWO": "2"}, optional_variables=True)

    assert ({"a": ["2", ["z"], "3"]}, []) == (document.data, document.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2", ["f.yml:2:1 a: stands here twice"]),
        (
            "x:\n- {a: 1, b: 2, 'a': 3, \"a\": 4}",
            ["f.yml:2:16 x[0].a: stands here twice", "f.yml:2:24 x[0].a: stands here twice"],
        ),
        ("x: {b: {c: 1, c: 2}}\ny: 1\ny: 2", ["f.yml:3:1 y: stands here twice", "f.yml:1:15 x.b.c: stands here twice"]),
        ("<<: {}\n<<: {}", ["f.yml:2:1 <<: stands here twice"]),
        ("? [a, b]\n: c\nd: e", ["f.yml:1:1: has a key that is no text"]),
        ("x: {{a: b}: c}", ["f.yml:1:1 x: has a key that is no text"]),
    ],
    ids=["twice", "three times", "nested", "two merges", "a list for a key", "a mapping for a key"],
)
def test_says_which_keys_are_wrong(read_yaml: Read, text: str, expected: list[str]) -> None:
    """The second of two equal keys never wins in silence, and each is told where it stands."""
    assert expected == told(read_yaml(text))


def test_an_alias_stands_for_the_whole(read_yaml: Read) -> None:
    """What has an anchor can be used again, with each use at its own path."""
    document = read_yaml("a: &x {b: [c]}\nd: *x\ne: [*x, *x]")

    assert {"a": {"b": ["c"]}, "d": {"b": ["c"]}, "e": [{"b": ["c"]}] * 2} == document.data
    assert [] == document.problems


def test_a_name_may_be_given_again(read_yaml: Read) -> None:
    """An alias stands for what had it last."""
    document = read_yaml("a: &x 1\nb: *x\nc: &x 2\nd: *x")

    assert {"a": "1", "b": "1", "c": "2", "d": "2"} == document.data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: *one\n  a: 9", {"a": "9", "b": "2"}),
        ("a: 9\n  <<: *one", {"a": "9", "b": "2"}),
        ("<<: [*one, *two]", {"a": "1", "b": "2", "c": "4"}),
        ("<<: [*two, *one]", {"a": "1", "b": "3", "c": "4"}),
        ("<<: *three", {"a": "1", "b": "5", "c": "4"}),
        ("<<: {}\n  a: 9", {"a": "9"}),
        ("'<<': x", {"<<": "x"}),
    ],
    ids=["below", "above", "two", "two the other way", "nested", "nothing", "quoted"],
)
def test_merges_keys(read_yaml: Read, text: str, expected: dict[str, str]) -> None:
    """A mapping's own keys win over those it merges in, and an earlier merge over a later one."""
    bases = "- &one {a: 1, b: 2}\n- &two {b: 3, c: 4}\n- &three {<<: [*one, *two], b: 5}\n"
    document = read_yaml(f"x:\n{bases}y:\n  {text}\n")

    assert (expected, []) == (document.data["y"], document.problems)


def test_a_merged_mapping_may_be_used_again(read_yaml: Read) -> None:
    """A mapping that overrides what it merges has no key twice, neither where it stands nor through an alias."""
    document = read_yaml("a: &a {k: 1}\nb: &b\n  <<: *a\n  k: 2\nc: *b\nd: {<<: *b}\n")

    assert [{"k": "2"}] * 3 == [document.data[key] for key in "bcd"]
    assert [] == document.problems


def test_a_merged_value_is_placed_where_it_is_written(read_yaml: Read) -> None:
    """What is wrong with a merged value is wrong at its own line."""
    document = read_yaml("a: &a\n  k: 1\nb:\n  <<: *a\n")

    assert "f.yml:2:3 b.k: m" == _without_folder(document.problem(("b", "k"), "m"))


def test_rejects_a_merge_of_no_mapping(read_yaml: Read) -> None:
    """<< wants a mapping, or a list of them."""
    assert ["f.yml:1:1 a: has a << that is no mapping", "f.yml:2:1 b: has a << that is no mapping"] == told(
        read_yaml("a: {<<: 5}\nb: {<<: [{}, x]}")
    )


def growing(first: str, more: str) -> str:
    """Returns a file of ten keys, each of which holds the one before nine times."""
    steps = [f"k{n}: &k{n} {more.replace('?', ', '.join([f'*k{n - 1}'] * 9))}" for n in range(1, 10)]
    return "\n".join([f"k0: &k0 {first}", *steps])


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a {b: {c: [*a]}}",
        "a: &a {<<: *a}",
        "a: &a {b: &b {<<: *a}}",
        growing("[x]", "[?]"),
        growing("{x: y}", "{<<: [?]}"),
        "a: " + "[" * 150 + "]" * 150,
    ],
    ids=["a list", "a mapping", "far inside", "a merge", "a merge inside", "a bomb", "a bomb of merges", "deep"],
)
def test_rejects_what_has_no_end(read_yaml: Read, text: str) -> None:
    """Cycles, and files that grow beyond all measure when read, are refused with a place."""
    said = error_of(read_yaml, text)

    assert said.endswith(": is too large, too deep or holds itself")
    assert said.startswith("f.yml:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b\nc: [d\n", "f.yml:3:1: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: b\n\tc: d", "f.yml:2:1: is not YAML: found character '\\t' that cannot start any token"),
        ("a: b: c", "f.yml:1:5: is not YAML: mapping values are not allowed here"),
        ('a: "b', "f.yml:1:6: is not YAML: found unexpected end of stream"),
        ("a: 1\n---\nb: 2\n", "f.yml:2:1: is not YAML: but found another document"),
        ("a: b\nc: \x00d", "f.yml:2:4: is not YAML: a character that may not stand there"),
        (b"a: b\nc: \xc3\xbc\xff", "f.yml:2:5: is not UTF-8"),
        ("a: b".encode("utf-16"), "f.yml:1:1: is not UTF-8"),
        ("[" * 100_000, "f.yml:1:1: is nested too deeply"),
        (f"a: *{SECRET}", "f.yml:1:4: is not YAML: found undefined alias"),
        (f"a: !{SECRET}!x y", "f.yml:1:4: is not YAML: found undefined tag handle"),
    ],
    ids=[
        "an open bracket",
        "a tab",
        "two colons",
        "an open quote",
        "two documents",
        "a control character",
        "not UTF-8",
        "UTF-16",
        "a hundred thousand brackets",
        "a secret like an alias",
        "a secret like a tag",
    ],
)
def test_rejects_what_is_not_yaml(read_yaml: Read, text: str | bytes, expected: str) -> None:
    """Each is refused with line and column, and nothing of a value is told."""
    said = error_of(read_yaml, text)

    assert expected == said[: len(expected)]
    assert SECRET not in said


@pytest.mark.parametrize(
    ("text", "variables"),
    [(r'a: "\ud800"', {}), ("a: ${NAME}", {"NAME": "\udcff"})],
    ids=["an escape", "a variable"],
)
def test_rejects_half_a_character(read_yaml: Read, text: str, variables: dict[str, str]) -> None:
    """What no text can hold is refused where it stands, before it gets to a regular expression or a database."""
    (said,) = told(read_yaml(text, variables))

    assert said in ("f.yml:1:1 a: holds half a character", "f.yml:1:1 a: NAME is not UTF-8")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.yml", "No such file or directory"), ("", "Is a directory"), ("n" * 300, "File name too long")],
    ids=["missing", "a folder", "a long name"],
)
def test_says_why_a_file_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    """The system's own words, and the path as it was given."""
    path = tmp_path / name

    with pytest.raises(ConfigError) as caught:
        read(path, Environment({}))

    assert f"{path}: cannot be read: {reason}" == str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("route",), "route"),
        (("receivers", 0, "slack_configs", 1, "api_url"), "receivers[0].slack_configs[1].api_url"),
    ],
)
def test_writes_paths(path: tuple[Any, ...], expected: str) -> None:
    """A path is written as one would write it in code."""
    assert expected == dotted(path)


def test_places_a_problem_at_the_nearest_part_that_is_there(read_yaml: Read) -> None:
    """A key that is missing is told at the mapping that should hold it."""
    document = read_yaml("a:\n  b: c\n")

    assert ["f.yml:2:3 a.b: m", "f.yml:1:1 a.x: m", "f.yml:1:1 x[0].y: m"] == [
        _without_folder(document.problem(path, "m")) for path in (("a", "b"), ("a", "x"), ("x", 0, "y"))
    ]


def test_a_problem_is_one_line() -> None:
    """Names that are not meant as such are neither shown whole nor told over several lines."""
    document = Document("f.yml")

    assert "f.yml:1:1 a\\nb: no receiver is called x\\u2028y" == str(
        document.problem(("a\nb",), "no receiver is called x\u2028y")
    )
    assert 1_600 > len(str(document.problem((), "x" * 100_000)))
