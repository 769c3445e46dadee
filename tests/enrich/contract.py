"""What every enricher holds, whatever it looks up."""

import importlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

from alerts.findings import Finding, Gap, Reading
from alerts.model import Alert
from config.schema import QuerySettings
from enrich import Enricher, Given, Prometheus, Query, find
from enrich._base import Answers, Asks, FollowsUp, Gauges, LooksUp, NoAnswer
from enrich._vector import Sample, Vector
from outbound import Http
from tests.enrich.lookup import NOW, Cluster, Lookup, alert
from tests.far_sides import trouble

HOSTILE = (
    'x"} or vector(1) #',
    "a\"b'c`d",
    "back\\slash\\",
    "two\nlines\r\n",
    ".*|^$+?()[]{}",
    "\\Qa\\E(?i)b",
    "🔥 पॉड \u202e\u0000\u007f",
    "half an emoji: \ufffd",
    "$matchers ${matchers} {{matchers}} %s {}",
    " ",
    "x" * 10_000,
)
LABELS = ("namespace", "pod", "container", "instance", "node", "job", "exported_namespace", "exported_pod")
POD = alert(namespace="shop", pod="cart-1", container="app", job="cadvisor")
NODE = alert(instance="node-1:9100", node="node-1", job="node-exporter")
BARE = alert()
GROUPS: dict[str, list[Alert]] = {
    "none": [],
    "a pod": [POD],
    "a node": [NODE],
    "without any known label": [BARE],
    "many": [POD, NODE, BARE, *[alert(namespace=f"n-{at % 7}", pod=f"p-{at}") for at in range(500)]],
    "hostile": [alert(**dict.fromkeys(LABELS, value)) for value in HOSTILE]
    + [alert(**{label: value}) for value in HOSTILE for label in LABELS],
}
# Seconds for a run against a far side in trouble, and how much longer than that it may take on a busy machine.
TIMEOUT_SECONDS = 0.3
GRACE_SECONDS = 0.7
# What an answer may hold beside the labels that were asked for, so that there is something to follow up.
RICH = {
    "owner_kind": "ReplicaSet",
    "owner_name": "cart-7d9f",
    "replicaset": "cart-7d9f",
    "deployment": "cart",
    "node": "node-1",
    "persistentvolumeclaim": "data-cart-1",
    "resource": "cpu",
    "reason": "OOMKilled",
    "condition": "Ready",
    "status": "true",
    "mountpoint": "/",
}
TROUBLES = (
    trouble.hanging,
    trouble.refusing,
    trouble.nonsense,
    trouble.unavailable,
    trouble.dripping_headers,
    trouble.dripping_body,
    trouble.endless_body,
    trouble.closing,
)


def follow_ups(enricher: Asks, alerts: list[Alert]) -> dict[str, str]:
    """Returns what an enricher asks once its first questions are answered with what the alerts and RICH say."""
    if not isinstance(enricher, FollowsUp):
        return {}
    questions = dict(enricher.questions(alerts))
    samples = [
        Sample({**RICH, **{name: value for name, value in each.labels.items() if value}}, 1.0) for each in alerts
    ]
    return dict(enricher.follow_up(alerts, Answers(questions, dict.fromkeys(questions, Vector(samples)), NOW)))


def reason_of(looked: Callable[[], object]) -> str | None:
    """Returns why nothing was found; None when something was."""
    try:
        looked()
    except NoAnswer as reason:
        return str(reason)
    return None


def numbers(finding: Finding) -> Iterator[float]:
    """Gives the numbers of a reading that are told."""
    if isinstance(finding, Reading):
        yield finding.value
        yield from (each for each in (finding.request, finding.limit, finding.share) if each is not None)


# A new module is in these rounds without a word here.
EVERY = [pytest.param(each, id=name) for name, each in find().items()]
OWN = QuerySettings(name="own", promql='sum(a{namespace="{{ labels.namespace }}",pod=~"{{ labels.pod }}"})', range=60.0)
ASKING = [pytest.param(each, id=name) for name, each in find().items() if isinstance(each, Asks)]
ASKING.append(pytest.param(Query(OWN), id="a query of the user's own"))
LOOKING = [pytest.param(each, id=name) for name, each in find().items() if isinstance(each, LooksUp)]


@pytest.mark.parametrize("enricher", EVERY)
class EnricherContract:
    """One round over every enricher that there is."""

    def test_is_called_as_its_module(self, enricher: Enricher) -> None:
        """Configurations and conditions call it by its module's name."""
        assert enricher.name == type(enricher).__module__.removeprefix("enrich.")
        assert type(enricher) is importlib.import_module(f"enrich.{enricher.name}").Enricher

    def test_has_a_title(self, enricher: Enricher) -> None:
        """People call it by a short title on one line."""
        assert enricher.title == enricher.title.strip()
        assert 1 <= len(enricher.title) <= 40
        assert enricher.title.isprintable()


