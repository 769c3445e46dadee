"""PromQL as a tree, in a moment and whatever it is."""

import time

import pytest

from enrich._parsing import PromQLError, parsed

CLASSES = r'x=~"\\pL{100}\\pL{100}"'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sum(", "is no PromQL: unclosed left parenthesis"),
        ("", "is no PromQL: no expression found in input"),
        ("a > 5 # half an emoji: \ud83d", "is no PromQL: 'utf-8' codec"),
        # The parser panics, which is no Exception.
        ("a[99999999999999999999:1m]", "is no PromQL: "),
        # It would take seconds for these, and more stack than there is.
        ("-" * 7_990 + "a", "has more than 400 operators and brackets"),
        ("a or " * 1_500 + "a", "has more than 400 operators and brackets"),
        ("abs(" * 1_500 + "a" + ")" * 1_500, "has more than 400 operators and brackets"),
        (f"a{{{','.join([CLASSES] * 290)}}}", "has regular expressions that are too large"),
        (r'a{x=~"\\pL\x7b1000}"}', "has regular expressions that are too large, or codes of characters in them"),
        (r'a{x=~"(a{,5}){2,1000}"}', "has regular expressions that are too large"),
    ],
    ids=["open", "empty", "half an emoji", "panic", "minus", "or", "abs", "many classes", "hidden", "repeated"],
)
def test_says_why_it_cannot_be_read(text: str, reason: str) -> None:
    """In words of one line, and at once."""
    before = time.monotonic()
    with pytest.raises(PromQLError) as caught:
        parsed(text)
    assert str(caught.value).startswith(reason)
    assert time.monotonic() - before < 1


def test_reads_what_people_write() -> None:
    """An expression is a tree, though it is a long one."""
    assert "sum by (x)(rate(a{}[5m])) / 2 > 3" == str(parsed("sum by (x) (rate(a[5m])) / 2 > 3"))
    assert str(parsed("a" + " + a" * 300)).startswith("a{} + a{} + ")
    assert parsed(r'a{x=~"[0-9a-f]{8}-[0-9a-f]{4}-\\d{1,3}\\.[a-z]{12}", y=~"5.."}') is not None
    assert parsed(r'a{x="\u00e9"}') is not None


def test_what_stands_in_strings_makes_nothing_deep() -> None:
    """Where somebody knows how deep it is."""
    text = f'a{{pod=~"{"|".join(["cart-1-2"] * 1_000)}"}}'
    with pytest.raises(PromQLError, match="more than 400"):
        parsed(text)
    assert text == str(parsed(text, known=True))
