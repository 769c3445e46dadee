"""What fires at a place is found by an index, on both databases."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from alerts.model import Alert
from alerts.places import Neighbour, Place, places
from outbox.database import StoreError, migrate, open_database
from outbox.neighbours import _worst
from outbox.store import Store
from tests.outbox.steps import keep, told
from tests.samples import model_alert

HOSTILE = ("a\0b", "half a pair \ud83d", "x" * 10_000, "'; DROP TABLE alerts; -- \" \\ %_?:a", "🔥\u202e\n", " ")
SHOP = Place("namespace", "", "", "shop")
LABELS = {"namespace": "shop", "pod": "cart-1", "node": "worker-3"}
OF_CART = places(model_alert(**LABELS))


def names(found: dict[Place, list[Neighbour]]) -> dict[str, list[str]]:
    """What was found, by the kinds of the places."""
    return {place.kind: sorted(each.name for each in neighbours) for place, neighbours in found.items()}


def crowd(count: int, **labels: str) -> list[Alert]:
    """So many alerts."""
    return [model_alert("Crowd", number=str(number), **labels) for number in range(count)]


def test_finds_what_fires_at_each_place(store: Store) -> None:
    """Of the same pod, on the same node, in the same namespace; with its name and how bad it is."""
    here = model_alert("Here", severity="critical", **LABELS)
    beside = model_alert("Beside", namespace="shop", pod="cart-2", node="worker-3")
    elsewhere = model_alert("Elsewhere", namespace="mail", pod="cart-1", node="worker-4")
    other_cluster = model_alert("OtherCluster", cluster="b", **LABELS)
    keep(store, told("g", here, beside, elsewhere, other_cluster, model_alert("Nowhere")))
    found = store.neighbours(OF_CART, (), 10)
    assert {"pod": ["Here"], "node": ["Beside", "Here"], "namespace": ["Beside", "Here"]} == names(found)
    assert [Neighbour(here.fingerprint, "Here", "critical")] == found[OF_CART[0]]
    assert {} == store.neighbours(places(model_alert(namespace="nobody")), (), 10)
    assert {} == store.neighbours((), (), 10)


def test_what_is_over_is_none(store: Store) -> None:
    """Neither what has resolved; what fires again is one again."""
    keep(store, told("g", model_alert("A", **LABELS)))
    keep(store, told("g", model_alert("A", "resolved", **LABELS)))
    assert {} == store.neighbours(OF_CART, (), 10)
    keep(store, told("g", model_alert("A", **LABELS)))
    assert {"pod": ["A"], "node": ["A"], "namespace": ["A"]} == names(store.neighbours(OF_CART, (), 10))


def test_leaves_out_those_in_hand_before_it_counts(store: Store) -> None:
    """However many are in hand, the others are found."""
    mine = crowd(50, severity="critical", **LABELS)
    keep(store, told("mine", *mine), told("others", model_alert("Other", severity="info", **LABELS)))
    found = store.neighbours(OF_CART, [each.fingerprint for each in mine], 10)
    assert {"pod": ["Other"], "node": ["Other"], "namespace": ["Other"]} == names(found)


def test_of_many_the_worst_are_found(store: Store) -> None:
    """So many of each place, and those of another place all the same."""
    keep(store, told("g", *crowd(30, **LABELS), model_alert("Worst", severity="critical", **LABELS)))
    keep(store, told("h", *crowd(3, namespace="mail")))
    mail = Place("namespace", "", "", "mail")
    found = store.neighbours([SHOP, mail], (), 5)
    assert (5, 3) == (len(found[SHOP]), len(found[mail]))
    assert "Worst" in {each.name for each in found[SHOP]}


def test_comes_once_for_each_group(store: Store) -> None:
    """As its fingerprint tells."""
    twice = model_alert("Twice", **LABELS)
    keep(store, told("g", twice), told("h", twice))
    assert {SHOP: [Neighbour(twice.fingerprint, "Twice", "error")] * 2} == store.neighbours([SHOP], (), 10)


@pytest.mark.parametrize("odd", HOSTILE, ids=range(len(HOSTILE)))
def test_any_label_is_a_place(store: Store, odd: str) -> None:
    """Whatever it holds, the alert is kept, and found at its own places alone."""
    labels = dict.fromkeys(("namespace", "pod", "node", "cluster"), odd)
    alert = replace(model_alert(), labels={"alertname": odd, **labels}, fingerprint=odd[:256])
    keep(store, told("g", alert))
    found = store.neighbours([*places(alert), *OF_CART], (), 10)
    assert set(places(alert)) == set(found)
    assert {1} == {len(each) for each in found.values()}
    assert {} == store.neighbours(places(alert), [alert.fingerprint], 10)


def test_says_that_the_database_does_not_answer(store: Store, engine: Engine) -> None:
    """In the store's own words."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE alerts RENAME TO other_alerts"))
    with pytest.raises(StoreError):
        store.neighbours([SHOP], (), 10)


def test_reads_by_the_indexes(store: Store, engine: Engine) -> None:
    """Neither database reads the table from end to end, or sorts what fires at a place to find the worst."""
    keep(store, told("g", *crowd(400, **LABELS), *crowd(400, namespace="mail", pod="p", node="n")))
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    plan = "\n".join(explained(engine, OF_CART))
    for index in ("about", "node", "namespace"):
        assert f"alerts_firing_by_{index}" in plan
    for costly in ("Seq Scan", "Sort", "SCAN alerts", "TEMP B-TREE", "by_status"):
        assert costly not in plan


def explained(engine: Engine, asked: Iterable[Place]) -> list[str]:
    """What the database means to do."""
    word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        compiled = _worst(engine.dialect.name)._of(connection)
        parameters = {name: ["0" * 16] for name in ("about_id", "node_id", "namespace_id")}
        connection.begin()
        driver: Any = connection.connection
        with closing(driver.cursor()) as cursor:
            cursor.execute(f"{word} {compiled.text}", compiled.bound({**parameters, "besides": [], "at_most": 10}))
            return [str(row[-1]) for row in cursor.fetchall()]


def test_costs_no_more_where_more_fires(sqlite_url: str) -> None:
    """Ten times as many alerts in a namespace are as many steps of SQLite's machine."""
    engine = open_database(sqlite_url)
    migrate(engine)
    store = Store(engine, "a")
    steps = []
    for more in (100, 1_000):
        keep(store, told(f"group of {more}", *crowd(more, **LABELS)))
        counted: list[None] = []
        with engine.connect() as connection:
            # The pool gives out the connection that was used last, to `neighbours` too.
            driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda counted=counted: counted.append(None), 10)
        assert 10 == len(store.neighbours([SHOP], (), 10)[SHOP])
        driver.set_progress_handler(None, 0)
        steps.append(len(counted))
    engine.dispose()
    assert steps[0] > 5
    assert steps[1] <= steps[0] * 1.1
