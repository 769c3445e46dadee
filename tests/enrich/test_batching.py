"""Whether one query may answer for many alerts. That the answers are the same is in `test_query.py`."""

import pytest

from enrich._batching import together
from enrich._parsing import parsed
from enrich._syntax import LabelMatcher, Writer

# MINE is what an alert has for its namespace, and MY what it has for its pod.
TOGETHER = {
    'a{n="MINE"}': "a{n=MINE}",
    'a{n="MINE",x="1",y!~"2"} offset 1h': "a{n=MINE,x=1,y=2} offset 1h",
    'sum(rate(a{n="MINE"}[5m]))': "sum by (n) (rate(a{n=MINE}[5m]))",
    'max by (x) (a{n="MINE",p="MY"})': "max by (x, n, p) (a{n=MINE,p=MY})",
    'sum by (n) (a{n="MINE"})': "sum by (n) (a{n=MINE})",
    'sum(a{n="MINE"}) / sum(b{n="MINE"}) * 100': "sum by (n) (a{n=MINE}) / sum by (n) (b{n=MINE}) * 100",
    '1 - (sum(a{n="MINE"}) / 2)': "1 - (sum by (n) (a{n=MINE}) / 2)",
    'time() - max(a{n="MINE"}) > 60': "time() - max by (n) (a{n=MINE}) > 60",
    'a{n="MINE"} - b{n="MINE"}': "a{n=MINE} - b{n=MINE}",
    'sum by (n, x) (a{n="MINE"}) - b{n="MINE"}': "sum by (n, x) (a{n=MINE}) - b{n=MINE}",
    'sum(a{n="MINE"}) or sum(b{n="MINE"})': "sum by (n) (a{n=MINE}) or sum by (n) (b{n=MINE})",
    'sum(sum by (x) (a{n="MINE"}))': "sum by (n) (sum by (x, n) (a{n=MINE}))",
    'quantile(0.9, a{n="MINE"})': "quantile by (n) (0.9, a{n=MINE})",
    'histogram_quantile(0.9, sum by (le) (rate(a_bucket{n="MINE"}[5m])))': (
        "histogram_quantile(0.9, sum by (le, n) (rate(a_bucket{n=MINE}[5m])))"
    ),
    'max_over_time(sum(rate(a{n="MINE"}[5m]))[1h:1m])': "max_over_time(sum by (n) (rate(a{n=MINE}[5m]))[1h:1m])",
    'clamp(-a{n="MINE"}, 0, scalar(sum(b)))': "clamp(-a{n=MINE}, 0, scalar(sum(b)))",
}
ONE_BY_ONE = (
    'a{n!="MINE"}',
    'a{n=~"MINE|x"}',
    'a{n="MINE",n="MY"}',
    '{n="MINE"}',
    '{__name__="a",n="MINE"}',
    '{__name__="MINE"}',
    'a{n="MINE" or n="MY"}',
    'sum without (p) (a{n="MINE"})',
    'sum by (__name__) (a{n="MINE"})',
    'topk(1, a{n="MINE"})',
    'count_values("x", a{n="MINE"})',
    'quantile(scalar(b{n="MINE"}), a{n="MINE"})',
    'sum(a{n="MINE"}) / sum(b)',
    'sum(a{n="MINE"}) / sum(b{m="MINE"})',
    'sum(a{n="MINE"}) / sum(b{n="MY"})',
    'sum(a{n="MINE"}) / sum(b{n="MINE",p="MY"})',
    'sum(a{n="MINE"}) / b{n="MINE"}',
    'sum by (n) (a{n="MINE"}) / sum(b{n="MINE"})',
    'a{n="MINE"} / on (p) b{n="MINE"}',
    'a{n="MINE"} / ignoring (p) group_left () b{n="MINE"}',
    'sum(a{n="MINE"}) / fill(0) sum(b{n="MINE"})',
    'sum(a{n="MINE"}) or vector(0)',
    'vector(scalar(a{n="MINE"}))',
    'sum(a{n="MINE"}) * scalar(sum(b{n="MINE"}))',
    'absent(a{n="MINE"})',
    'label_replace(a{n="MINE"}, "n", "x", "", "")',
    'histogram_quantile(0.9, rate(a_bucket{le="MINE"}[5m]))',
    'hour() + a{n="MINE"}',
    "sum(a)",
)


def own(matcher: LabelMatcher) -> bool:
    """Whether it holds what is an alert's own."""
    return "MINE" in matcher.value or "MY" in matcher.value


@pytest.mark.parametrize(("promql", "expected"), TOGETHER.items())
def test_is_asked_about_many(promql: str, expected: str) -> None:
    """Each aggregation on the way to the alert's series tells them apart by its labels, and no other does."""
    tree = parsed(promql)
    how = together(tree, own)
    assert how is not None
    assert {"n": "MINE", "p": "MY"}.items() >= how.values.items()
    assert expected == Writer(lambda matcher: f"{matcher.label}={matcher.value}", how.also_by).write(tree)


@pytest.mark.parametrize("promql", ONE_BY_ONE)
def test_is_asked_one_by_one(promql: str) -> None:
    """What mixes one alert's series with another's, or loses whose they are, or is not known to do neither."""
    assert together(parsed(promql), own) is None
