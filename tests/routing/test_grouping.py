"""Groups of bare alerts, as the routes that they take make them."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.model import AlertGroup
from config.schema import Route
from routing import group_key, regrouped
from tests.samples import model_alert

A, B = model_alert("A", node="n", zone="z"), model_alert("B", node="n", zone="y")


def tree(**keys: Any) -> Route:
    """A routing tree."""
    return Route.model_validate({"receiver": "team", **keys})


def alone(*alerts: Any) -> list[AlertGroup]:
    """Bare alerts, as a payload has them."""
    return [AlertGroup(f"alert:{each.fingerprint}", (each,), each.labels, each.labels, bare=True) for each in alerts]


def keys(root: Route, *alerts: Any) -> list[str]:
    """The keys of the groups that a tree makes of alerts."""
    return [each.group_key for each in regrouped(root, alone(*alerts))]


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (None, f"alert:{A.fingerprint}"),
        (("node",), 'group:{node="n"}'),
        (("zone", "node"), 'group:{node="n",zone="z"}'),
        (("node", "missing"), 'group:{node="n"}'),
        (("missing",), "group:{}"),
        (("...",), 'group:{alertname="A",node="n",zone="z"}'),
    ],
)
def test_is_named_by_its_labels(group_by: tuple[str, ...] | None, expected: str) -> None:
    """Whatever their order; a label that is missing is left out, as in Alertmanager."""
    assert expected == group_key(group_by, A)


def test_labels_cannot_be_mistaken_for_others() -> None:
    """Values with quotes, commas and lines in them."""
    one, other = model_alert("A", a='1",b="2'), model_alert("A", a="1", b="2")
    assert group_key(("a", "b"), one) != group_key(("a", "b"), other)


def test_the_nearest_route_says_how() -> None:
    """What a route leaves out it has from above; an empty list leaves it out, too."""
    root = tree(group_by=["node"], routes=[{"matchers": ["alertname=A"], "group_by": []}, {"group_by": ["zone"]}])
    assert ['group:{node="n"}', 'group:{zone="y"}'] == keys(root, A, B)


def test_alerts_of_one_payload_are_together() -> None:
    """With the labels that they share, and the last state of an alert that is told twice."""
    over = replace(A, status="resolved", ends_at=A.starts_at)
    (group,) = regrouped(tree(group_by=["node"]), alone(A, B, over))
    assert (B, over) == group.alerts
    assert {"node": "n"} == group.group_labels == group.common_labels


def test_an_upstreams_group_is_left_alone() -> None:
    """Whatever it is called."""
    group = replace(alone(A)[0], bare=False, alerts=(A, B))
    assert (group,) == regrouped(tree(group_by=["zone"]), [group])


@pytest.mark.parametrize("group_by", [["a", "a"], ["...", "a"], [""]])
def test_refuses_what_groups_nothing(group_by: list[str]) -> None:
    """As Alertmanager does."""
    with pytest.raises(ValueError, match="group_by"):
        tree(group_by=group_by)
