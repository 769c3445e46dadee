"""Statements that both databases take, and that more than one module needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, ScalarSelect, Select, Table, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from outbox.prepared import PARAMETERS_AT_ONCE, Prepared

# Of bodies (bytes) and notifications (characters) taken up at once; one that is larger is taken alone.
BYTES_AT_ONCE = 8 * 1024 * 1024

Value = TypeVar("Value")


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Parts of a sequence that are small enough for one statement."""
    for start in range(0, len(values), PARAMETERS_AT_ONCE):
        yield values[start : start + PARAMETERS_AT_ONCE]


def upsert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows, or change those there are: all columns that the rows have but the key's."""
    rows = list(rows)
    if rows:
        keys = [column.name for column in table.primary_key]
        # In one order everywhere, so that no two transactions wait for each other's rows.
        rows.sort(key=lambda row: tuple(row[key] for key in keys))
        _upsert(connection.dialect.name, table, tuple(rows[0])).each(connection, rows)


@cache
def _upsert(dialect_name: str, table: Table, names: tuple[str, ...]) -> Prepared:
    dialect: Any = sqlite if dialect_name == "sqlite" else postgresql
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    return Prepared(statement.on_conflict_do_update(index_elements=keys, set_=changed), names)


def update_each(connection: Connection, table: Table, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Change rows by their ids, those whose same columns change in one statement."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row_id in sorted(changes):
        values = changes[row_id]
        row = {"row_id": row_id, **{f"new_{name}": value for name, value in values.items()}}
        by_columns.setdefault(tuple(sorted(values)), []).append(row)
    for names, rows in by_columns.items():
        _update(table, names).each(connection, rows)


@cache
def _update(table: Table, names: tuple[str, ...]) -> Prepared:
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in table.columns.keys() if name in names}  # noqa: SIM118  # a column is found by its name
    changed = ", ".join(f"{name} = new.column{at}" for at, name in enumerate(new, start=1))
    return Prepared(
        update(table).where(table.c.id == bindparam("row_id")).values(new),
        # Its parameters are the columns in the table's order, and the id.
        together=(f"UPDATE {table.name} SET {changed} FROM (VALUES ", f") AS new WHERE id = new.column{len(new) + 1}"),
    )


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    if rows:
        _insert(table, tuple(rows[0])).each(connection, rows)


@cache
def _insert(table: Table, names: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table), names)


def insert_missing_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, but for those whose keys are there already."""
    keys = [column.name for column in table.primary_key]
    if rows:
        # In one order everywhere, so that no two transactions wait for each other's rows.
        ordered = sorted(rows, key=lambda row: tuple(row[key] for key in keys))
        _insert_missing(connection.dialect.name, table, tuple(rows[0])).each(connection, ordered)


@cache
def _insert_missing(dialect_name: str, table: Table, names: tuple[str, ...]) -> Prepared:
    dialect: Any = sqlite if dialect_name == "sqlite" else postgresql
    return Prepared(dialect.insert(table).on_conflict_do_nothing(), names)


def insert_missing(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert a row unless there is one of its key."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing())


def up_to_bytes(rows: Select[Any], *order: str) -> ScalarSelect[Any]:
    """The ids of the first rows whose sizes add up to no more than is taken up at once, and at least of one."""
    sized = rows.subquery()
    before = func.sum(sized.c.size).over(order_by=[sized.c[name] for name in order]) - sized.c.size
    running = select(sized.c.id, sized.c.size, before.label("before")).subquery()
    fits = or_(running.c.before == 0, running.c.before + running.c.size <= BYTES_AT_ONCE)
    return select(running.c.id).where(fits).scalar_subquery()
