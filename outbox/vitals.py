"""How the service and its storage are, for metrics: few rows are looked at, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, literal_column, select

from alerts.severity import SEVERITIES, Severity
from outbox import sqlite
from outbox.tables import alerts, events, remediation_control, remediations


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the service is.

    Attributes:
        heard_at: when the last payload came, of those that are kept; None where none is.
        firing: how many alerts fire, by severity.
        withheld: how many of them are not told for now.
        remediations: of those that are not done with, by state, how many there are and since when the oldest is.
        switched_off: whether somebody has switched remediation off.
        size_bytes: what the database takes.
        free_bytes: what is left beside a SQLite file; None of PostgreSQL, whose disk is not known.
    """

    heard_at: datetime | None
    firing: Mapping[Severity, int]
    withheld: int
    remediations: Mapping[str, tuple[int, datetime]]
    switched_off: bool
    size_bytes: int
    free_bytes: int | None


def vitals(connection: Connection) -> Vitals:
    """Look."""
    a, r = alerts.c, remediations.c
    # From the newest on, so that it ends with the first; what was made here is little beside what came.
    heard = select(events.c.received_at).where(events.c.kind == literal_column("'alert'"))
    firing = select(a.severity, func.count()).where(a.status == literal_column("'firing'")).group_by(a.severity)
    withheld = select(func.count()).where(a.withheld.is_not(None))
    undone = select(r.state, func.count(), func.min(r.proposed_at)).where(r.state != literal_column("'done'"))
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(firing)}
    enabled = connection.execute(select(remediation_control.c.enabled)).scalar()
    size_bytes, free_bytes = _sizes(connection.engine, connection)
    return Vitals(
        heard_at=connection.execute(heard.order_by(events.c.id.desc()).limit(1)).scalar(),
        firing={name: counts.get(rank, 0) for rank, name in enumerate(SEVERITIES)},
        withheld=connection.execute(withheld).scalar_one(),
        remediations={
            state: (count, oldest_at) for state, count, oldest_at in connection.execute(undone.group_by(r.state))
        },
        switched_off=enabled is not None and not enabled,
        size_bytes=size_bytes,
        free_bytes=free_bytes,
    )


def _sizes(engine: Engine, connection: Connection) -> tuple[int, int | None]:
    if engine.dialect.name != "sqlite":
        return connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one(), None
    path = sqlite.file(engine.url)
    size_bytes = 0
    for each in (path, path.with_name(f"{path.name}-wal")):
        # What is written ahead goes when the last who has the file open closes it.
        with suppress(FileNotFoundError):
            size_bytes += each.stat().st_size
    disk = os.statvfs(path.parent)
    return size_bytes, disk.f_bavail * disk.f_frsize
