"""A user's own queries, as a real Prometheus answers them."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import units
from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from building import build_enrichers, configure
from config.schema import QuerySettings
from enrich import Prometheus, Query, find, needs, queries, run
from enrich._base import Answers, NoAnswer
from enrich._rendering import Promql
from enrich._vector import Sample, Vector
from outbound import Http
from tests.enrich.lookup import NOW, Cluster, Lookup, alert
from tests.enrich.test_promql import VALUES
from tests.service import ROOT

ONE = 'sum(a{pod="{{ labels.pod }}"})'
EACH = 'topk(1, a{pod="{{ labels.pod }}"})'
# A few examples of what takes many questions each; they need not be the smallest that fail.
FEW = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def query(promql: str, **more: Any) -> Query:
    """Returns a query called "own"."""
    return Query(QuerySettings.model_validate({"name": "own", "promql": promql, **more}))


def read(of: Query, about: Alert, *series: Sample) -> tuple[Finding, ...]:
    """Returns what is found where every question is answered with these."""
    questions = of.questions([about])
    return of.read(about, Answers(questions, dict.fromkeys(questions, Vector(series)), NOW))


def test_tells_each_alert_its_own_value(cluster: Cluster, lookup: Lookup) -> None:
    """In one question for all; an alert without the label, or that the matchers do not fit, is not asked about."""
    for name, value in (("a", 1.5), ("b", 2_048.0)):
        for number in range(2):
            cluster.exporter.set("own_bytes", {"queue": name, "number": f"{number}"}, value)
    cluster.scraped()
    own = query(
        'sum(own_bytes{queue="{{ labels.queue }}"})', title="of the queue", unit="bytes", matchers=['severity!="info"']
    )
    alerts = [alert(queue="b"), alert(queue="a"), alert(queue="c"), alert(), alert(queue="a", severity="info")]
    first, second, third, *others = lookup.findings(own, alerts)
    assert [(), ()] == others
    assert [("own", "of the queue", "4 KiB"), ("own", "of the queue", "3 B")] == [
        (each.name, each.title, each.text) for each in (*first, *second)
    ]
    assert (Gap("own", "of the queue", "no data: the query has no value for the alert"),) == third
    assert ['sum by (queue) (own_bytes{queue=~"a|b|c"})'] == list(own.questions(alerts).values())
    assert isinstance(first[0], Reading)
    assert 'sum(own_bytes{queue="b"})' == first[0].query


@pytest.mark.parametrize("promql", [ONE, EACH])
def test_names_what_is_missing(promql: str) -> None:
    """No value, several, or none that is a number, are gaps with the reason."""
    own, about = query(promql, unit="things"), alert(pod="p")
    (reading,) = read(own, about, Sample({"pod": "p"}, 2.0))
    assert "2 things" == reading.text
    for series, reason in (
        ([], "no data: the query has no value for the alert"),
        ([1.0, 2.0, 3.0], "has 3 values; aggregate it, as in sum(...)"),
        ([math.nan], "no data: the query is nan"),
        ([-math.inf], "no data: the query is -inf"),
    ):
        with pytest.raises(NoAnswer) as caught:
            read(own, about, *(Sample({"pod": "p", "number": f"{at}"}, value) for at, value in enumerate(series)))
        assert reason == str(caught.value)


def test_says_within_what_it_was(cluster: Cluster, lookup: Lookup) -> None:
    """Over the range, of the same series; the value now is within it in any case."""
    for name in ("a", "b"):
        cluster.exporter.count("own_ranged_total", {"queue": name}, 10)
    cluster.scraped()
    own = query('own_ranged_total{queue="{{ labels.queue }}"}', unit="requests", range="5m")
    assert 300.0 == own.range_seconds
    ((reading,),) = lookup.findings(own, [alert(queue="a")])
    assert isinstance(reading, Reading)
    before, least, _, most, *_ = reading.note.removesuffix(" requests within 5m").split()
    assert "between" == before
    assert 1_000 < float(least) < float(most) - 1_000
    assert most == units.count(reading.value) or float(most) <= reading.value
    assert "max_over_time((sum(x))[1h:1m])" == query("sum(x)", range="1h").questions([alert()])["max sum(x)"]


def test_a_range_that_is_not_known_is_a_gap() -> None:
    """Beside the value; and what only other series were is none."""
    own, about = query(ONE, title="Own", range="1h", unit="bytes"), alert(pod="p")
    questions = own.questions([about])
    now, other = Vector([Sample({"pod": "p"}, 1.0)]), Vector([Sample({"pod": "p", "x": "y"}, 9.0)])
    failed: dict[str, Vector | NoAnswer] = {
        **dict.fromkeys(questions, NoAnswer("Prometheus timed out after 2s")),
        "value": now,
    }
    reading, gap = own.read(about, Answers(questions, failed, NOW))
    assert ("1 B", Gap("own", "Own before", "Prometheus timed out after 2s")) == (reading.text, gap)
    (reading,) = own.read(about, Answers(questions, {**dict.fromkeys(questions, other), "value": now}, NOW))
    assert "1 B" == reading.text


def test_the_documentation_shows_what_is_found(cluster: Cluster, lookup: Lookup, tmp_path: Path) -> None:
    """The example of docs/enrichment.md is a whole configuration, whose queries tell of each alert's own namespace."""
    shown = (ROOT / "docs" / "enrichment.md").read_text().partition("## Queries of your own in YAML")[2]
    example = shown.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "example.yml").write_text(example)
    configuration = configure({}, tmp_path / "example.yml")
    for namespace, code, per_second in (("shop", "200", 9), ("shop", "503", 3), ("bank", "200", 5), ("bank", "500", 0)):
        cluster.exporter.count("http_requests_total", {"namespace": namespace, "code": code}, per_second)
    cluster.scraped()
    enrichers = build_enrichers(configuration, {})
    own = [name for name, each in find().items() if not needs(each)]
    assert [*own, "requests", "errors"] == [each.name for each in enrichers]
    requests, errors = enrichers[-2:]
    alerts = [alert(namespace="bank", severity="critical"), alert(namespace="shop", severity="warning")]
    bank, shop = lookup.texts(requests, *alerts)
    assert (True, True) == (bank.startswith("5"), bank.endswith(" within 1h"))
    assert (True, True) == (shop.startswith("12"), "; between " in shop)
    assert ["0%", "25%"] == lookup.texts(errors, *alerts)
    assert [(), ()] == lookup.findings(errors, [alert(namespace="shop"), alert(severity="critical")])
    assert "requests a second" == requests.title


