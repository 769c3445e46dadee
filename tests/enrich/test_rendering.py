"""A user's PromQL, made a query about one alert or about many: to the letter, or not at all."""

import re
import time

import pytest

from enrich._base import NoAnswer
from enrich._rendering import Promql
from tests.enrich.contract import HOSTILE
from tests.enrich.lookup import alert

ALERT = alert(pod='p.1"', namespace="n|m", deployment="d+")


@pytest.mark.parametrize(
    ("text", "alone", "together"),
    [
        ('sum(a{pod="{{ labels.pod }}"})', 'sum(a{pod="p.1\\""})', 'sum by (pod) (a{pod=~"p\\\\.1\\""})'),
        ("a{pod='{{ labels.pod }}:9'}", 'a{pod="p.1\\":9"}', 'a{pod=~"p\\\\.1\\":9"}'),
        ('a{pod=~"{{ labels.pod }}"}', 'a{pod="p.1\\""}', 'a{pod=~"p\\\\.1\\""}'),
        ('a{x=~"{{ labels.deployment }}-.*"}', 'a{x=~"(?:d\\\\+)-.*"}', None),
        ('a{x=~"(?i)(a|{{ labels.namespace }})*[b]"}', 'a{x=~"(?i)(a|(?:n\\\\|m))*[b]"}', None),
        ('a{x!="{{ labels.namespace }}"}', 'a{x!="n|m"}', None),
        ('a{x!~"{{ labels.namespace }}"}', 'a{x!="n|m"}', None),
        ('a{"odd-name"="{{ labels.namespace }}"}', 'a{"odd-name"="n|m"}', 'a{"odd-name"=~"n\\\\|m"}'),
        ("sum(a) # all", "sum(a)", None),
    ],
)
def test_makes_queries(text: str, alone: str, together: str | None) -> None:
    """About one alert as its author wrote it; about many with their labels on the way."""
    promql = Promql(text)
    values = promql.values(ALERT)
    assert values is not None
    assert alone == promql.about(values)
    assert (together or alone) == promql.question([values])
    assert promql.is_together == (together is not None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sum(", "is no PromQL: unclosed left parenthesis"),
        ("sum(a{x='{{ labels.pod }}', y=\"{{ labels.pod }}\"}", "is no PromQL: unclosed left parenthesis"),
        ('a{x=~"({{ labels.pod }}"}', "is no PromQL: illegal regex for ({{ labels.pod }}"),
        ("a{pod={{ labels.pod }}}", "{{ labels.pod }} stands elsewhere than in the value of"),
        ("sum by ({{ labels.by }}) (a)", "{{ labels.by }} stands elsewhere"),
        ('label_replace(a, "x", "{{ labels.x }}", "", "")', "{{ labels.x }} stands elsewhere"),
        ('a{pod="{{ labels.pod }}"} # {{ labels.pod }}', "{{ labels.pod }} stands elsewhere"),
        ('{"{{ labels.pod }}"="x"}', "{{ labels.pod }} stands elsewhere"),
        ("{{ labels.metric }}", "{{ labels.metric }} stands elsewhere"),
        ("rate(a[{{ labels.window }}])", "{{ labels.window }} stands elsewhere"),
        ('a{pod="{{ lables.pod }}"}', "{{ lables.pod }}: there are labels and annotations, and no lables"),
        ('a{pod=~"[{{ labels.pod }}]"}', "{{ labels.pod }} would be a part of []'s, ()'s or an escape's own syntax"),
        ('a{pod=~"a\\\\{{ labels.pod }}"}', "{{ labels.pod }} would be a part of"),
        ('a{pod=~"(?P<{{ labels.pod }}>a)"}', "{{ labels.pod }} would be a part of"),
        ("1 + 1", "is a number without labels"),
        ("a[5m]", "is a range of values"),
        ('"a"', "is a text"),
        ("a / fill(0) b", "fill is not known here"),
        ("(" * 500 + "a" + ")" * 500, "has more than 400 operators and brackets"),
        ("abs(" * 100 + "a" + ")" * 100, "is nested more than 100 deep"),
    ],
)
def test_refuses_what_cannot_be_asked(text: str, reason: str) -> None:
    """When the configuration is read."""
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        Promql(text)


@pytest.mark.parametrize("text", ['sum(a{pod="{{ labels.pod }}"})', 'topk(1, a{pod=~"x{{ labels.pod }}"})'])
def test_no_value_makes_another_query(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a value not escaped, nothing would be asked: what is to be asked is read once more."""
    promql = Promql(text)
    for value in HOSTILE:
        assert promql.question([(value,)])
    monkeypatch.setattr("enrich._rendering.quoted", lambda each: f'"{each}"')
    for value in ('x"} or vector(1) #', 'x",y="', 'x"}[5m', '"', "two\nlines"):
        with pytest.raises(NoAnswer, match="is not asked: labels of the alerts would have made another query of it"):
            promql.question([(value,)])
    assert promql.question([("cart-1",)])


def test_reads_a_long_query_in_a_moment() -> None:
    """Of two thousand pods whose names are full of what would be operators; and of names too long for anybody."""
    promql = Promql('sum(a{pod="{{ labels.pod }}"}) / sum(b{pod="{{ labels.pod }}"})')
    before = time.monotonic()
    text = promql.question([(f"cart-{number}-{'a-b/c.' * 10}",) for number in range(2_000)])
    assert 300_000 < len(text) < 400_000
    assert promql.question([(f"{number}" + "x" * 10_000,) for number in range(200)])
    assert time.monotonic() - before < 2


def test_reads_a_large_query() -> None:
    """As people write who have many terms, and as deep as anybody does."""
    term = 'sum(rate(a{pod="{{ labels.pod }}"}[5m]))'
    assert Promql(" + ".join([term] * 60)).question([("p",)]).count("by (pod)") == 60
    assert Promql("abs(" * 90 + term + ")" * 90).is_together


def test_the_alerts_labels_are_the_series() -> None:
    """What each alert's series have is what was asked for."""
    promql = Promql('a{instance="{{ labels.node }}:9100",namespace="{{ labels.namespace }}"}')
    values = promql.values(alert(node="n-1", namespace="shop"))
    assert values is not None
    assert {"instance": "n-1:9100", "namespace": "shop"} == promql.labels(values)
    assert promql.values(alert(node="n-1")) is None
    assert not promql.is_alike
    assert Promql("sum(up)").is_alike
