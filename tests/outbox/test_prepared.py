"""Statements that go to the driver as they are do what SQLAlchemy would have done."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from outbox.database import migrate, open_database
from outbox.prepared import OneOf, Prepared
from outbox.tables import destinations, events, groups
from tests.samples import NOW

_g = groups.c
INSERT = Prepared(insert(groups), ("group_id", "group_key", "history", "updated_at"))
SOME = Prepared(select(_g.group_id, _g.updated_at).where(OneOf(_g.group_id, "some")).order_by(_g.group_id))
ODD = ["a", "it's", 'a "quoted" one', "%", "%s", "?", ":name", "é☃", "a,b", "{}", "[1]", ""]


def add(connection: Connection, names: Sequence[str]) -> None:
    """Inserts rows."""
    INSERT.each(connection, [{"group_id": each, "group_key": each, "history": "", "updated_at": NOW} for each in names])


def test_rows_have_names_and_types(engine: Engine) -> None:
    """A time is a time again, and a flag a flag."""
    with engine.begin() as connection:
        add(connection, ["a"])
        connection.execute(insert(destinations).values(name="d", failures=2, probing=True))
        (row,) = SOME.rows(connection, {"some": ["a"]})
        columns = (destinations.c.name, destinations.c.probing, destinations.c.paused_until)
        (flag,) = Prepared(select(*columns)).rows(connection)
    assert ("a", NOW) == (row.group_id, row.updated_at)
    assert ("d", True, None) == (flag.name, flag.probing, flag.paused_until)
    assert flag.probing is True


@pytest.mark.parametrize("wanted", [ODD, [], ["a"], ["nobody"], ODD * 400], ids=lambda wanted: str(len(wanted)))
def test_finds_any_number_of_values(engine: Engine, wanted: list[str]) -> None:
    """Whatever is in them, none, and more than a statement may have parameters."""
    with engine.begin() as connection:
        add(connection, ODD)
        expected = connection.execute(select(_g.group_id).where(_g.group_id.in_(sorted(set(wanted))))).scalars().all()
        assert set(expected) == set(SOME.values(connection, {"some": wanted}))


def test_numbers_are_found_by_an_index(engine: Engine) -> None:
    """One of several ids is looked up, and not compared with each row."""
    statement = Prepared(select(events.c.id).where(OneOf(events.c.id, "some")))
    row = {"received_at": NOW, "body": b"\0\xff", "state": "accepted", "attempts": 0}
    with engine.begin() as connection:
        for number in (1, 2, 2**40):
            connection.execute(insert(events).values(id=number, **row))
        assert [2, 2**40] == sorted(statement.values(connection, {"some": [2**40, 2, 7]}))
        if engine.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement._of(connection).text}", (("[2]"),)
            ).fetchall()
            assert any("SEARCH events USING INTEGER PRIMARY KEY" in str(step) for step in plan)


def test_constants_and_limits_are_kept(engine: Engine) -> None:
    """What SQLAlchemy would have bound by itself is bound."""
    statement = Prepared(
        select(_g.group_id).where(_g.history == "").order_by(_g.group_id).limit(2).offset(bindparam("skipped"))
    )
    with engine.begin() as connection:
        add(connection, ["a", "b", "c", "d"])
        assert ["b", "c"] == statement.values(connection, {"skipped": 1})
        assert "b" == statement.first(connection, {"skipped": 1}).group_id  # type: ignore[union-attr]
        assert None is statement.first(connection, {"skipped": 9})


def test_gives_a_row_for_each(engine: Engine) -> None:
    """In the order of what was given, on both databases."""
    statement = Prepared(insert(events).returning(events.c.id), ("received_at", "body", "state", "attempts"))
    rows = [{"received_at": NOW, "body": str(each).encode(), "state": "accepted", "attempts": 0} for each in range(20)]
    with engine.begin() as connection:
        ids = [row.id for row in statement.row_of_each(connection, rows)]
        assert [] == statement.row_of_each(connection, [])
        kept = connection.execute(select(events.c.id, events.c.body)).all()
    assert {number: str(at).encode() for at, number in enumerate(ids)} == {row.id: bytes(row.body) for row in kept}
    assert sorted(ids) == ids


def test_counts_what_it_changes(engine: Engine) -> None:
    """The number of rows, as the driver says it."""
    with engine.begin() as connection:
        add(connection, ["a", "b", "c"])
        assert 2 == Prepared(update(groups).where(OneOf(_g.group_id, "some")).values(history="x")).run(
            connection, {"some": ["a", "b", "z"]}
        )
        assert 1 == Prepared(delete(groups).where(_g.history == "")).run(connection)


def test_is_of_the_transaction(engine: Engine) -> None:
    """What is rolled back was not written, whoever wrote it, and though nothing else was executed before."""
    with engine.connect() as connection:
        add(connection, ["a"])
        connection.rollback()
        assert [] == SOME.rows(connection, {"some": ["a"]})


def _twice(connection: Connection) -> object:
    add(connection, ["a", "a"])
    return None


def _no_such_table(connection: Connection) -> object:
    return Prepared(text("SELECT 1 FROM nothing")).run(connection)


@pytest.mark.parametrize(
    ("fails", "kinds"),
    [(_twice, IntegrityError), (_no_such_table, (OperationalError, ProgrammingError))],
    ids=["twice", "no such table"],
)
def test_errors_are_sqlalchemys(
    engine: Engine, fails: Callable[[Connection], object], kinds: type[SQLAlchemyError]
) -> None:
    """Whoever catches those catches these; no values of rows are in their text."""
    with pytest.raises(kinds) as raised, engine.begin() as connection:
        fails(connection)
    assert "parameters" not in str(raised.value) or "hidden" in str(raised.value)
    with engine.begin() as connection:
        add(connection, ["a"])


def test_a_connection_that_broke_is_not_used_again(postgresql_url: str) -> None:
    """When the server ends a session the error says so, and the next transaction has another."""
    engine = open_database(postgresql_url)
    migrate(engine)
    with engine.connect() as connection, engine.connect() as other:
        pid: Any = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        with pytest.raises(OperationalError):
            SOME.rows(connection, {"some": ["a"]})
        assert connection.invalidated
    with engine.begin() as connection:
        assert [] == SOME.rows(connection, {"some": ["a"]})
    engine.dispose()
