"""Changing a YAML text where something stands, and nowhere else."""

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.edits import applied, left_out, overlap, remarked, rewritten
from config.outline import Outline, Spot

TEXT = """\
# first
a: 1 # one
b:
  - c: &anchor {d: x, 'e': [y, z]}   # flow
    f: |  # kept
      line
        further

  # between
  - plain text
g: "quoted \\" text"
h: >-
  folded
  text
i: *anchor
j:
"""


def spot(text: str, *path: str | int) -> Spot:
    """Returns the spot of a path."""
    return next(each for each in Outline(text).spots if each.path == path)


def read(text: str) -> Any:
    """Returns what stands in a text."""
    return yaml.load(text, yaml.BaseLoader)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a",), "a: 1"),
        (("b", 0, "c"), "c: &anchor {d: x, 'e': [y, z]}"),
        (("b", 0, "c", "e"), "'e': [y, z]"),
        (("b", 0, "f"), "f: |  # kept\n      line\n        further"),
        (("b", 1), "plain text"),
        (("h",), "h: >-\n  folded\n  text"),
        (("i",), "i: *anchor"),
        (("j",), "j:"),
    ],
)
def test_knows_where_things_stand(path: tuple[str | int, ...], expected: str) -> None:
    """From the key to the end of what it holds."""
    found = spot(TEXT, *path)
    assert expected == TEXT[found.start : found.end]


def test_finds_by_the_place() -> None:
    """An element and its first key begin at the same."""
    assert [("b", 0), ("b", 0, "c")] == [each.path for each in Outline(TEXT).at((4, 5))]
    assert [] == Outline(TEXT).at((4, 6))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("a",), "it's", "a: 'it''s' # one"),
        (("b", 0, "c", "d"), "{x}", "  - c: &anchor {d: '{x}', 'e': [y, z]}   # flow"),
        (("b", 0, "f"), "one\n two\n", "    f: |  # kept\n      one\n       two\n"),
        (("b", 0, "f"), " one", "    f: |2-  # kept\n       one\n"),
        (("b", 0, "f"), "one\n\n", '    f: "one\\n\\n"\n'),
        (("b", 1), "a\nb", '  - "a\\nb"\n'),
        (("g",), "quoted \t text", 'g: "quoted \\t text"\n'),
        (("h",), "a\nb", "h: |-\n  a\n  b\n"),
    ],
)
def test_writes_a_value_anew(path: tuple[str | int, ...], value: str, line: str) -> None:
    """As it was written, or in quotes where that cannot be."""
    outline = Outline(TEXT)
    changed = applied(TEXT, [rewritten(outline, spot(TEXT, *path), value)])
    assert line in changed
    assert value == _at(read(changed), path)
    assert re.findall("#.*", changed) == re.findall("#.*", TEXT) or "f" in path


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@given(
    st.sampled_from([("a",), ("b", 0, "c", "d"), ("b", 0, "f"), ("b", 1), ("g",), ("h",)]),
    st.text(st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\ufffe\uffff"), max_size=12)
    | st.text("ab \n\t\r:#'\"{}[],&*|>-\\$", max_size=12),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_value_is_read_as_it_was_meant(path: tuple[str | int, ...], value: str, newline: str) -> None:
    """Whatever it holds and wherever it stands; and all else is as it was."""
    text = TEXT.replace("\n", newline)
    changed = applied(text, [rewritten(Outline(text), spot(text, *path), value)])
    expected = read(text)
    _at(expected, path[:-1])[path[-1]] = value
    assert expected == read(changed)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a: 1 # x\nb: 2\n", ("a",), "# why\n# a: 1 # x\nb: 2\n"),
        ("l:\n- a: 1\n  b: 2", ("l", 0, "a"), "l:\n- # why\n  # a: 1\n  b: 2"),
        ("l:\n- a: 1", ("l", 0, "a"), "l:\n- # why\n  # a: 1"),
        (
            "m:\n  a:\n  - x: |\n      1\n\n     # no comment\n    y: 2\n  b: 3\n",
            ("m", "a"),
            "m:\n  # why\n  # a:\n  # - x: |\n  #     1\n  #\n  #    # no comment\n  #   y: 2\n  b: 3\n",
        ),
        ("m: {a: 1, b: 2, c: 3}\n", ("m", "a"), "# why\n# a: 1\nm: {b: 2, c: 3}\n"),
        ("m: {a: 1, b: 2, c: 3}\n", ("m", "b"), "# why\n# b: 2\nm: {a: 1, c: 3}\n"),
        ("m: {a: 1, b: 2, c: 3}\n", ("m", "c"), "# why\n# c: 3\nm: {a: 1, b: 2}\n"),
        ("m: {a: 1 , }\n", ("m", "a"), "# why\n# a: 1\nm: { }\n"),
        ("  - {a: {b: [1,\n 2], # x\n c: 3}}\n", (0, "a", "b"), "  # why\n  # b: [1,\n  # 2], # x\n  - {a: {c: 3}}\n"),
        ("{a: 1, b: 2}\n", ("a",), "# why\n# a: 1\n{b: 2}\n"),
        ("a:\nb: 1\n", ("a",), "# why\n# a:\nb: 1\n"),
        ("a: &x 1\nb: &y\n  c: *x\n", ("b",), "a: &x 1\n# why\n# b: &y\n#   c: *x\n"),
    ],
)
def test_leaves_a_key_out(text: str, path: tuple[str | int, ...], expected: str, newline: str) -> None:
    """It becomes a comment, and the comments in it stay."""
    text = text.replace("\n", newline)
    changed = applied(text, left_out(Outline(text), spot(text, *path), "why"))
    assert expected.replace("\n", newline) == changed
    read(changed)


@pytest.mark.parametrize(
    ("text", "path"),
    [("a: &x 1\nb: *x\n", ("a",)), ("? a\n: 1\nb: 2\n", ("a",)), ("m: {a: &x {}, b: *x}\n", ("m", "a"))],
)
def test_does_not_leave_out_what_else_refers_to(text: str, path: tuple[str | int, ...]) -> None:
    """Nor what stands in no line of its own."""
    assert [] == left_out(Outline(text), spot(text, *path), "why")


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a:\n  - b: 1\n", ("a", 0, "b"), "a:\n  # why\n  - b: 1\n"),
        ("a: [1,\n 2]\n", ("a", 1), "# why\na: [1,\n 2]\n"),
        ("\ufeffa: 1\n", ("a",), "\ufeff# why\na: 1\n"),
    ],
)
def test_says_something_above(text: str, path: tuple[str | int, ...], expected: str) -> None:
    """In a line of its own, as far in as the next one."""
    assert expected == applied(text, [remarked(Outline(text), spot(text, *path), "why")])


def test_says_something_at_the_top() -> None:
    """Where it is about no key, behind the mark of the order of bytes."""
    assert "\ufeff# why\r\n a: 1\r\n" == applied("\ufeff a: 1\r\n", [remarked(Outline("\ufeff a: 1\r\n"), None, "why")])


def test_knows_what_is_in_the_way_of_what() -> None:
    """The last two of a line can only be taken out one after the other."""
    text = "m: {a: 1, b: 2, c: 3}\n"
    first, second, third = (left_out(Outline(text), spot(text, "m", key), "why") for key in "abc")
    assert (False, True, False) == (overlap(first, second), overlap(second, third), overlap(first, third))
