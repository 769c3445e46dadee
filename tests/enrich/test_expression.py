"""The alert's own expression, as a real Prometheus answers it."""

import re
from dataclasses import replace
from urllib.parse import quote

import pytest

from alerts.findings import Reading
from alerts.model import Alert
from enrich.expression import Compared, Enricher, read_expression
from tests.enrich.lookup import Cluster, Lookup, alert


def about(expression: str, **labels: str) -> Alert:
    """Returns an alert that came of this expression."""
    url = f"http://prometheus.example:9090/graph?g0.expr={quote(expression)}&g0.tab=1"
    return replace(alert(**labels), generator_url=url)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a > 0.9", Compared("a", "above 0.90", 0.9)),
        ("0.9 < a", Compared("a", "above 0.90", 0.9)),
        ("(a >= (-5))", Compared("a", "at or above -5", -5)),
        ("a < 1e3 and on (pod) up == 1", Compared("a", "below 1000", 1000)),
        ("a <= 2 unless b", Compared("a", "at or below 2", 2)),
        # Which of both fires is not known.
        ("a == 0 or b > 1", Compared("a == 0 or b > 1")),
        ("a > 0.9 < 1", Compared("a", "above 0.90 and below 1", 0.9)),
        ("(1 > a) >= 0.5", Compared("a", "below 1 and at or above 0.50", 1)),
        ("a > on (ns) group_right b", Compared("a > on (ns) group_right () b")),
        ("a != 1", Compared("a", "off 1", 1)),
        ("sum by (x) (rate(a[5m])) / 2 > 3", Compared("sum by (x) (rate(a[5m])) / 2", "above 3", 3)),
        ("a > b", Compared("a > b")),
        ("a > bool 5", Compared("a > bool 5")),
        ("absent(up)", Compared("absent(up)")),
        # What the parser itself would write otherwise than it was.
        ('a{x="\\"b\\n"} > 5', Compared('a{x="\\"b\\n"}', "above 5", 5)),
        ("max_over_time(a[1h:]) > 1", Compared("max_over_time(a[1h:])", "above 1", 1)),
        ("sum(", None),
        ("", None),
        ("a > 5 # half an emoji: \ud83d", None),
        # The parser panics, which is no Exception; and would take seconds, and more stack than there is.
        ("a[99999999999999999999:1m] > 1", None),
        ("-" * 7_990 + "a", None),
        ("a or " * 1_500 + "a", None),
        ("abs(" * 1_500 + "a" + ")" * 1_500 + " > 1", None),
        ("a+" * 300 + "a > 1", Compared(" + ".join(["a"] * 301), "above 1", 1)),
    ],
)
def test_reads_what_is_compared_and_with_what(text: str, expected: Compared | None) -> None:
    """The side with the values, and the number; of sets the left side, which an alert's value is of."""
    assert expected == read_expression(text)


@pytest.mark.parametrize(
    "url", ["", "no url", "http://[", "http://a/graph?g0.expr=sum(", "http://a/graph?g0.expr=" + "a%2B" * 5_000 + "a"]
)
def test_of_no_expression_there_is_nothing_to_tell(lookup: Lookup, url: str) -> None:
    """Alerts that Prometheus did not make, or with an expression that is none, or longer than any."""
    assert [()] == lookup.findings(Enricher(), [replace(alert(pod="a"), generator_url=url)])


def test_tells_each_alert_its_own_value(cluster: Cluster, lookup: Lookup) -> None:
    """The expression is asked once for all; labels that the rule adds or an exporter moves hide no series."""
    exporter = cluster.exporter
    for pod, value in (("a", 0.93), ("b", 0.5), ("c", 0.97)):
        exporter.set("share_of_queue", {"namespace": "queues", "pod": pod}, value)
    exporter.set("share_of_queue", {"exported_namespace": "queues", "exported_pod": "d", "pod": "exporter"}, 0.99)
    cluster.scraped()
    where = {"namespace": "queues", "severity": "critical", "cluster": "main"}
    origin = {"instance": "x", "job": "y"}
    expression = (
        'sum by (namespace, pod, exported_namespace, exported_pod) (share_of_queue{x="\\n"} or share_of_queue) > 0.9'
    )
    alerts = [about(expression, **where, pod=pod) for pod in "abc"]
    alerts.append(about(expression, exported_namespace="queues", exported_pod="d", pod="exporter", **origin))
    assert [f"{value}; fires above 0.90" for value in ("0.93", "0.50", "0.97", "0.99")] == lookup.texts(
        Enricher(), *alerts
    )
    plain = about("share_of_queue > 0.9", **where, pod="b", **origin)
    ((reading,),) = lookup.findings(Enricher(), [about("sum by (pod) (share_of_queue) > 0.9", pod="b")])
    assert isinstance(reading, Reading)
    own = '(sum by (pod) (share_of_queue)) and on (pod) label_replace(vector(1), "pod", "b", "", "")'
    assert ("value", 0.5, 0.9, own) == (reading.title, reading.value, reading.threshold, reading.query)
    none = "no data: the alert's expression has no value for its labels any more"
    assert [none] == lookup.texts(Enricher(), plain)


