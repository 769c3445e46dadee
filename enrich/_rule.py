"""What an alert says of the rule that it came of: its expression, and which of that one's series are its own."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from urllib.parse import parse_qs, urlsplit

from alerts.model import Alert
from enrich._base import NoAnswer
from enrich._vector import Sample, Vector

LONGEST = 8_000
"""Of so many characters an expression is read; rules have a few hundred."""

EXTREME = "alert_manager_extreme"
"""A label that is put on series here, to tell apart what they were."""

_NO_LABELS = ("__name__", EXTREME)
_MOST_SHAPES = 20


# All alerts of a rule have the same.
@lru_cache(maxsize=200)
def expression(generator_url: str) -> str:
    """The text of the expression that a `generatorURL` holds, of any length; "" where there is none."""
    try:
        return parse_qs(urlsplit(generator_url).query, max_num_fields=100).get("g0.expr", [""])[0]
    except ValueError:
        return ""


def own(vector: Vector, alert: Alert) -> list[Sample]:
    """The samples that an alert is about: it has their labels, unless its rule gives them other values.

    A rule's aggregation may leave series that an alert's labels fit, too: those that agree in most are its own.

    Raises:
        NoAnswer: the series are of too many kinds.
    """
    shapes = vector.shapes(*_NO_LABELS)
    if len(shapes) > _MOST_SHAPES:
        raise NoAnswer(f"the alert's expression has series of {len(shapes)} kinds")
    found: list[Sample] = []
    most = -1
    for names, of_shape in shapes.items():
        values = [_values(alert, name) for name in names]
        mine = [each for one in product(*values) for each in of_shape.where(**dict(zip(names, one, strict=True)))]
        if mine and len(names) >= most:
            found, most = (mine if len(names) > most else [*found, *mine]), len(names)
    return found


def undecided(vector: Vector, alert: Alert) -> list[Sample]:
    """The samples that may be an alert's own or another's: it lacks some of their labels, and has the others."""
    return [sample for sample in vector.samples if _undecided(sample, alert)]


def _undecided(sample: Sample, alert: Alert) -> bool:
    values = {name: _values(alert, name) for name in sample.labels if name not in _NO_LABELS}
    has = [sample.labels[name] in some for name, some in values.items() if some]
    return len(has) < len(values) and all(has)


def _values(alert: Alert, name: str) -> list[str]:
    """What a series' label may hold: where an exporter has moved the alert's own, one or the other."""
    given = (alert.labels.get(name), alert.labels.get(f"exported_{name}"))
    return list(dict.fromkeys(each for each in given if each is not None))
