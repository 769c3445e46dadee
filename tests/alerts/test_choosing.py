"""Sets of matchers that a label set meets are found as if each were tried."""

from collections.abc import Sequence

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from alerts.choosing import Choices
from alerts.matchers import Matcher, MatcherError, Operator, all_match, parse_matchers

NAMES = st.sampled_from("abc")
VALUES = st.sampled_from(["", "x", "y", "xy", "x|y", "x\n", "X", "é🔥", "."])
OPERATORS: Sequence[Operator] = ("=", "!=", "=~", "!~")
PATTERNS = st.sampled_from(["x", "x|y", "|x", "x|", "", "x.*", ".+", "(?i)x", "[xy]", "é🔥|x", r"\.", "x$", "xy|x\n"])
PIECES = ("a", "b", "ab", *".*?+|()^$", "{2}", "{0,1}", "(?i)", "[ab]", r"\.")
PREFIXED = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
SETS = st.lists(
    st.one_of(
        st.builds(Matcher, NAMES, st.sampled_from(OPERATORS[:2]), VALUES),
        st.builds(Matcher, NAMES, st.sampled_from(OPERATORS[2:]), PATTERNS),
    ),
    max_size=3,
)


@given(st.lists(SETS, max_size=12), st.lists(st.dictionaries(NAMES, VALUES), min_size=1, max_size=5))
def test_finds_what_trying_each_finds(sets: list[list[Matcher]], label_sets: list[dict[str, str]]) -> None:
    """In their order, again and again."""
    choices = Choices(sets)
    for labels in label_sets * 2:
        assert [at for at, one in enumerate(sets) if all_match(one, labels)] == list(choices.meeting(labels))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a="x"', {"x"}),
        ('a=""', {""}),
        ('a=~"x|y z|"', {"x", "y z", ""}),
        ('a=~"x.y"', None),
        ('a=~"(x|y)"', None),
        ('a=~"x\\\\|y"', None),
        ('a!="x"', None),
        ('a!~"x|y"', None),
    ],
)
def test_knows_the_values_that_a_matcher_names(text: str, expected: set[str] | None) -> None:
    """Of a regular expression only where it is nothing but alternatives."""
    (matcher,) = parse_matchers(text)
    assert expected == matcher.literals


def test_what_was_found_of_a_value_is_remembered_within_bounds() -> None:
    """And is the same after it was forgotten."""
    (matcher,) = parse_matchers('a=~"x.*"')
    for number in range(5_000):
        assert matcher.matches({"a": f"x{number}"})
        assert not matcher.matches({"a": f"y{number}" * 100})
    assert len(matcher._known) <= 1_000
    assert not any("y" in value for value in matcher._known)


@given(PREFIXED, st.text(alphabet="ab.", max_size=4))
def test_a_regular_expression_is_its_own_whatever_it_begins_with(pattern: str, value: str) -> None:
    """What spares the trying of most values spares no value that matches."""
    try:
        matcher = Matcher("a", "=~", pattern)
    except MatcherError:
        return
    assert matcher.matches({"a": value}) == bool(re2.search(f"^(?:{pattern})$", value))
    assert Matcher("a", "!~", pattern).matches({"a": value}) != matcher.matches({"a": value})
