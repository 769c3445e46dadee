"""What is told of a test: the alert, that it is none, and one state after the other to each action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from actions import Action
from alerts.model import Alert, AlertGroup, Status, common, fingerprint
from alerts.notification import Notification, SendError, Thread
from config.schema import ActionConfig

_SUMMARY = "This is a test of alert-manager. Nothing is wrong."
_NOTE = "a test: nothing has happened"


@dataclass(slots=True)
class Trial:
    """What one action is told of one group.

    Attributes:
        states: one after the other.
        thread: what the far side holds by then; None where it took nothing, and hears no end.
    """

    receiver: str
    config: ActionConfig
    group: AlertGroup
    states: Sequence[Status]
    thread: Thread | None = field(default_factory=Thread)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one message.

    Attributes:
        detail: what the far side said, or why it was not told.
        template_errors: which of the user's templates failed.
    """

    destination: str
    state: Status
    taken: bool
    detail: str
    template_errors: Sequence[str] = ()


def test_group(receiver: str, severity: str, now: datetime) -> AlertGroup:
    """An alert that says that it is a test; it is the same one each time, so that a later test can end an earlier."""
    labels = {"alertname": "AlertManagerTest", "severity": severity, "receiver": receiver}
    named = fingerprint({**labels, "severity": "info"})
    alert = Alert(labels, {"summary": _SUMMARY}, "firing", now, None, "", named)
    return AlertGroup(f"alert:{named}", (alert,), labels, labels, alert.annotations)


def marked(group: AlertGroup) -> AlertGroup:
    """A group of somebody's, marked as a test; under a key of its own, as the real one may be open just now."""
    alerts = tuple(
        replace(each, annotations={**each.annotations, "summary": f"TEST: {each.summary or each.name}"})
        for each in group.alerts
    )
    shared = common(each.annotations for each in alerts)
    return replace(group, group_key=f"test:{group.group_key}", alerts=alerts, common_annotations=shared)


def states(config: ActionConfig, group: AlertGroup, wanted: str | None) -> Sequence[Status]:
    """What an action is to be told.

    Args:
        wanted: "firing", "resolved" or "both"; the group's own, unless given, and that what wakes people is over.
    """
    if wanted == "both" or (wanted is None and config.settings.wakes and group.status == "firing"):
        return ("firing", "resolved")
    return ("resolved",) if wanted == "resolved" else ("firing",) if wanted == "firing" else (group.status,)


def tell(
    trials: Sequence[Trial], at: int, actions: Mapping[str, Action], now: datetime, timeout_seconds: float
) -> Iterator[Told]:
    """Tell each action of the first or the second of its states, if it has so many.

    Args:
        actions: by destination.
    """
    for trial in trials:
        if at < len(trial.states) and trial.thread is not None:
            state = trial.states[at]
            yield _told(trial, state, _notification(trial, state, now), actions, now, timeout_seconds)


def _notification(trial: Trial, state: Status, now: datetime) -> Notification:
    ends_at = now if state == "resolved" else None
    kept = trial.group.status == state
    # Of a payload what fires and what is over stays so, where that is what is to be told.
    alerts = [each if kept else replace(each, status=state, ends_at=ends_at) for each in trial.group.alerts]
    return Notification(
        trial.receiver,
        trial.config.kind,
        trial.config.index,
        replace(trial.group, alerts=tuple(alerts)),
        notes=(_NOTE,),
        # A message of its own each time: mail programs hide one that they have got already.
        delivery_id=int(now.timestamp() * 1_000),
    )


def _told(
    trial: Trial,
    state: Status,
    told: Notification,
    actions: Mapping[str, Action],
    now: datetime,
    timeout_seconds: float,
) -> Told:
    thread = trial.thread or Thread()
    if trial.states[0] == "resolved":
        # What is to be ended was told by an earlier test, and it may depend on how bad that was through what.
        thread = thread.doubted()
    try:
        receipt = actions[told.destination].send(told, thread, timeout_seconds)
    except SendError as error:
        # Who did not answer may have heard it.
        trial.thread = None if error.permanent and not error.partly else error.held or thread.doubted()
        return Told(told.destination, state, False, str(error))
    except Exception as error:
        # What a defect says of itself may hold a secret.
        trial.thread = None
        return Told(told.destination, state, False, f"the action fails: {type(error).__name__}")
    trial.thread = receipt.thread.told(told, now)
    return Told(told.destination, state, True, receipt.detail, receipt.template_errors)