def test_stands_where_the_configuration_has_it(tmp_path: Path) -> None:
    """Among the enrichers where it is named there, and else behind them."""
    (tmp_path / "own.yml").write_text(
        "enrichment: {enrichers: [memory, b, cpu], queries: [{name: a, promql: up}, {name: b, promql: up}]}\n"
        "route: {receiver: a}\nreceivers: [{name: a, log_configs: [{when: ['a > 1', 'b.value < 2', 'cpu > 1']}]}]\n"
    )
    enrichers = build_enrichers(configure({}, tmp_path / "own.yml"), {})
    assert ["memory", "b", "cpu", "a"] == [each.name for each in enrichers]


def test_asks_so_often_only(lookup: Lookup) -> None:
    """Where each alert is asked about by itself: about those of which there are most; the others say why not."""
    own = query('vector(1) * scalar(count(up{pod!="{{ labels.pod }}"}) > bool 0)')
    alerts = [alert(pod=f"p-{number}") for number in range(12)] + [alert(pod="p-9", x="y"), alert(pod="p-11", x="y")]
    assert 10 == len(own.questions(alerts))
    texts = lookup.texts(own, *alerts)
    assert 2 == texts.count("is asked about 10 different alerts at once, and there were more")
    assert ["1", "1"] == [texts[9], texts[11]]


def test_all_queries_together_ask_so_often_only() -> None:
    """Those that ask about alerts one by one share twenty questions; the others are asked all the same."""
    made = [
        QuerySettings.model_validate({"name": f"q{at}", "promql": promql, **more})
        for at, (promql, more) in enumerate([(EACH, {}), (EACH, {"range": "1h"}), (ONE, {}), ("sum(up)", {})])
    ]
    many = [alert(pod=f"p-{number}") for number in range(1_000)]
    assert [2, 6, 1, 1] == [len(each.questions(many)) for each in queries(made)]
    assert [10] == [len(each.questions(many)) for each in queries(made[:1])]
    assert [1] * 30 == [len(each.questions(many)) for each in queries(made[:1] * 30)]
    assert [] == queries([])


