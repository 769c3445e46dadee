"""The pictures in docs/enrichment.md, of days as they are: `python -m scripts.pictures [svg]`."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import charts
import units
from alerts.findings import Reading
from alerts.model import Alert
from alerts.picture import picture

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
_STEPS = 120
_BEGAN = datetime(2026, 3, 2, 7, 31, 57, tzinfo=UTC)
_MIB, _GIB = 1024**2, 1024**3

Shape = Callable[[float, Random], float]
"""A value at a time from 0 to 1, with some noise."""


def _cpu(time: float, dice: Random) -> float:
    """A batch that begins to take all that it may have, with a gap of a missed scrape."""
    if 0.3 < time < 0.34:
        return math.nan
    busy = 1 / (1 + math.exp(-26 * (time - 0.72)))
    return min(0.17 + 0.3 * busy + 0.03 * math.sin(19 * time) + dice.gauss(0, 0.008), 0.5)


def _memory(time: float, dice: Random) -> float:
    """A leak that ended in an OOM kill once, and is on its way to the next."""
    since = (time - 0.42) if time > 0.42 else time + 0.22
    return (92 + 250 * math.pow(since, 1.1) + dice.gauss(0, 1.6)) * _MIB


def _expression(time: float, dice: Random) -> float:
    """A share of failed requests."""
    return max(0.0, 0.012 + 0.09 / (1 + math.exp(-45 * (time - 0.64))) + dice.gauss(0, 0.0035))


def _volume(time: float, dice: Random) -> float:
    """A disk that fills."""
    return (38.5 + 7.2 * time + 0.4 * math.floor(4 * time) + dice.gauss(0, 0.02)) * _GIB


def _node(time: float, dice: Random) -> float:
    """A node on which something was scheduled that takes more than was asked for."""
    return (
        4.1
        + 0.5 * math.sin(7 * time)
        + (2.7 if time > 0.55 else 0.0) * (1 - math.exp(-30 * (time - 0.55)))
        + (dice.gauss(0, 0.12))
    )


def _reading(name: str, title: str, value: float, unit: str, at: datetime, **more: float | str) -> Reading:
    return Reading(name, title, value, unit, at, "a query", drawn=True, **more)  # type: ignore[arg-type]


def _drawings() -> Mapping[str, charts.Drawing]:
    """One of each kind, by name; some of alerts that were told at once, some of those that fire on."""
    pod = {"alertname": "KubePodCrashLooping", "namespace": "customer", "pod": "rs-transformer-9b75b488c-cpfd7"}
    claim = {"alertname": "KubePersistentVolumeFillingUp", "namespace": "shop", "pod": "orders-db-0"}
    rate = {"alertname": "CheckoutErrors", "namespace": "shop", "pod": "checkout-6c8f5d7b9-2xkqp"}
    soon, later = _BEGAN + timedelta(seconds=35), _BEGAN + timedelta(minutes=21)
    told: dict[str, tuple[Mapping[str, str], Shape, Reading]] = {
        "cpu": (pod, _cpu, _reading("cpu", "CPU", 0, "cores", soon, request=0.25, limit=0.5)),
        "memory": (
            pod,
            _memory,
            _reading("memory", "memory", 0, "bytes", later, request=128 * _MIB, limit=256 * _MIB),
        ),
        "expression": (rate, _expression, _reading("expression", "value", 0, "", later, threshold=0.05)),
        "volume": (claim, _volume, _reading("volume", "volume data-orders-db-0", 0, "bytes", soon, limit=50 * _GIB)),
        "node": (pod, _node, _reading("node", "node worker-3", 0, "cores", soon, limit=8.0)),
    }
    return {name: _drawing(labels, shape, reading) for name, (labels, shape, reading) in told.items()}


def _drawing(labels: Mapping[str, str], shape: Shape, reading: Reading) -> charts.Drawing:
    dice = Random(reading.name)
    alert = Alert(labels, {}, "firing", _BEGAN, None, "", "0")
    shown = picture(alert, reading, "")
    assert shown is not None
    return charts.Drawing(
        title=shown.title,
        about=shown.about,
        description=shown.alt,
        unit=shown.unit,
        write=partial(units.quantity, unit=shown.unit),
        start=shown.start,
        end=shown.at,
        values=tuple(shape(step / _STEPS, dice) for step in range(_STEPS + 1)),
        began_at=shown.began_at,
        bounds=shown.bounds,
    )


def main(form: charts.Form) -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for name, drawing in _drawings().items():
        (FOLDER / f"{name}.{form}").write_bytes(charts.draw(drawing, form))


if __name__ == "__main__":
    main("svg" if "svg" in sys.argv[1:] else "png")