def test_tells_how_it_was_within_the_hour(cluster: Cluster, lookup: Lookup) -> None:
    """Of each alert's own series; of one that never changed there is nothing to tell."""
    for pod, per_second in (("slow", 1), ("fast", 1_000)):
        cluster.exporter.count("jobs_done_total", {"pod": pod}, per_second)
    cluster.exporter.set("jobs_wanted", {"pod": "slow"}, 5)
    cluster.scraped()
    alerts = [about("max by (pod) (jobs_done_total) > 5", pod=pod) for pod in ("slow", "fast")]
    slow, fast = lookup.texts(Enricher(), *alerts)
    told = re.compile(r"([\d.]+); fires above 5; between ([\d.]+) and ([\d.]+) within the hour")
    nows = []
    for text in (slow, fast):
        match = told.fullmatch(text)
        assert match, text
        now, lowest, highest = map(float, match.groups())
        assert 0 <= lowest < highest == now
        nows.append(now)
    assert nows[1] > 100 * nows[0]
    assert ["5; fires above 1"] == lookup.texts(Enricher(), about("max by (pod) (jobs_wanted) > 1", pod="slow"))


def test_what_was_within_the_hour_is_a_gap_of_its_own(cluster: Cluster, lookup: Lookup) -> None:
    """Where it cannot be known the value is told all the same."""
    for name in ("jobs_lost", "jobs_late"):
        cluster.exporter.set(name, {"pod": name}, 3)
    cluster.exporter.set("jobs_lost", {"pod": "jobs_late"}, 3)
    cluster.scraped()
    # Without their names two of these series are one.
    expression = 'max by (__name__, pod) ({__name__=~"jobs_lost|jobs_late"}) > 1'
    found = lookup.findings(Enricher(), [about(expression, pod="jobs_late")])
    ((reading, gap),) = found
    assert ("value", 3) == (reading.title, reading.value if isinstance(reading, Reading) else None)
    assert ("value within the hour", True) == (gap.title, "Prometheus says" in gap.text)


def test_does_not_choose_between_series(cluster: Cluster, lookup: Lookup) -> None:
    """Where a rule's alert stands for several series of different values, none of them is told."""
    for number in (1, 2):
        cluster.exporter.set("depth_of_queue", {"queue": f"q{number}"}, number)
    cluster.scraped()
    several = about("sum by () (depth_of_queue) > 0 or depth_of_queue", severity="critical")
    assert ["3"] == lookup.texts(Enricher(), several)
    found = Enricher().questions([about("a > 1"), about("a > 2"), about("b > 1")])
    assert {"a > 1": "a", "a > 2": "a", "b > 1": "b"} == {
        name: each for name, each in found.items() if not name.startswith("within")
    }


def test_reads_so_many_expressions_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """To read one may take a while, and a payload may have a thousand."""
    seen = []

    def reads(text: str) -> Compared | None:
        seen.append(text)
        return None

    monkeypatch.setattr("enrich.expression.read_expression", reads)
    assert {} == Enricher().questions([about(f"a{number} > 1") for number in range(1_000)])
    assert 12 == len(seen)


def test_asks_about_so_many_rules_only(lookup: Lookup) -> None:
    """Those of most alerts; the others say why they know nothing."""
    alerts = [about(f"vector({number}) > 0", alertname=f"A{number}") for number in range(10, 22)]
    alerts += [replace(alerts[-1], fingerprint="another"), replace(alerts[-2], fingerprint="one more")]
    texts = lookup.texts(Enricher(), *alerts)
    assert 2 == texts.count("more than 10 rules fire at once; this one was not asked about")
    assert ["21; fires above 0", "20; fires above 0"] == [texts[11], texts[10]]
