"""Inhibition: what a verdict on an event costs while 50,000 alerts fire that inhibit it, or a hundred."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from alerts.model import Alert, fingerprint
from benchmarks._parts import Workplace
from benchmarks._report import Ratio, arguments, conclude, tell
from config.schema import ConfigFile, Configuration
from outbox.database import migrate, open_database
from outbox.records import Event, Plan
from outbox.store import Store
from pipeline.cases import Cases
from routing import Rules

_AT_ONCE = 1_000
_TARGETS = 10
_FILE = ConfigFile.model_validate(
    {
        "route": {"receiver": "team"},
        "inhibit_rules": [
            {"source_matchers": ["severity=critical"], "target_matchers": ["severity=warning"], "equal": ["cluster"]}
        ],
    }
)
_NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def _alert(name: str, severity: str) -> Alert:
    labels = {"alertname": name, "severity": severity, "cluster": "c", "namespace": "n", "pod": name}
    return Alert(labels, {}, "firing", _NOW, None, "", fingerprint(labels))


def _fill(store: Store, rules: Rules, count: int) -> None:
    """Has so many alerts fire that inhibit others, all in one scope."""
    for first in range(0, count, _AT_ONCE):
        store.accept(b"{}", _NOW)
        (event,) = store.claim_events(_NOW, 30)
        alerts = [_alert(f"source-{first + number}", "critical") for number in range(min(_AT_ONCE, count - first))]
        sources = {each.fingerprint: rules.inhibition.source_scopes(each.labels) for each in alerts}
        store.plan([Plan(event, alerts=tuple((f"group-{first}", each, ()) for each in alerts), sources=sources)])


def _events(number: int) -> Iterator[Event]:
    """One with alerts that are inhibited."""
    wires = [{"labels": dict(_alert(f"t-{number}-{each}", "warning").labels)} for each in range(_TARGETS)]
    body = {"version": "4", "groupKey": f"targets-{number}", "alerts": wires}
    yield Event(10**9 + number, _NOW, json.dumps(body).encode(), 1)


def _milliseconds(store: Store, rules: Rules, repeats: int) -> float:
    """The median of giving a verdict."""
    configuration, seconds = Configuration("bench", _FILE, ()), []
    for number in range(repeats):
        begun = time.perf_counter()
        (case,) = Cases(store).prepare(list(_events(number)), configuration, rules, _NOW, lambda: ())
        seconds.append(time.perf_counter() - begun)
        assert case.news[0].verdict.sources
    return statistics.median(seconds) * 1_000


def main() -> None:
    """Measures, each in turn."""
    options = arguments(__doc__, events=200, few=100, many=50_000).parse_args()
    rules = Rules.of(_FILE)
    few: list[float] = []
    many: list[float] = []
    with Workplace(options.database) as workplace:
        stores = []
        for count, found in ((options.few, few), (options.many, many)):
            engine = open_database(workplace.database(f"firing{count}")["DATABASE_URL"])
            migrate(engine)
            store = Store(engine, "bench")
            _fill(store, rules, count)
            tell(f"{count} alerts inhibit")
            stores.append((store, found))
        for repeat in range(options.repeats):
            for store, found in stores:
                found.append(_milliseconds(store, rules, options.events))
            tell(f"{repeat + 1}: few {few[-1]:.2f} ms, many {many[-1]:.2f} ms")
        for store, _ in stores:
            store.close()
            store._engine.dispose()
    ratio = Ratio.of(many, few)
    figures = {
        "database": options.database,
        "alerts": [options.few, options.many],
        "ratio": ratio,
        "few_ms": [round(each, 2) for each in few],
        "many_ms": [round(each, 2) for each in many],
    }
    conclude("inhibition", figures, {"ratio at most 1.5": ratio.median <= 1.5})


if __name__ == "__main__":
    main()
