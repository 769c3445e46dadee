"""What rules would do about a payload, and which guard would stop it, as `explain` says it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.model import Alert, AlertGroup
from alerts.notification import Notification
from alerts.remediation import NotProposed, Proposal
from outbox.store import Store
from pipeline.explain import explain
from pipeline.remedy_previews import remedy_previews
from pipeline.running import Running
from tests.pipeline.parts import body
from tests.pipeline.rules import DESTINATION, RULED, Rule, restart, ruled
from tests.samples import NOW, webhook, wire_alert

LATER = NOW + timedelta(minutes=1)


def crash(deployment: str = "cart", namespace: str = "shop", **labels: str) -> dict[str, Any]:
    """Returns an alert about a deployment."""
    return wire_alert("Crash", deployment=deployment, namespace=namespace, **labels)


def remedy(running: Running, store: Store, *alerts: dict[str, Any]) -> dict[str, Any]:
    """Returns what is said of the one delivery of a payload."""
    found = explain(body(webhook(*alerts)), running, store, LATER)
    (delivery,) = found["groups"][0]["deliveries"]
    assert (DESTINATION, True) == (delivery["destination"], delivery["told"])
    said: dict[str, Any] = delivery["remedy"]
    return said


def test_says_what_would_be_done(tmp_path: Path, store: Store) -> None:
    """To what, how that is just now, and what each guard says; nothing is kept."""
    rule = Rule()
    said = remedy(ruled(tmp_path, rule, name="carts"), store, crash())
    assert ("carts", False, None, 0) == (said["rule"], said["dry_run"], said["approval"], said["alerts_left_out"])
    (alert,) = said["alerts"]
    assert ("Crash", "restart deployment shop/cart", "") == (alert["name"], alert["does"], alert["failed"])
    assert ("deployment shop/cart", {"replicas": 3}, None) == (alert["target"], alert["before"], alert["stopped_by"])
    guards = {each["guard"]: each["passed"] for each in alert["guards"]}
    assert {True} == set(guards.values())
    asked = {"enabled", "firing", "denied_namespaces", "namespaces", "kinds", "names", "firing_for", "dry_run"}
    assert asked | {"switch", "cooldown", "max_per_hour", "remediation.max_per_hour", "max_targets"} == guards.keys()
    assert [("Crash", True)] == [(name, 0 < left <= 5) for name, left in rule.asked]
    assert (None, []) == (store.event(1), list(store.remediations.list(10)))


@pytest.mark.parametrize(
    ("settings", "labels", "guard", "why"),
    [
        ({"dry_run": True}, {}, "dry_run", "dry_run is true"),
        ({"namespaces": []}, {}, "namespaces", "it has no namespaces, so none is allowed"),
        (
            {"namespaces": ["*"]},
            {"namespace": "kube-system"},
            "denied_namespaces",
            "nothing is ever done in kube-system",
        ),
        ({"namespaces": ["*"]}, {"namespace": "ours"}, "denied_namespaces", "this service runs"),
        ({"kinds": ["StatefulSet"], "dry_run": True}, {}, "kinds", "Deployment is not among its kinds"),
        ({"names": ["web-*"]}, {}, "names", "cart is not among its names"),
        ({"firing_for": 3600}, {}, "firing_for", "and is to fire for 1h first"),
        # What stops it for good goes before what only waits.
        ({"firing_for": 3600, "names": ["web-*"]}, {}, "names", "cart is not among its names"),
        ({"max_per_hour": 0}, {}, "max_per_hour", "at most 0 may be"),
    ],
)
def test_says_which_guard_would_stop_it(
    tmp_path: Path, store: Store, settings: dict[str, Any], labels: dict[str, str], guard: str, why: str
) -> None:
    """And why; that it is a dry run only where nothing else stands in the way."""
    said = remedy(ruled(tmp_path, Rule(), own_namespace="ours", **settings), store, crash(**labels))
    stopped = said["alerts"][0]["stopped_by"]
    assert (guard, False) == (stopped["guard"], stopped["passed"])
    assert why in stopped["why"]
    assert (guard == "firing_for") == ("at" in stopped)


def test_says_that_it_is_switched_off(tmp_path: Path, store: Store) -> None:
    """In the configuration, or in the database."""
    off = ruled(tmp_path, Rule(), f"remediation: {{enabled: false}}\n{RULED}")
    assert "enabled" == remedy(off, store, crash())["alerts"][0]["stopped_by"]["guard"]
    store.remediations.turn(False, "jane", NOW)
    stopped = remedy(ruled(tmp_path, Rule()), store, crash())["alerts"][0]["stopped_by"]
    assert ("switch", "remediation was switched off by jane") == (stopped["guard"], stopped["why"])


def test_many_at_once_are_a_storm(tmp_path: Path, store: Store) -> None:
    """Above `max_targets` none of them is touched; several alerts about one thing are one."""
    running = ruled(tmp_path, Rule(), max_targets=2)
    several = [crash(f"cart-{at}") for at in range(3)]
    stopped = [each["stopped_by"] for each in remedy(running, store, *several)["alerts"]]
    assert ["max_targets"] * 3 == [each["guard"] for each in stopped]
    assert "3 targets at once, more than 2: none of them is touched" == stopped[0]["why"]
    same = [crash(pod=f"cart-{at}") for at in range(3)]
    assert [None] * 3 == [each["stopped_by"] for each in remedy(running, store, *same)["alerts"]]


def test_groups_at_once_are_a_storm_together(tmp_path: Path, store: Store) -> None:
    """As it is one rule that they go to; and of no more alerts than of one group it is asked."""
    rule = Rule()
    posted = [wire_alert(f"A{at}", deployment=f"cart-{at}", namespace="shop") for at in range(9)]
    found = explain(body(*posted), ruled(tmp_path, rule, max_targets=8), store, LATER)
    said = [delivery["remedy"] for group in found["groups"] for delivery in group["deliveries"]]
    assert (9, 5, 4) == (len(said), len(rule.asked), sum(each["alerts_left_out"] for each in said))
    stopped = {alert["stopped_by"]["why"] for each in said for alert in each["alerts"]}
    assert {"9 targets at once, more than 8: none of them is touched"} == stopped


def test_asks_of_a_few_alerts_only(tmp_path: Path, store: Store) -> None:
    """Of the worst; the others are counted, each as a target of its own."""
    rule = Rule()
    many = [crash(f"cart-{at}", severity="critical" if at > 6 else "warning") for at in range(9)]
    said = remedy(ruled(tmp_path, rule, max_targets=8), store, *many)
    assert (5, 4, 5) == (len(said["alerts"]), said["alerts_left_out"], len(rule.asked))
    assert {"restart deployment shop/cart-7", "restart deployment shop/cart-8"} < {
        each["does"] for each in said["alerts"]
    }
    assert {"9 targets at once, more than 8: none of them is touched"} == {
        each["stopped_by"]["why"] for each in said["alerts"]
    }


def test_asks_for_a_few_seconds_only(tmp_path: Path, store: Store) -> None:
    """For all rules and groups together."""
    ticks = iter([0.0, 1.0, 4.5, 5.5])
    rule = Rule()
    running = ruled(tmp_path, rule)
    firing = [
        Alert({"alertname": name, "deployment": "a", "namespace": "shop"}, {}, "firing", NOW, None, "", name)
        for name in "abc"
    ]
    told = [Notification("fix", "log", 0, AlertGroup(each.name, (each,))) for each in firing]
    previews = remedy_previews(running, store, told, LATER, lambda: next(ticks))
    said = [each for name in "abc" for each in previews[DESTINATION, name]["alerts"]]
    assert [("a", 4.0), ("b", 0.5)] == rule.asked
    assert (None, "it was not asked: 5s were over") == (said[2]["does"], said[2]["failed"])


def _refuses(alert: Alert) -> Proposal:
    raise NotProposed("the API server does not answer", later=True)


def _breaks(alert: Alert) -> Proposal:
    raise KeyError("s3cret")


@pytest.mark.parametrize(
    ("proposes", "expected"), [(_refuses, "the API server does not answer"), (_breaks, "the rule fails: KeyError")]
)
def test_says_why_nothing_would_be_done(
    tmp_path: Path, store: Store, proposes: Callable[[Alert], Proposal], expected: str
) -> None:
    """In words; one that fails holds up no other."""

    def one_of_two(alert: Alert) -> Proposal:
        return proposes(alert) if alert.labels["deployment"] == "cart" else restart(alert)

    said = remedy(ruled(tmp_path, Rule(one_of_two)), store, crash(), crash("shop"))["alerts"]
    assert [None, "restart deployment shop/shop"] == sorted((each["does"] for each in said), key=str)
    assert expected == next(each["failed"] for each in said if each["does"] is None)


def test_asks_nothing_of_what_is_not_taken_up(tmp_path: Path, store: Store) -> None:
    """An end is none of a rule's business; nor is a delivery that is suppressed."""
    rule = Rule()
    over = wire_alert("Crash", "resolved", deployment="cart", namespace="shop")
    found = explain(body(webhook(over)), ruled(tmp_path, rule), store, LATER)
    assert [] == [each for each in found["groups"][0]["deliveries"] if "remedy" in each and each["remedy"]["alerts"]]
    assert [] == rule.asked
