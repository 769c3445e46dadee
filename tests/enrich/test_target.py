"""Targets become matchers that ask for exactly them, and answers are dealt out again."""

import pytest

from alerts.target import Target
from enrich._base import NoAnswer
from enrich._target import instances, pods, samples, target, targets
from enrich._vector import Sample, Vector
from tests.enrich.lookup import alert


@pytest.mark.parametrize("labels", [{}, {"namespace": "shop"}, {"pod": "", "instance": ""}, {"container": "app"}])
def test_says_when_there_is_no_target(labels: dict[str, str]) -> None:
    """An alert about neither a pod nor an instance says so."""
    with pytest.raises(NoAnswer, match=r"^the alert names neither a pod nor an instance$"):
        target(alert(**labels))


def test_passes_over_alerts_without_a_target() -> None:
    """Of several alerts those with a target are asked about."""
    assert [Target("", "a"), Target(instance="b")] == targets([alert(pod="a"), alert(), alert(instance="b")])


def test_asks_for_all_pods_at_once() -> None:
    """One selector names every pod and namespace once, in order, and no pause container."""
    of = [Target("b", "y"), Target("a", "x"), Target("b", "y"), Target(instance="node-1")]
    expected = 'namespace=~"a|b",pod=~"x|y",container!="",container!="POD"'
    assert expected == pods(of)


def test_asks_in_all_namespaces_where_one_is_not_known() -> None:
    """A pod without a namespace is looked for everywhere."""
    assert 'pod=~"x|y",container!="",container!="POD"' == pods([Target("a", "x"), Target("", "y")])


def test_asks_for_all_instances_at_once() -> None:
    """One selector names every instance, to the letter."""
    of = [Target(instance="node.2:9100"), Target(instance="node-1"), Target("a", "x")]
    assert 'instance=~"node-1|node\\\\.2:9100"' == instances(of)


def test_asks_nothing_where_there_is_nothing() -> None:
    """Without pods or instances there is no selector."""
    assert ("", "") == (pods([Target(instance="node-1")]), instances([Target("a", "x")]))


VECTOR = Vector(
    Sample({"namespace": namespace, "pod": pod, "container": container, "instance": instance}, value)
    for namespace, pod, container, instance, value in (
        ("a", "x", "app", "", 1.0),
        ("a", "x", "proxy", "", 2.0),
        ("b", "x", "app", "", 3.0),
        ("b", "y", "app", "", 4.0),
        ("", "", "", "node-1", 5.0),
    )
)


@pytest.mark.parametrize(
    ("of", "values"),
    [
        (Target("a", "x"), [1.0, 2.0]),
        (Target("a", "x", "proxy"), [2.0]),
        (Target("", "y"), [4.0]),
        (Target("", "x", "proxy"), [2.0]),
        (Target("a", "y"), []),
        (Target(instance="node-1"), [5.0]),
        (Target(instance="node-2"), []),
    ],
)
def test_finds_a_targets_samples(of: Target, values: list[float]) -> None:
    """A target gets the samples of its namespace, pod and container, as far as it names them."""
    assert values == [sample.value for sample in samples(VECTOR, of)]


def test_does_not_choose_between_namespaces() -> None:
    """A pod of which there are several namesakes gets none of their samples."""
    with pytest.raises(NoAnswer, match=r"^the alert has no namespace label and pod x is in several$"):
        samples(VECTOR, Target("", "x"))
