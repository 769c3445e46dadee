"""The tables. Times are microseconds since 1970, whole values JSON, group keys hashed (they may be of any length)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970: exact, ordered and the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


# SQLite counts only an INTEGER PRIMARY KEY up by itself.
_Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("received_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="as it came"),
    Column("state", String(16), nullable=False, comment="accepted, planned, unrouted, dead"),
    Column("error", Text, comment="why it is dead"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_owner", String(128)),
    Column("lease_until", Moment),
    Index("events_by_state", "state", "id"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("event_id", _Id, ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("destination", String(512), nullable=False, comment="receiver/action/index"),
    Column("receiver", String(256), nullable=False),
    Column("action", String(64), nullable=False),
    Column("group_id", String(64), nullable=False),
    Column("notification", Text, nullable=False, comment="all that is to be said, unrendered"),
    Column("state", String(16), nullable=False, comment="pending, delivered, dead, suppressed"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Moment, nullable=False),
    Column("lease_owner", String(128)),
    Column("lease_until", Moment),
    Column("received_at", Moment, nullable=False, comment="the event's"),
    Column("settled_at", Moment),
    Column("detail", Text, comment="the receipt, the last error, or why it is suppressed"),
    Index("deliveries_by_state", "state", "due_at"),
    Index("deliveries_by_group", "destination", "group_id", "id"),
    Index("deliveries_by_event", "event_id"),
    sqlite_autoincrement=True,
)

threads = Table(
    "threads",
    metadata,
    Column("destination", String(512), primary_key=True),
    Column("group_id", String(64), primary_key=True),
    Column("thread", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", String(256), primary_key=True),
    Column("group_id", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("severity", Integer, nullable=False, comment="0 is the worst"),
    Column("alert", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("destinations", Text, nullable=False, comment="whose part of the group it is in, one a line"),
    Column("event_id", _Id, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("alerts_by_status", "status", "severity", "updated_at"),
)

probes = Table(
    "probes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("written_at", Moment, nullable=False),
)
