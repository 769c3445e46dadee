"""Group commit: writes at the same moment are one transaction, and one that fails costs no other."""

import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from outbox.database import StoreError, migrate, open_database
from outbox.store import Store
from outbox.tables import groups
from outbox.writer import Writer, _Ticket
from tests.samples import NOW
from tests.service import eventually


def keep(connection: Connection, names: Sequence[str]) -> list[str]:
    """Keeps rows; one of a name that is there is refused by the database."""
    rows = [{"group_id": name, "group_key": name, "history": "", "updated_at": NOW} for name in names]
    connection.execute(insert(groups), rows)
    return [f"kept {name}" for name in names]


def kept(engine: Engine) -> list[str]:
    """The names that are there."""
    with engine.connect() as connection:
        return list(connection.execute(select(groups.c.group_id).order_by(groups.c.group_id)).scalars())


class Gate:
    """Work that waits, so that a test can have others gather behind it."""

    def __init__(self) -> None:
        """Closed."""
        self.entered, self.opened = threading.Event(), threading.Event()

    def work(self, connection: Connection, items: Sequence[str]) -> list[str]:
        """Waits until it is opened, in its transaction."""
        self.entered.set()
        assert self.opened.wait(20)
        return keep(connection, items)


@pytest.fixture
def writer(engine: Engine) -> Writer:
    """The writer of one process."""
    return Writer(engine)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that write."""
    with ThreadPoolExecutor(20) as threads:
        yield threads


@contextmanager
def gathered(writer: Writer, pool: ThreadPoolExecutor, names: Sequence[str]) -> Iterator[list[Future[str]]]:
    """Has writes wait behind one that is under way, which goes on when the test does."""
    gate = Gate()
    first = pool.submit(writer.write, gate.work, "first")
    assert gate.entered.wait(5)
    waiting = [pool.submit(writer.write, keep, name) for name in names]
    eventually(lambda: len(writer._waiting) == len(names), "all of them wait")
    try:
        yield waiting
    finally:
        gate.opened.set()
        first.result(timeout=10)


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Another process writes, and takes its time."""
    if engine.dialect.name == "sqlite":
        other = sqlite3.connect(str(engine.url.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
    else:
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE groups IN EXCLUSIVE MODE"))
            yield


def test_gives_back_what_the_work_gave(writer: Writer, engine: Engine) -> None:
    """One item, one result, and it is there."""
    assert "kept a" == writer.write(keep, "a")
    assert ["a"] == kept(engine)


def test_what_waits_shares_a_commit(writer: Writer, engine: Engine, pool: ThreadPoolExecutor) -> None:
    """Whatever gathers while one transaction is under way is the next one; each gets its own result."""
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    names = [str(number) for number in range(10)]
    with gathered(writer, pool, names) as waiting:
        pass
    assert [f"kept {name}" for name in names] == [each.result(timeout=5) for each in waiting]
    assert 2 == len(commits)
    assert [*names, "first"] == kept(engine)


def test_nothing_is_kept_before_its_commit(writer: Writer, engine: Engine, pool: ThreadPoolExecutor) -> None:
    """A write that is not committed yet has not returned, and when the commit fails it is none."""
    with gathered(writer, pool, ["a"]) as waiting:
        time.sleep(0.05)
        assert not waiting[0].done()
    assert "kept a" == waiting[0].result(timeout=5)

    def refuse(connection: Connection) -> None:
        raise IntegrityError("", None, Exception("no commit today"))

    event.listen(engine, "commit", refuse)
    with pytest.raises(StoreError, match="no commit today"):
        writer.write(keep, "b")
    event.remove(engine, "commit", refuse)
    assert ["a", "first"] == kept(engine)


def test_a_bad_one_costs_no_other(writer: Writer, engine: Engine, pool: ThreadPoolExecutor) -> None:
    """Of several of which the database refuses one, the others are kept, and only that one's caller hears of it."""
    with gathered(writer, pool, ["a", "first", "b"]) as (a, bad, b):
        pass
    with pytest.raises(StoreError, match=r"UNIQUE constraint failed|duplicate key value"):
        bad.result(timeout=5)
    assert ["kept a", "kept b"] == [a.result(timeout=5), b.result(timeout=5)]
    assert ["a", "b", "first"] == kept(engine)


def test_each_of_several_is_written_for_itself(writer: Writer, engine: Engine) -> None:
    """From one thread, in one call: a bad one is an error among the results, and costs no other; none is nothing."""
    writer.write(keep, "b")
    a, b, c = writer.write_each(keep, ["a", "b", "c"])
    assert ("kept a", StoreError, "kept c") == (a, type(b), c)
    assert ["a", "b", "c"] == kept(engine)
    assert [] == writer.write_each(keep, [])


def test_several_that_are_given_up_are_given_up_together(
    writer: Writer, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait as long as one does, and leave nothing behind."""
    monkeypatch.setattr("outbox.writer.BUSY_TIMEOUT_SECONDS", 0.2)
    with gathered(writer, pool, []):
        begun = time.monotonic()
        results = writer.write_each(keep, [str(number) for number in range(20)])
        assert time.monotonic() - begun < 2
        assert ["the database is busy"] * 20 == [str(each) for each in results]
        assert [] == writer._waiting
    assert "kept a" == writer.write(keep, "a")


def test_a_mistake_of_ours_is_no_store_error(writer: Writer, engine: Engine, pool: ThreadPoolExecutor) -> None:
    """What is not the database's is raised as what it is, to its own caller only."""

    def mistaken(connection: Connection, items: Sequence[str]) -> list[str]:
        raise ZeroDivisionError(items[0])

    with gathered(writer, pool, ["a"]) as (good,):
        bad = pool.submit(writer.write, mistaken, "x")
        eventually(lambda: len(writer._waiting) == 2, "both wait")
    assert "kept a" == good.result(timeout=5)
    with pytest.raises(ZeroDivisionError, match="x"):
        bad.result(timeout=5)
    assert "kept b" == writer.write(keep, "b")


def test_a_locked_database_is_a_store_error_for_all(writer: Writer, engine: Engine, pool: ThreadPoolExecutor) -> None:
    """Whoever waits, first or behind another, hears so after about five seconds, and nothing of it is kept."""
    with locked(engine):
        begun = time.monotonic()
        waiting = [pool.submit(writer.write, keep, str(number)) for number in range(6)]
        errors = [each.exception(timeout=20) for each in waiting]
        seconds = time.monotonic() - begun
    assert {StoreError} == {type(each) for each in errors}
    assert 4.5 < seconds < 7
    assert "kept a" == writer.write(keep, "a")
    assert ["a"] == kept(engine)
    assert [] == writer._waiting


def test_what_was_given_up_is_not_written(
    writer: Writer, engine: Engine, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited too long behind another write was told that it is not kept: so it is not, then or later."""
    monkeypatch.setattr("outbox.writer.BUSY_TIMEOUT_SECONDS", 0.2)
    with gathered(writer, pool, ["a", "b"]) as waiting:
        errors = [each.exception(timeout=5) for each in waiting]
        assert ["the database is busy"] * 2 == [str(each) for each in errors]
        assert [] == writer._waiting
    assert "kept c" == writer.write(keep, "c")
    assert ["c", "first"] == kept(engine)


def test_what_was_given_up_while_it_began_is_not_written(
    writer: Writer, engine: Engine, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it written by who had it in hand already, and could not begin yet."""
    monkeypatch.setattr("outbox.writer.BUSY_TIMEOUT_SECONDS", 0.5)
    with gathered(writer, pool, ["a", "b"]) as (a, b):
        may_begin = threading.Event()
        event.listen(engine, "begin", lambda connection: may_begin.wait(10))
    (given_up,), (in_hand,) = wait((a, b), 5, FIRST_COMPLETED)
    may_begin.set()
    assert "the database is busy" == str(given_up.exception())
    assert [in_hand.result(timeout=5).removeprefix("kept "), "first"] == kept(engine)


def test_a_process_that_ends_leaves_nobody_waiting(writer: Writer, pool: ThreadPoolExecutor) -> None:
    """When the thread that writes for others is told to end, the next one writes."""

    def ending(connection: Connection, items: Sequence[str]) -> list[str]:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        writer.write(ending, "x")
    assert "kept a" == writer.write(keep, "a")


def test_a_thread_that_ends_before_its_turn_leaves_nobody_waiting(
    writer: Writer, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those behind it hear so at once, and the next one writes."""
    take, calls = writer._take_waiting, iter(["ends"])

    def ends_first() -> list[_Ticket]:
        if next(calls, None):
            raise SystemExit(1)
        return take()

    monkeypatch.setattr(writer, "_take_waiting", ends_first)
    with pytest.raises(SystemExit):
        writer.write(keep, "x")
    assert (False, []) == (writer._writing, writer._waiting)
    assert "kept a" == pool.submit(writer.write, keep, "a").result(timeout=3)


def meet(barrier: Any) -> None:
    """Has processes begin at the same time."""
    barrier.wait(20)


def hammer(url: str, owner: str) -> list[float]:
    """Writes from four threads of a process as fast as it goes; returns how long each write took."""
    engine = open_database(url)
    store = Store(engine, owner)
    until = time.monotonic() + 2

    def work(_: int) -> list[float]:
        took = []
        while time.monotonic() < until:
            begun = time.monotonic()
            store.accept(b"{}", NOW)
            took.append(time.monotonic() - begun)
        return took

    with ThreadPoolExecutor(4) as threads:
        found = [seconds for each in threads.map(work, range(4)) for seconds in each]
    engine.dispose()
    return found


def test_two_processes_take_turns(engine: Engine, database_url: str) -> None:
    """While both write all the time, none of their writes waits for a second, and neither process starves."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, spawn, initializer=meet, initargs=(spawn.Barrier(2),)) as processes:
        running = [processes.submit(hammer, database_url, owner) for owner in ("a", "b")]
        took = [each.result(timeout=25) for each in running]
    assert max(max(each) for each in took) < 1.0
    assert min(map(len, took)) > 10
    with engine.connect() as connection:
        assert sum(map(len, took)) == connection.execute(text("SELECT count(*) FROM events")).scalar()


def test_a_child_writes_with_its_own(engine: Engine, database_url: str, writer: Writer) -> None:
    """A process forked from one that has written opens its own: both go on."""
    writer.write(keep, "parent")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            own = open_database(database_url)
            Writer(own).write(keep, "child")
            own.dispose()
            code = 0
        finally:
            os._exit(code)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert "kept again" == writer.write(keep, "again")
    assert ["again", "child", "parent"] == kept(engine)


def test_a_writer_made_before_a_fork_is_not_used_after(writer: Writer) -> None:
    """Its lock would be shared with the parent's, and no lock at all between the two: it says so."""
    writer.write(keep, "parent")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            writer.write(keep, "child")
        except RuntimeError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert "a writer is of the process that made it" == pipe.read()
    os.waitpid(child, 0)


def freeze(url: str, pipe: Any) -> None:
    """Writes, and stops in the middle of it for as long as nobody says otherwise."""

    def work(connection: Connection, items: Sequence[str]) -> list[str]:
        pipe.send("writing")
        pipe.recv()
        return keep(connection, items)

    Writer(open_database(url)).write(work, "frozen")


def test_a_process_that_is_frozen_costs_errors(engine: Engine, database_url: str, pool: ThreadPoolExecutor) -> None:
    """While another stands still in a write, all but the first of ours hear so in time, and go on after it."""
    if engine.dialect.name != "sqlite":
        pytest.skip("on PostgreSQL others write meanwhile")
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=freeze, args=(database_url, theirs))
    process.start()
    assert "writing" == ours.recv()
    writer = Writer(engine)
    first = pool.submit(writer.write, keep, "waits")
    eventually(lambda: writer._writing, "it waits for its turn")
    waiting = [pool.submit(writer.write, keep, str(number)) for number in range(4)]
    assert ["the database is busy"] * 4 == [str(each.exception(timeout=7)) for each in waiting]
    ours.send("go on")
    assert "kept waits" == first.result(timeout=5)
    process.join(5)
    assert ["frozen", "waits"] == kept(engine)


def test_what_has_no_connection_fails_together(engine: Engine) -> None:
    """When the pool has none to give, those that wait are not told so one after the other."""
    small = create_engine(engine.url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.5)
    tickets = [_Ticket(keep, str(number), True) for number in range(10)]
    begun = time.monotonic()
    with small.connect():
        Writer(small)._write_together(tickets)
    small.dispose()
    assert 2 > time.monotonic() - begun
    assert {StoreError} == {type(ticket.error) for ticket in tickets}


class Full:
    """Work for which the disk is full once."""

    def __init__(self, code: int) -> None:
        self.calls = 0
        self._code = code

    def work(self, connection: Connection, items: Sequence[str]) -> list[str]:
        """Keeps rows, but for the first time."""
        self.calls += 1
        if self.calls == 1:
            said = sqlite3.OperationalError("database or disk is full")
            said.sqlite_errorcode = self._code
            raise OperationalError("", None, said)
        return keep(connection, items)


def test_what_fills_the_disk_may_be_the_log(sqlite_url: str) -> None:
    """What is in SQLite's log is moved into the file, and the write tried once more; no other error is tried again."""
    engine = open_database(sqlite_url)
    migrate(engine)
    writer = Writer(engine)
    full, other = Full(sqlite3.SQLITE_FULL), Full(sqlite3.SQLITE_IOERR)
    assert "kept a" == writer.write(full.work, "a")
    with pytest.raises(StoreError, match="full"):
        writer.write(other.work, "b")
    assert (2, 1) == (full.calls, other.calls)
    assert ["a"] == kept(engine)
    engine.dispose()
