"""Texts are shown without what cannot be seen."""

import pytest

from actions._plain import paragraphs, plain


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("two\nlines \t here", "two lines here"),
        ("a\u202egnp.exe\u200b\u2066b\u2069", "agnp.exeb"),
        ("👩\u200d🚒 é \x00\x07\x1b[31m", "👩\u200d🚒 é [31m"),
        ("\ud83d", ""),
        ("x" * 400, "x" * 299 + "…"),
        (" " * 5_000, ""),
    ],
)
def test_shows_text_plainly(given_text: str, expected: str) -> None:
    """On one line, without what turns it around or cannot be seen; emoji stay whole."""
    assert expected == plain(given_text)


def test_shows_lines_as_lines() -> None:
    """Of a longer text; none of it endless."""
    assert "a\n    b\nc" == paragraphs("\n\na\u202e \n\tb\r\nc\x00\n\n")
    assert 4_000 == len(paragraphs("x" * 100_000))
