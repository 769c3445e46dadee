"""What JSON holds, as people read it."""

from typing import Any

import pytest

from commands.readable import readable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1, "b": True, "c": None, "d": "", "e": {}, "f": []}, 'a: 1|b: true|c: null|d: ""|e: {}|f: []'),
        ({"text": "one\n\n  two\n", "to": "us"}, "text:|  | one|  ||  |   two|to: us"),
        ({"a": [{"b": "x", "c": [1, 2]}, "y"]}, "a:|  - b: x|    c:|      - 1|      - 2|  - y"),
        ([["a"], []], "- - a|- []"),
        ("cannot be sent", "cannot be sent"),
        ({"a\x1b[31m": "\x1b]0;x\x07 \u202eb"}, "a?[31m: ?]0;x? ?b"),
    ],
)
def test_is_read_by_people(value: Any, expected: str) -> None:
    """Each value in its place, and none that steers the terminal."""
    assert expected.split("|") == "|".join(readable(value)).split("|")


def test_shows_lists_in_a_list() -> None:
    """However deep."""
    assert ["- - - a", "    - b"] == list(readable([[["a", "b"]]]))
