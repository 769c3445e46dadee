"""What is expected and when it came, and what a switch outside was told: for `/status`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from outbox.database import StoreError
from pipeline import Pipeline


def document(pipeline: Pipeline) -> dict[str, Any]:
    """How it stands, as JSON; where the database does not answer, why is in its place."""
    file = pipeline.configuration.file
    try:
        standing = pipeline.store.watchdogs.standing([each.key for each in file.watchdogs]) if file.watchdogs else {}
        beats = pipeline.store.heartbeats.status() if file.heartbeat else None
    except StoreError as failing:
        return {"watchdogs": [], "heartbeat": None, "watching_error": str(failing)}
    watchdogs = [
        {
            "watchdog": each.name,
            "receiver": each.receiver,
            "within_seconds": each.within,
            "heard_at": _time(standing[each.key].heard_at),
            "silent": standing[each.key].silent_since is not None,
            "silent_since": _time(standing[each.key].silent_since),
        }
        for each in file.watchdogs
    ]
    heartbeat = None
    if file.heartbeat is not None and beats is not None:
        heartbeat = {
            "every_seconds": file.heartbeat.every,
            "last_success_at": _time(beats.succeeded_at),
            "failed_at": _time(beats.failed_at),
            "problem": beats.problem or None,
        }
    return {"watchdogs": watchdogs, "heartbeat": heartbeat}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
