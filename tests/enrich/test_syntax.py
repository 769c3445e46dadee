"""A tree of PromQL as text again."""

import pytest

from enrich._parsing import parsed
from enrich._syntax import LabelMatcher, Writer, depth, kind, matchers, selectors

TEXTS = (
    'a:b_c{x="it\\"s\\\\ \\n",y!~"\\\\d",z!="",w=~"a|b"}',
    '{__name__=~"a.*","odd-name"="x"}',
    'a{x="y" or z="q"}',
    "rate(a[1h30m5s] @ start() offset 5m)",
    "rate(a[5m] @ 3.500 offset -5m)",
    "max_over_time(rate(a[5m])[1h:] @ end())",
    "max_over_time((a > 1)[1h:1m30s] offset 1d)",
    'sum by (x, "odd-name") (a) / on (y) group_left (z) -b * 0.25',
    "a == bool on () b",
    "a / ignoring (x) group_right () b",
    "a > bool 2 and b or c unless d",
    "sum(a) / sum without () (b)",
    "quantile by (x) (0.9, a) + topk(3, a)",
    'label_replace(a, "x", "$1\\"", "y", "(.*)")',
    "histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m])))",
    "((-1) ^ 2 ^ -a) atan2 time()",
    "a + Inf - NaN + -Inf + 1e+300 + 1e-07 + 1000",
    'count_values("x", a)',
)


@pytest.mark.parametrize("text", TEXTS)
def test_writes_what_was_read(text: str) -> None:
    """To the letter, and so that it is read as the same tree."""
    tree = parsed(text)
    assert text == Writer().write(tree)
    assert repr(tree) == repr(parsed(Writer().write(tree)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM(a) BY (x)", "sum by (x) (a)"),
        ("+a{}", "a"),
        ("a{x='y', } # why", 'a{x="y"}'),
        ("0x1f * rate(a[90s])", "31 * rate(a[1m30s])"),
        ("{'foo.bar'}", '{__name__="foo.bar"}'),
    ],
)
def test_writes_in_one_way(text: str, expected: str) -> None:
    """However it was written."""
    assert expected == Writer().write(parsed(text))


def test_refuses_what_it_does_not_know() -> None:
    """Rather than leaving it out."""
    with pytest.raises(ValueError, match="fill is not known here"):
        Writer().write(parsed("a / fill(0) b"))


def test_changes_matchers_and_aggregations() -> None:
    """Where it is told to."""
    writer = Writer(lambda matcher: f"{matcher.label}=~{matcher.value!r}", lambda aggregation: ["x", "y"])
    tree = parsed('sum(a{x="1"}) / max by (y, z) (b{x="2"})')
    assert "sum by (x, y) (a{x=~'1'}) / max by (y, z, x) (b{x=~'2'})" == writer.write(tree)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2", "scalar"),
        ("-time()", "scalar"),
        ("scalar(a) * 2", "scalar"),
        ("a * 2", "vector"),
        ("(vector(1))", "vector"),
        ("sum(a)", "vector"),
        ("a", "vector"),
        ("a[5m]", "range"),
        ("(a[5m:])", "range"),
        ('"x"', "string"),
    ],
)
def test_knows_what_an_expression_is_worth(text: str, expected: str) -> None:
    """A number, a text, series, or a range of them."""
    assert expected == kind(parsed(text))


def test_knows_how_deep_it_is() -> None:
    """By its longest way down."""
    assert [1, 2, 4] == [depth(parsed(text)) for text in ("a", "-a", "a + sum(-b)")]


def test_finds_selectors() -> None:
    """Wherever they stand, with what they are chosen by."""
    tree = parsed('quantile(scalar(a{x="1"}), -(rate(b{y!="\\n"}[5m])))[1h:1m] @ 3')
    assert ["a", "b"] == [each.name for each in selectors(tree)]
    assert [[LabelMatcher("y", "!=", "\n")]] == matchers(selectors(tree)[1])
    assert [] == matchers(selectors(parsed("a"))[0])
