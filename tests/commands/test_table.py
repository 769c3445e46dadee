"""Rows as aligned text."""

import pytest

from commands.table import table


def test_aligns_columns() -> None:
    """Each column is as wide as the widest text in it; wide and combining characters count as a terminal shows them."""
    rows = [("1", "漢字", "x"), ("22", "e\u0301", ""), ("3", "abcde", "a long last one")]
    expected = "ID  NAME   DETAIL\n1   漢字   x\n22  e\u0301\n3   abcde  a long last one"
    assert expected == table(("ID", "NAME", "DETAIL"), rows, None)


@pytest.mark.parametrize(
    ("width", "expected"),
    [(None, "A  B\n1  some words"), (12, "A  B\n1  some wor…"), (13, "A  B\n1  some words")],
)
def test_cuts_lines_for_a_terminal(width: int | None, expected: str) -> None:
    """A line that is longer than the terminal is wide ends in an ellipsis; elsewhere none is cut."""
    assert expected == table(("A", "B"), [("1", "some words")], width)


def test_cuts_what_would_push_the_rest_away() -> None:
    """No column but the last takes more than 60 characters."""
    assert f"A{' ' * 59}  B\n{'x' * 59}…  1" == table(("A", "B"), [("x" * 100, "1")], None)


def test_shows_nothing_that_a_terminal_obeys() -> None:
    """Others wrote the texts: what is not to be printed is shown as a question mark, and lines stay lines."""
    assert "A  B\n1  a b?[31m?" == table(("A", "B"), [("1", "a\nb\x1b[31m\u202e")], None)