def test_a_storm_asks_few_questions(http: Http, executor: Executor) -> None:
    """At most forty about one event of a thousand alerts, whatever else is looked up."""

    class Counting(Prometheus):
        """Knows nothing, and counts how often it is asked."""

        asked = 0

        def query(
            self,
            promql: str,
            at: datetime,
            deadline_seconds: float,
            *,
            earliest: datetime | None = None,
            foreign: bool = False,
        ) -> Vector:
            """Counts."""
            self.asked += 1
            return Vector()

    own = queries(QuerySettings(name=f"q{at}", promql=promql) for at, promql in enumerate([ONE, ONE, EACH, EACH, EACH]))
    server = Counting("http://prometheus.example", http)
    alerts = [alert(namespace="shop", pod=f"p-{number}", container="app") for number in range(1_000)]
    enrichers = [*find().values(), *own]
    run(enrichers, alerts, [server], received=[NOW] * 1_000, timeout_seconds=10.0, executor=executor)
    assert server.asked <= 40


@pytest.mark.parametrize("promql", [ONE, EACH])
def test_asks_nothing_that_an_alert_has_changed(promql: str, lookup: Lookup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were its labels not escaped: a gap says that it was not asked."""
    monkeypatch.setattr("enrich._rendering.quoted", lambda text: f'"{text}"')
    own = query(promql)
    reason = "is not asked: labels of the alerts would have made another query of it"
    assert [reason] == lookup.texts(own, alert(pod='x"}) or vector(1) #'))
    assert {} == own.questions([alert(pod='"')])


def test_a_placeholder_that_fails_is_a_gap(lookup: Lookup) -> None:
    """Of its alert alone."""
    own = query('count(up{pod!="{{ 1 / (labels.number | int) }}"}) > 0')
    bad, good = lookup.texts(own, alert(number="0"), alert(number="1"))
    assert "{{ 1 / (labels.number | int) }} failed: ZeroDivisionError: division by zero" == bad
    assert "2" == good


@settings(FEW, max_examples=2)
@given(values=st.sets(VALUES, min_size=40, max_size=40), absent=VALUES)
def test_label_values_find_their_own_series(cluster: Cluster, lookup: Lookup, values: set[str], absent: str) -> None:
    """Whatever a label holds, its alert has the value of its own series, together with others and by itself."""
    metric = f"own_labelled_{time.monotonic_ns()}"
    numbers = {value: float(at) for at, value in enumerate(sorted(values))}
    for value, number in numbers.items():
        cluster.exporter.set(metric, {"text": value, "x": "y"}, number)
    cluster.scraped()
    asked = [*values, *({absent} - values)]
    expected = [
        f"{numbers[each]:.0f}" if each in numbers else "no data: the query has no value for the alert" for each in asked
    ]
    alerts = [alert(text=each) for each in asked]
    assert expected == lookup.texts(query(f'sum({metric}{{text="{{{{ labels.text }}}}"}})'), *alerts)
    assert expected == lookup.texts(query(f'{metric}{{text=~"{{{{ labels.text }}}}"}}'), *alerts)
    alone = query(f'topk(1, {metric}{{x!="z",text=~"(?:{{{{ labels.text }}}}){{1}}"}})')
    assert alone.questions_alone == 1
    for each, text in list(zip(alerts, expected, strict=True))[:20]:
        assert [text] == lookup.texts(alone, each)


MINE = '{n="{{ labels.n }}"}'
BOTH = '{n="{{ labels.n }}",exported_namespace="{{ labels.e }}"}'
LEAVES = st.sampled_from(["own_a$", "own_b$", "own_a$", "own_b$ offset 1s", 'own_a{x="1"}', "own_c$"])
BY = st.sampled_from(["", "", " by (n)", " by (x)", " by (n, x)", " by ()", " without (x)"])
NUMBERS = st.sampled_from(["2", "-0.5", "time()", "scalar(sum(own_b))", "scalar(sum(own_a$))"])
OPERATORS = st.sampled_from([*"+-*/", ">", "<= bool", "==", "and", "or", "unless", "/ on (x)", "* ignoring (x)"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    aggregations = st.sampled_from(["sum", "avg", "min", "max", "count", "stddev", "group", "topk", "quantile"])
    functions = st.sampled_from(["abs($)", "max_over_time(($)[30s:5s])", "clamp_min($, 1)", "-($)", "absent($)"])
    return st.one_of(
        st.builds(
            lambda op, by, of: f"{op}{by} ({'1, ' if op in ('topk', 'quantile') else ''}{of})", aggregations, BY, inner
        ),
        st.builds(lambda function, of: function.replace("$", of, 1), functions, inner),
        st.builds(lambda left, op, right: f"(({left}) {op} ({right}))", inner, OPERATORS, inner),
        st.builds(lambda left, op, right: f"(({left}) {op} {right})", inner, st.sampled_from("+*>"), NUMBERS),
    )


PROMQL = st.builds(
    lambda tree, matchers: tree.replace("own_c$", "rate(own_c$[1m])").replace("$", matchers),
    st.recursive(LEAVES, _grown, max_leaves=4),
    st.sampled_from([MINE, MINE, BOTH]),
)


@pytest.fixture(scope="module")
def series(cluster: Cluster) -> Sequence[Alert]:
    """Alerts, and series of two metrics and a counter, some of which only some alerts have."""
    for number in range(5):
        for x in ("1", "2", "3"):
            labels = {"n": f"n{number}", "exported_namespace": "e", "namespace": "f", "x": x}
            if number + int(x) != 4:
                cluster.exporter.set("own_a", labels, number + int(x) / 4)
            if number != 3:
                cluster.exporter.set("own_b", {**labels, "x": x if number else "1"}, 2 * number - int(x))
            cluster.exporter.count("own_c", labels, number + 1)
    cluster.scraped()
    return [alert(n=f"n{number}", e="e") for number in range(6)]


def test_one_question_has_the_same_answers_as_many(
    cluster: Cluster, http: Http, executor: Executor, series: Sequence[Alert]
) -> None:
    """Whatever a query is: where it is asked about all alerts at once, each has what it would have by itself."""
    client = Prometheus(cluster.server.url, http)
    together: set[str] = set()
    told: set[type[Finding]] = set()

    @settings(FEW, max_examples=300)
    @given(promql=PROMQL)
    def same(promql: str) -> None:
        # What is being scraped just now may come between two questions.
        at = datetime.now(UTC) - timedelta(seconds=3)
        try:
            rendering = Promql(promql)
        except ValueError:
            # Two sides that cannot be compared, a number where a series should be.
            return
        if not rendering.is_together or len(together) > 100:
            return
        together.add(promql)
        found = run(
            [query(promql)], series, [client], received=[at] * len(series), timeout_seconds=10.0, executor=executor
        )
        for about, findings in zip(series, found, strict=True):
            values = rendering.values(about)
            assert values is not None
            samples = client.query(rendering.about(values), at, 10).samples
            (finding,) = findings
            told.add(type(finding))
            if len(samples) == 1 and math.isfinite(samples[0].value):
                assert isinstance(finding, Reading), (promql, finding)
                assert finding.value == pytest.approx(samples[0].value, rel=1e-9, abs=1e-9), promql
            elif samples:
                number = f"{samples[0].value}".lower()
                expected = f"has {len(samples)} values" if len(samples) > 1 else f"no data: the query is {number}"
                assert finding.text.startswith(expected), promql
            else:
                assert "no data: the query has no value for the alert" == finding.text, promql

    same()
    assert len(together) > 30
    assert {Reading, Gap} == told


def test_labels_that_are_read_under_others_are_asked_by_their_own(cluster: Cluster, lookup: Lookup) -> None:
    """As those of kube-state-metrics without `honor_labels`, whose `namespace` is its own."""
    cluster.exporter.set("own_moved", {"namespace": "monitoring", "exported_namespace": "shop"}, 7)
    cluster.scraped()
    usual, moved = (
        query(f'own_moved{{{each}="{{{{ labels.namespace }}}}"}}') for each in ("namespace", "exported_namespace")
    )
    shop, monitoring = alert(namespace="shop"), alert(namespace="monitoring")
    none = "no data: the query has no value for the alert"
    assert ([none, "7"], ["7", none]) == (lookup.texts(usual, shop, monitoring), lookup.texts(moved, shop, monitoring))
    assert [()] == lookup.findings(usual, [replace(shop, labels={"namespace": ""})])
