"""Statements that are executed hundreds of times a second: compiled once, and then handed to the driver as they are.

SQLAlchemy takes ten times as long to execute a statement as the driver does, and on SQLite all others wait meanwhile.
What is executed now and then goes through SQLAlchemy as everywhere.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, ReturnsRows, bindparam, exc
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import NullType, UserDefinedType

PARAMETERS_AT_ONCE = 500
"""Databases bound how many a statement may have: https://www.sqlite.org/limits.html#max_variable_number"""

Row = Any
"""A row: a tuple whose columns are attributes."""

_Processor = Callable[[Any], Any]


class Several(UserDefinedType[Collection[Any]]):
    """Any number of numbers or texts as one parameter: a list for psycopg, JSON for SQLite."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> _Processor:
        """To the database."""
        return (lambda values: json.dumps(list(values))) if dialect.name == "sqlite" else list


class OneOf(ColumnElement[bool]):
    """Whether a column is one of the values of a parameter, which may be any number.

    One parameter, whatever their number: the statement stays the same, and no bound of parameters is met.
    https://www.sqlite.org/json1.html#jeach
    """

    inherit_cache = False
    # As a Boolean, SQLite would be asked whether it is 1, and not look into its index.
    type: Any = NullType()

    def __init__(self, column: ColumnElement[Any], parameter: str) -> None:
        self.column = column
        self.parameter = bindparam(parameter, type_=Several())


@compiles(OneOf, "sqlite")
def _one_of_sqlite(element: OneOf, compiler: Any, **keywords: Any) -> str:
    column, parameter = (compiler.process(each, **keywords) for each in (element.column, element.parameter))
    return f"{column} IN (SELECT value FROM json_each({parameter}))"


@compiles(OneOf, "postgresql")
def _one_of_postgresql(element: OneOf, compiler: Any, **keywords: Any) -> str:
    column, parameter = (compiler.process(each, **keywords) for each in (element.column, element.parameter))
    return f"{column} = ANY({parameter})"


class Prepared:
    """A statement with named parameters.

    Args:
        statement: of SQLAlchemy's; its `bindparam`s are the parameters.
        insert: for INSERT, the columns that the rows have.
        together: on SQLite, what stands before and behind the rows in a statement that does the same for many, each a
            list of all parameters in their order.
    """

    def __init__(
        self, statement: Any, insert: Sequence[str] | None = None, together: tuple[str, str] | None = None
    ) -> None:
        self._statement = statement
        self._insert = insert
        self._together = together
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Execute it, and fetch what it gives.

        Raises:
            SQLAlchemyError: of the same class as SQLAlchemy's own.
        """
        compiled = self._of(connection)
        with _driver(connection, compiled) as cursor:
            cursor.execute(compiled.text, compiled.bound(parameters or {}))
            return compiled.fetched(cursor)

    def first(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> Row | None:
        """Execute it; the first row that it gives, if any."""
        rows = self.rows(connection, parameters)
        return rows[0] if rows else None

    def values(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> list[Any]:
        """Execute it; the first column of what it gives."""
        return [row[0] for row in self.rows(connection, parameters)]

    def run(self, connection: Connection, parameters: Mapping[str, Any] | None = None) -> int:
        """Execute one that gives no rows; how many it changed."""
        compiled = self._of(connection)
        with _driver(connection, compiled) as cursor:
            cursor.execute(compiled.text, compiled.bound(parameters or {}))
            changed: int = cursor.rowcount
            return changed

    def each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute one that gives no rows, for each of these parameters.

        On SQLite many go into one statement, as far as possible: within one the driver has another thread go on before
        each row, and all who wait to write wait for that, too.
        """
        compiled = self._of(connection)
        bound = [compiled.bound(row) for row in rows]
        if not bound:
            return
        with _driver(connection, compiled) as cursor:
            if len(bound) > 1 and compiled.together:
                for some in _parts(bound, max(1, PARAMETERS_AT_ONCE // len(bound[0]))):
                    cursor.execute(compiled.of_rows(len(some)), list(chain.from_iterable(some)))
            else:
                cursor.executemany(compiled.text, bound)

    def row_of_each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Execute one that gives one row, for each of these parameters, in their order."""
        compiled = self._of(connection)
        bound = [compiled.bound(row) for row in rows]
        found: list[Row] = []
        if not bound:
            return found
        with _driver(connection, compiled) as cursor:
            if connection.dialect.name == "sqlite":
                for each in bound:
                    cursor.execute(compiled.text, each)
                    found += compiled.fetched(cursor)
                return found
            # All of them on one way to the server and back.
            cursor.executemany(compiled.text, bound, returning=True)
            while True:
                found += compiled.fetched(cursor)
                if not cursor.nextset():
                    return found

    def _of(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = _Compiled(self._statement, self._insert, self._together, connection.dialect)
        return found


class _Compiled:
    """A statement for one kind of database."""

    def __init__(
        self, statement: Any, insert: Sequence[str] | None, together: tuple[str, str] | None, dialect: Dialect
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=insert)
        self.text = str(compiled)
        self._names: tuple[str, ...] = tuple(compiled.positiontup or compiled.binds)
        self._positional = bool(compiled.positiontup)
        self._group = f"({', '.join('?' for _ in self._names)})"
        if insert and self.text.count(self._group) == 1:
            before, _, behind = self.text.partition(self._group)
            together = before, behind
        self.together = together if dialect.name == "sqlite" else None
        kinds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
        self._to: dict[str, _Processor] = {name: kind for name, kind in kinds.items() if kind}
        self._constants = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
        self._row: Any = None
        self._from: list[tuple[int, _Processor]] = []
        columns = getattr(statement, "exported_columns", None) if isinstance(statement, ReturnsRows) else None
        if columns:
            self._row = namedtuple("Row", columns.keys(), rename=True)  # type: ignore[misc]
            results = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
            self._from = [(at, processor) for at, processor in enumerate(results) if processor]

    def bound(self, parameters: Mapping[str, Any]) -> Any:
        """Parameters as the driver takes them."""
        given = {**self._constants, **parameters} if self._constants else parameters
        processors = self._to
        if self._positional:
            return [processors[name](given[name]) if name in processors else given[name] for name in self._names]
        return {name: processors[name](given[name]) if name in processors else given[name] for name in self._names}

    def of_rows(self, count: int) -> str:
        """The statement that does the same for so many."""
        assert self.together is not None
        before, behind = self.together
        return f"{before}{', '.join([self._group] * count)}{behind}"

    def fetched(self, cursor: Any) -> list[Row]:
        """The rows that the driver has."""
        rows = cursor.fetchall()
        if not self._from:
            return [self._row._make(row) for row in rows]
        found = []
        for row in rows:
            values = list(row)
            for at, processor in self._from:
                values[at] = processor(values[at])
            found.append(self._row._make(values))
        return found


def _parts(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Parts of so many rows, or of a power of two: few lengths make few statements, which the driver keeps."""
    start = 0
    while start < len(rows):
        left = len(rows) - start
        count = size if left >= size else 1 << (left.bit_length() - 1)
        yield rows[start : start + count]
        start += count


@contextmanager
def _driver(connection: Connection, compiled: _Compiled) -> Iterator[Any]:
    """The driver's cursor; its errors become SQLAlchemy's, which everybody else catches."""
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection
    module: Any = connection.dialect.dbapi
    try:
        with closing(driver.cursor()) as cursor:
            yield cursor
    except module.Error as error:
        if connection.dialect.is_disconnect(error, driver.dbapi_connection, None):
            connection.invalidate(error)
        raise _as_sqlalchemys(error, compiled.text) from error


def _as_sqlalchemys(error: Exception, text: str) -> exc.DBAPIError:
    for each in type(error).__mro__:
        found = getattr(exc, each.__name__, None)
        if isinstance(found, type) and issubclass(found, exc.DBAPIError):
            return found(text, None, error, hide_parameters=True)
    return exc.DBAPIError(text, None, error, hide_parameters=True)