@pytest.mark.parametrize("enricher", ASKING)
class AskingContract:
    """One round over those that ask Prometheus."""

    @pytest.mark.parametrize("alerts", GROUPS.values(), ids=GROUPS)
    def test_asks_what_prometheus_understands(
        self, enricher: Asks, alerts: list[Alert], cluster: Cluster, http: Http
    ) -> None:
        """Every question is PromQL with an instant vector for its answer, whatever the labels hold."""
        client = Prometheus(cluster.server.url, http)
        asked, more = dict(enricher.questions(alerts)), follow_ups(enricher, alerts)
        assert not asked.keys() & more.keys()
        for name, promql in {**asked, **more}.items():
            assert name
            assert isinstance(client.query(promql, NOW, 10), Vector), promql[:500]

    def test_asks_nothing_about_nothing(self, enricher: Asks) -> None:
        """Without alerts there is nothing to ask."""
        assert {} == dict(enricher.questions([]))
        assert {} == follow_ups(enricher, [])

    def test_is_not_broken_out_of(self, enricher: Asks, cluster: Cluster, lookup: Lookup) -> None:
        """No label makes a question about anything else: nothing is found for alerts about nothing."""
        for found in lookup.findings(enricher, GROUPS["hostile"]):
            assert [] == [each.text for each in found if isinstance(each, Reading)]

    def test_asks_no_more_for_many_alerts(self, enricher: Asks) -> None:
        """The number of questions is bounded, however many alerts there are."""
        few, many = [POD, NODE, BARE], GROUPS["many"]
        assert len(enricher.questions(few)) >= len(enricher.questions(many))
        assert len(follow_ups(enricher, few)) >= len(follow_ups(enricher, many))
        asked = [*enricher.questions(many).values(), *follow_ups(enricher, many).values()]
        # Gauges are asked for together, with those of all other enrichers.
        assert len([each for each in asked if not isinstance(each, Gauges)]) <= 4

    def test_asks_the_same_in_any_order(self, enricher: Asks) -> None:
        """The order of the alerts, and one told twice, make no other question."""
        alerts = GROUPS["many"]
        again = [*reversed(alerts), *alerts]
        assert dict(enricher.questions(alerts)) == dict(enricher.questions(again))
        assert follow_ups(enricher, alerts) == follow_ups(enricher, again)

    @pytest.mark.parametrize("about", [POD, NODE, BARE], ids=["pod", "node", "bare"])
    @pytest.mark.parametrize(
        "bad", [None, Vector(), math.nan, math.inf, -math.inf, NoAnswer("failed")], ids=lambda each: str(each)[:20]
    )
    def test_reads_no_wrong_number(self, enricher: Asks, about: Alert, bad: Vector | float | NoAnswer | None) -> None:
        """A missing, empty, impossible or failed answer to any question is a gap, or a finding without it."""
        questions = {**enricher.questions([about]), **follow_ups(enricher, [about])}
        sample = {**RICH, **about.labels}
        for broken in [*questions, set(questions)]:
            vectors: dict[str, Vector | NoAnswer] = {name: Vector([Sample(sample, 2.0)]) for name in questions}
            for name in [broken] if isinstance(broken, str) else broken:
                if bad is None:
                    del vectors[name]
                else:
                    vectors[name] = Vector([Sample(sample, bad)]) if isinstance(bad, float) else bad
            try:
                found = enricher.read(about, Answers(questions, vectors, NOW))
            except NoAnswer:
                continue
            assert all(math.isfinite(number) for each in found for number in numbers(each))
            assert all(each.name == enricher.name and each.text and each.title for each in found)

    @pytest.mark.parametrize("far_side", TROUBLES, ids=lambda each: str(each.__name__))
    def test_trouble_is_a_gap_in_time(self, enricher: Asks, far_side: Any, http: Http, lookup: Lookup) -> None:
        """Whatever Prometheus does, a run ends in time and what was asked is a gap with a reason for people."""
        serving: AbstractContextManager[str] = far_side()
        with serving as url:
            before = time.monotonic()
            alerts = [POD, NODE, BARE]
            found = Lookup(Prometheus(url, http), lookup.executor).findings(enricher, alerts, TIMEOUT_SECONDS)
            assert time.monotonic() - before < TIMEOUT_SECONDS + GRACE_SECONDS
        for about, findings in zip(alerts, found, strict=True):
            assert findings or not enricher.questions([about])
            for each in findings:
                assert isinstance(each, Gap)
                assert (enricher.name, True) == (each.name, 5 < len(each.reason) <= 300)
                assert "Error" not in each.reason
                assert "enricher failed" not in each.reason


@pytest.mark.parametrize("enricher", LOOKING)
class LookingContract:
    """One round over those that look elsewhere."""

    @pytest.mark.parametrize("alerts", GROUPS.values(), ids=GROUPS)
    def test_without_anything_to_look_at(self, enricher: LooksUp, alerts: list[Alert]) -> None:
        """Nothing is found, or why it cannot be; for each alert in its place."""
        looked = partial(enricher.look_up, alerts, [NOW] * len(alerts), Given(), TIMEOUT_SECONDS)
        reason = reason_of(looked)
        if reason is not None:
            assert 5 < len(reason) <= 300
            return
        found = looked()
        assert len(alerts) == len(found)
        assert not any(isinstance(each, Reading) for findings in found for each in findings)
        assert all(each.name == enricher.name for findings in found for each in findings)
