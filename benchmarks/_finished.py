"""Rows of work long finished, as many as are wanted, put straight into the database."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Select, create_engine, insert, literal_column, select
from sqlalchemy.types import String

from outbox.tables import Moment, deliveries, events

_HOUR_MICROSECONDS = 3_600_000_000
_VALUES = {
    "destination": "'pager/pagerduty/0'",
    "receiver": "'pager'",
    "action": "'pagerduty'",
    "body": "'" + "x" * 200 + "'",
    "notification": "'" + "x" * 200 + "'",
}


def fill(database_url: str, rows: int) -> float:
    """Puts so many events and as many deliveries of them, all delivered, into a database with tables.

    Returns:
        The seconds that it took.
    """
    begun = time.monotonic()
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size = -200000")
        _insert(connection, rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # PostgreSQL would have looked at them long since; SQLite never does by itself.
        sqlite = engine.dialect.name == "sqlite"
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)",) if sqlite else ("VACUUM ANALYZE", "CHECKPOINT"):
            connection.exec_driver_sql(statement)
    engine.dispose()
    return time.monotonic() - begun


def _insert(connection: Connection, rows: int) -> None:
    numbers = select(literal_column("1").label("i")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < rows))
    for table, state in ((events, "planned"), (deliveries, "delivered")):
        needed = [column for column in table.c if _needed(column)]
        texts = [_value(column, state, connection.dialect.name) for column in needed]
        rows_of: Select[Any] = select(literal_column(", ".join(texts))).select_from(numbers)
        connection.execute(insert(table).from_select(needed, rows_of))


def _needed(column: Column[object]) -> bool:
    # The ids count up by themselves, from 1 in tables that are empty.
    given = column.primary_key or column.nullable or column.server_default is not None
    return column.name == "settled_at" or not given


def _value(column: Column[object], state: str, dialect: str) -> str:
    """What a column holds, in SQL; `i` counts the rows."""
    if column.name == "state":
        return f"'{state}'"
    if column.foreign_keys:
        return "i"
    if isinstance(column.type, Moment):
        return str(time.time_ns() // 1000 - _HOUR_MICROSECONDS)
    text = _VALUES.get(column.name, "'finished-' || i" if isinstance(column.type, String) else "0")
    if isinstance(column.type, LargeBinary):
        return f"CAST({text} AS {'BLOB' if dialect == 'sqlite' else 'bytea'})"
    return text
