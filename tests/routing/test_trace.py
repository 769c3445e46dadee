"""Why an alert goes where it goes: the same as where it goes, in words."""

from typing import Any

from hypothesis import given, settings

from config.schema import Route, RoutingSettings
from routing import Rules, Tried, in_group, looked_at, regrouped, take, trace
from tests.routing.test_alertmanager import LABELS, ROUTES
from tests.routing.test_grouping import alone
from tests.samples import NOW, model_alert

# It is 07:31 on a Monday.
RULES = Rules.of(
    RoutingSettings.model_validate(
        {
            "route": {
                "receiver": "root",
                "routes": [
                    {"matchers": ["severity=critical", 'team=~"a|b"'], "receiver": "pager"},
                    {
                        "matchers": ["team=a"],
                        "continue": True,
                        "mute_time_intervals": ["mornings"],
                        "group_by": ["team"],
                    },
                    {
                        "matchers": ["team!=b"],
                        "receiver": "chat",
                        "routes": [{"match": {"zone": "x"}, "receiver": "x"}],
                    },
                    {"receiver": "never"},
                ],
            },
            "inhibit_rules": [
                {"name": "worse", "source_matchers": ["severity=critical"], "target_matchers": ["team=a"]}
            ],
            "time_intervals": [
                {"name": "mornings", "time_intervals": [{"times": [{"start_time": "06:00", "end_time": "08:00"}]}]}
            ],
        }
    )
)


def lines(tried: Tried) -> list[Any]:
    """Each route that was tried, in order."""
    return [(tried.path, tried.failing, tried.told), *(line for each in tried.children for line in lines(each))]


def test_says_of_each_route_why() -> None:
    """What failed, and what is there instead; those behind the last match were not tried."""
    assert [
        ("route", (), False),
        ("route.routes[0]", ("severity=\"critical\": it is 'warning'",), False),
        ("route.routes[1]", (), True),
        ("route.routes[2]", (), True),
        ("route.routes[2].routes[0]", ('zone="x": there is no such label',), False),
    ] == lines(trace(RULES, {"severity": "warning", "team": "a"}, NOW))


def test_says_that_a_route_is_muted() -> None:
    """Of those that would tell."""
    found = [each.muted for each in trace(RULES, {"team": "a"}, NOW).taken]
    assert ["in mute_time_intervals: mornings", ""] == found


def test_says_which_rules_were_looked_at() -> None:
    """With the source that fires, if any."""
    labels = {"team": "a"}
    (scope,) = RULES.inhibition.target_scopes(labels)
    assert [{"rule": "worse", "source": None}] == looked_at(RULES, labels, {})
    assert [{"rule": "worse", "source": "0123"}] == looked_at(RULES, labels, {scope: "0123"})
    assert [] == looked_at(RULES, {"team": "b"}, {})


def test_a_group_is_told_by_the_routes_that_make_it() -> None:
    """A bare alert is in a group of each way in which its routes group it."""
    alert = model_alert("A", team="a")
    tried = trace(RULES, alert.labels, NOW)
    together, by_itself = regrouped(RULES.root, alone(alert))
    assert ["root"] == [each.receiver for each in in_group(tried, together, 0)]
    assert ["chat"] == [each.receiver for each in in_group(tried, by_itself, 0)]


@settings(max_examples=200, deadline=None)
@given(root=ROUTES, labels=LABELS)
def test_tells_what_is_taken(root: dict[str, Any], labels: dict[str, str]) -> None:
    """Whatever the tree and the labels: the receivers are those that hear of it."""
    tree = Route.model_validate({"receiver": "root", "routes": [root]})
    tried = trace(Rules(tree), labels, NOW)
    assert [(each.receiver, each.group_by) for each in tried.taken] == [
        (each.receiver, each.group_by) for each in take(tree, labels).told
    ]
