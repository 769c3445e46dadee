"""Whether an alert fires just now: asked of all who can say so, before anything is done about it, and afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import enrich
from alertmanager import Alertmanager, AlertmanagerError
from alerts.model import Alert, fingerprint
from outbox.database import StoreError
from outbox.store import Store
from pipeline.running import Running

_Says = Literal["fires", "over", "kept", "unknown"]
_LEAST_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Live:
    """How an alert stands.

    Attributes:
        firing: it fires, and may be acted on; None where that cannot be known, which is no leave to act.
        why: in words for people; "" of what fires.
        over: it is known to be over. What is inhibited, muted or silenced, began anew or was not heard of any more is
            not to be acted on either, and not over by that.
    """

    firing: bool | None
    why: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one of those says that were asked; the expression alone knows what is so at this very moment."""

    says: _Says
    why: str = ""
    by_expression: bool = False


def live(
    alert: Alert,
    group_key: str,
    store: Store,
    running: Running,
    deadline_seconds: float,
    *,
    destination: str | None = None,
) -> Live:
    """Ask the database, Alertmanager where one is configured, and Prometheus for the alert's own expression.

    Args:
        alert: the firing that it is about: one that began later is another.
        deadline_seconds: for all of them together.
        destination: the rule that asks: where else the alert is inhibited or muted does not matter then.
    """
    deadline = time.monotonic() + deadline_seconds

    def left() -> float:
        return max(deadline - time.monotonic(), _LEAST_SECONDS)

    answers = [_known(alert, group_key, store, destination)]
    if running.alertmanager is not None:
        answers.append(_alertmanagers(alert, running.alertmanager, left))
    answers.extend(_expressions(alert, running, left))
    return _judged(answers)


def _judged(answers: list[_Answer]) -> Live:
    """What all of them say together: one that does not say that it fires is enough."""
    over = [each.why for each in answers if each.says == "over"]
    kept = [each.why for each in answers if each.says == "kept"]
    unknown = [each.why for each in answers if each.says == "unknown"]
    if over:
        # Alertmanager forgets what fires when it begins anew, and a rule may wait again before it fires.
        still = any(each.by_expression and each.says == "fires" for each in answers)
        return Live(False, over[0] + ("; its expression holds all the same" if still else ""), over=not still)
    if kept:
        return Live(False, kept[0])
    if unknown:
        return Live(None, "; ".join(unknown))
    return Live(True)


def _known(alert: Alert, group_key: str, store: Store, destination: str | None) -> _Answer:
    try:
        row = store.alert_row(group_key, alert.fingerprint)
    except StoreError as error:
        return _Answer("unknown", f"the database does not say whether it fires: {error}")
    if row is None:
        return _Answer("unknown", "nothing is known of it any more")
    if row.lapsed:
        return _Answer("kept", "it was not heard of any more, and is taken as over")
    if row.alert.starts_at != alert.starts_at and not row.start_left_out:
        return _Answer("kept", f"it began anew at {row.alert.starts_at:%H:%M:%S} UTC")
    if not row.alert.firing:
        return _Answer("over", "it is resolved")
    named = row.withheld.values() if destination is None else filter(None, [row.withheld.get(destination)])
    return next((_Answer("kept", f"it is {reason}") for reason in named), _Answer("fires"))


def _alertmanagers(alert: Alert, alertmanager: Alertmanager, left: Callable[[], float]) -> _Answer:
    try:
        # By its labels alone: a sender may have given it a fingerprint of its own.
        standing = alertmanager.standing(alert.labels, left()).get(fingerprint(alert.labels))
    except AlertmanagerError as error:
        return _Answer("unknown", str(error))
    if standing is None:
        return _Answer("over", "it does not fire at Alertmanager any more")
    return _Answer("fires") if standing == "told" else _Answer("kept", f"it is {standing} at Alertmanager")


def _expressions(alert: Alert, running: Running, left: Callable[[], float]) -> Iterator[_Answer]:
    """Nothing where the alert has no expression, or there is no Prometheus for it."""
    try:
        if enrich.holds(alert, running.sources.prometheuses, left()):
            yield _Answer("fires", by_expression=True)
        else:
            yield _Answer("over", "its expression does not hold any more", by_expression=True)
    except enrich.NotAbout:
        return
    except enrich.NoAnswer as reason:
        yield _Answer("unknown", str(reason), by_expression=True)
