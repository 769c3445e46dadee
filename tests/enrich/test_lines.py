"""Others' text is shown plain, whole at its beginning, and without secrets."""

import time

import pytest

from enrich._lines import readable, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31;1mERROR\x1b[0m boom", "ERROR boom"),
        ("\x1b]0;title\x07boom", "boom"),
        ("\x1b]8;;https://evil.example\x1b\\boom\x1b]8;;\x1b\\", "boom"),
        ("\x9b31mboom", "boom"),
        ("\x1b(Bboom\x1b", "boom"),
        ("a\x00b\x07c\x7fd\u2028e", "abcde"),
        ("a\tb", "a   b"),
        ("\u202eevil\u2066\u200b", "evil"),
        ("half \ud83d a pair", "half  a pair"),
        ("👩‍🚀 ünïcödé", "👩‍🚀 ünïcödé"),
        ("  indented", "  indented"),
    ],
)
def test_is_plain(text: str, expected: str) -> None:
    """No escape, no control character and nothing that turns the text around is left."""
    assert (expected,) == shown([text], 100)


def test_leaves_out_blank_lines() -> None:
    """What remains is in order."""
    assert ("one", "two") == shown(["", "one", " \t ", "\x1b[0m", "two  "], 100)


def test_cuts_what_is_long() -> None:
    """With an ellipsis, to the character."""
    assert ("x" * 100, "x" * 99 + "…") == shown(["x" * 100, "x" * 101], 100)


def test_finds_a_secret_behind_colours() -> None:
    """Escapes cannot hide what is to be struck out."""
    assert ("password=***",) == shown(["pass\x1b[1mword=hun\x1b[0mter2"], 100)


def test_shows_no_half_of_a_secret() -> None:
    """What is cut off before it was looked at is not recognised, and so is not shown."""
    for room in range(900, 1_100):
        (line,) = shown(["password=" + "a" * room + " " + "xB3" * 30], 2_000)
        assert "xB3" not in line


def test_shows_what_stands_before_a_long_word() -> None:
    """What is struck out leaves what it stood in."""
    assert ("panic: token=***",) == shown(["panic: token=" + "x" * 100_000], 200)
    assert ("panic: " + "x" * 93,) == tuple(each[:100] for each in shown(["panic: " + "x" * 100_000], 200))
    assert ("word " * 20 + "…",) == tuple(each[-101:] for each in shown(["word " * 100_000], 2_000))


def test_is_read_in_no_time() -> None:
    """Megabytes on one line, or in many."""
    before = time.process_time()
    shown(["token=\x1b[" * 1_000_000] * 20, 200)
    readable("token=\n" * 1_000_000, 200)
    assert time.process_time() - before < 2


def test_is_on_one_line() -> None:
    """Where there is room for one only."""
    assert "boom: at a, at b" == readable("boom:\n\tat a,\r\n\n\tat b", 100)
    assert "boom: at…" == readable("boom:\n\tat a,\n\tat b", 9)
    assert "" == readable("", 9)
