"""The routing tree, walked as Alertmanager walks it."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.model import AlertGroup
from config.schema import Route
from routing import Hearing, Rules, route, take
from tests.samples import NOW, model_alert


def tree(*routes: dict[str, Any], receiver: str = "root") -> Route:
    """Returns a root with these children."""
    return Route.model_validate({"receiver": receiver, "routes": list(routes)})


def to(receiver: str, *matchers: str, **keys: Any) -> dict[str, Any]:
    """Returns a child as a file has it."""
    keys = {"continue" if key == "continue_" else key: value for key, value in keys.items()}
    return {"receiver": receiver, "matchers": list(matchers), **keys}


FIRST_MATCH = tree(to("one", "a=1"), to("two", "a=~1|2"), to("three", "a=1"))
CONTINUED = tree(
    to("one", "a=1", continue_=True), to("two", "b=2"), to("three", "a=1", continue_=True), to("four", "c=3")
)
NESTED = tree(
    to(
        "team",
        "team=a",
        routes=[
            to("team-pages", "severity=critical", routes=[to("team-database", "service=database")]),
            to("team-noise", "severity=info"),
        ],
    ),
    to("everything", "severity=critical"),
)
NESTED_CONTINUED = tree(
    to("team", "team=a", continue_=True, routes=[to("pages", "severity=critical", continue_=True), to("audit")]),
    to("log"),
)
INHERITED = tree(
    {"matchers": ["a=1"], "routes": [{"matchers": ["b=2"]}, {"matchers": ["b=3"], "receiver": "three", "routes": [{}]}]}
)
TOGETHER = tree(
    {
        "receiver": "all",
        "match": {"a": "1"},
        "match_re": {"b": "x|y"},
        "matchers": ["c=3", '{d!=4, "e e"=~".+"}'],
    }
)
ALL_OF_THEM = {"a": "1", "b": "y", "c": "3", "e e": "z"}


@pytest.mark.parametrize(
    ("root", "labels", "expected"),
    [
        (tree(), {"a": "1"}, ["root"]),
        (tree(), {}, ["root"]),
        (FIRST_MATCH, {"a": "1"}, ["one"]),
        (FIRST_MATCH, {"a": "2"}, ["two"]),
        (FIRST_MATCH, {"a": "12"}, ["root"]),
        (FIRST_MATCH, {}, ["root"]),
        (CONTINUED, {"a": "1"}, ["one", "three"]),
        (CONTINUED, {"a": "1", "b": "2"}, ["one", "two"]),
        (CONTINUED, {"a": "1", "c": "3"}, ["one", "three", "four"]),
        (CONTINUED, {"d": "4"}, ["root"]),
        (NESTED, {"team": "a"}, ["team"]),
        (NESTED, {"team": "a", "severity": "info"}, ["team-noise"]),
        (NESTED, {"team": "a", "severity": "critical"}, ["team-pages"]),
        (NESTED, {"team": "a", "severity": "critical", "service": "database"}, ["team-database"]),
        (NESTED, {"team": "b", "severity": "critical"}, ["everything"]),
        (NESTED_CONTINUED, {"team": "a", "severity": "critical"}, ["pages", "audit", "log"]),
        (NESTED_CONTINUED, {"team": "a"}, ["audit", "log"]),
        (NESTED_CONTINUED, {}, ["log"]),
        (INHERITED, {"a": "1"}, ["root"]),
        (INHERITED, {"a": "1", "b": "2"}, ["root"]),
        (INHERITED, {"a": "1", "b": "3"}, ["three"]),
        (tree({}, to("never")), {}, ["root"]),
        (tree(to("a", continue_=True), to("b", continue_=True), to("a")), {}, ["a", "b", "a"]),
        (TOGETHER, ALL_OF_THEM, ["all"]),
    ],
    ids=[
        "no children",
        "no labels",
        "the first that matches",
        "a later one",
        "anchored",
        "none",
        "continue",
        "continue until one that does not",
        "continue past what does not match",
        "continue of nothing",
        "nested, none inside",
        "nested, second",
        "nested, first",
        "nested twice",
        "nested, beside",
        "continue inside stays inside",
        "continue outside goes on",
        "nothing inside",
        "inherited",
        "inherited twice",
        "inherited from the nearest",
        "no conditions take all",
        "a receiver as often as it is led to",
        "match, match_re and matchers",
    ],
)
def test_finds_the_receivers(root: Route, labels: dict[str, str], expected: list[str]) -> None:
    """Depth first: the first child that matches, and those behind it while they say `continue`; else the node."""
    assert expected == list(take(root, labels).receivers)


@pytest.mark.parametrize(("name", "value"), [("a", "2"), ("b", "xy"), ("c", ""), ("d", "4"), ("e e", "")])
def test_every_condition_counts(name: str, value: str) -> None:
    """match, match_re and matchers are met only together."""
    assert ["root"] == list(take(TOGETHER, {**ALL_OF_THEM, name: value}).receivers)


A1 = model_alert(team="a", n="1")
A2 = model_alert(team="a", n="2", status="resolved")
B1 = model_alert(team="b", n="1", zone="x")
B2 = model_alert(team="b", n="2", zone="x")
GROUP = AlertGroup(
    group_key="g",
    alerts=(A1, B1, A2, B2),
    group_labels={"alertname": "Crash"},
    common_labels={"alertname": "Crash"},
    common_annotations={"summary": "Crash happened."},
    receiver="upstream",
    external_url="http://alertmanager.example",
    truncated_alerts=2,
    notification_reason="r",
)


def test_a_group_that_stays_together_is_told_whole() -> None:
    """Where all alerts go one way the group is passed on as it is."""
    root = tree(to("all", "alertname=Crash", continue_=True), to("more", "alertname=Crash"))

    assert (Hearing("all", GROUP), Hearing("more", GROUP)) == route(Rules(root), GROUP, {}, NOW)


def test_a_group_is_split_by_who_hears_of_it() -> None:
    """Each receiver gets its own part, in the group's order, with what is common to that part."""
    first, second = route(Rules(tree(to("team-a", "team=a"), to("team-b", "team=b"))), GROUP, {}, NOW)

    assert ("team-a", (A1, A2)) == (first.receiver, first.group.alerts)
    assert ("team-b", (B1, B2)) == (second.receiver, second.group.alerts)
    assert {"alertname": "Crash", "team": "b", "zone": "x"} == second.group.common_labels
    assert [GROUP] * 2 == [
        replace(
            each.group,
            alerts=GROUP.alerts,
            common_labels=GROUP.common_labels,
            common_annotations=GROUP.common_annotations,
        )
        for each in (first, second)
    ]


def test_a_part_has_a_status_of_its_own() -> None:
    """The part that is over is over, though the rest of the group fires."""
    first, second = route(Rules(tree(to("over", "n=2", "team=a"))), GROUP, {}, NOW)

    assert [("root", "firing"), ("over", "resolved")] == [
        (each.receiver, each.group.status) for each in (first, second)
    ]


def test_one_receiver_through_two_routes_hears_once() -> None:
    """Two ways to one receiver make one notification, of the alerts of both."""
    root = tree(to("chat", "team=a"), to("chat", "n=1"), to("other", "team=b"))
    first, second = route(Rules(root), GROUP, {}, NOW)

    assert ("chat", (A1, B1, A2)) == (first.receiver, first.group.alerts)
    assert ("other", (B2,)) == (second.receiver, second.group.alerts)
