"""Notices wake who listens, once what they are about is committed, and again after the server was away."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from outbox.database import migrate, open_database
from outbox.notices import Listener, notify
from tests.far_sides.postgresql import PostgreSQL
from tests.far_sides.process import free_port
from tests.service import eventually

LISTENING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = "


class Bell:
    """Counts how often it was rung."""

    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        """Rings it."""
        self.rung += 1


@pytest.fixture
def postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    """An engine; notices need no tables."""
    engine = open_database(postgresql_url)
    yield engine
    engine.dispose()


@pytest.fixture
def bells() -> dict[str, Bell]:
    """A bell for each of two channels."""
    return {"events": Bell(), "deliveries": Bell()}


@pytest.fixture
def listener(postgresql_engine: Engine, bells: dict[str, Bell]) -> Iterator[Listener]:
    """A listener that listens: as nobody did before, each bell was rung once."""
    listening = Listener(postgresql_engine, bells)
    listening.start()
    eventually(lambda: rung(bells) == (1, 1), "the listener listens")
    yield listening
    listening.stop()


def rung(bells: dict[str, Bell]) -> tuple[int, ...]:
    """How often each was."""
    return tuple(bell.rung for bell in bells.values())


def backends(server: PostgreSQL, engine: Engine) -> list[Any]:
    """The server's processes that serve a listener on this database."""
    return server.execute(f"{LISTENING}'{engine.url.database}'")


@pytest.mark.usefixtures("listener")
def test_a_notice_rings_its_bell_once_it_is_committed(postgresql_engine: Engine, bells: dict[str, Bell]) -> None:
    """Only the bell of its channel, not before the commit, and soon after it; what is rolled back rings none."""
    with postgresql_engine.connect() as connection:
        notify(connection, "deliveries")
        connection.rollback()
    with postgresql_engine.begin() as connection:
        notify(connection, "events")
        notify(connection, "unheard")
        time.sleep(0.1)
        assert (1, 1) == rung(bells)
    begun = time.monotonic()
    eventually(lambda: bells["events"].rung == 2, "the bell is rung")
    assert time.monotonic() - begun < 0.5
    assert (2, 1) == rung(bells)


@pytest.mark.usefixtures("listener")
def test_a_notice_reaches_other_processes(postgresql_url: str, bells: dict[str, Bell]) -> None:
    """Whoever is connected to the same database is heard."""
    other = open_database(postgresql_url)
    with other.begin() as connection:
        notify(connection, "events")
    eventually(lambda: rung(bells) == (2, 1), "the bell is rung")
    other.dispose()


@pytest.mark.usefixtures("listener")
def test_a_notice_stays_in_its_database(postgresql_server: PostgreSQL, bells: dict[str, Bell]) -> None:
    """A service on another database of the same server wakes nobody here."""
    with postgresql_server.database() as url:
        stranger = open_database(url)
        with stranger.begin() as connection:
            notify(connection, "events")
        stranger.dispose()
    time.sleep(0.3)
    assert (1, 1) == rung(bells)


@pytest.mark.usefixtures("listener")
def test_listens_again_when_its_connection_broke(
    postgresql_server: PostgreSQL, postgresql_engine: Engine, bells: dict[str, Bell]
) -> None:
    """As notices may have been missed, every bell is rung once it listens again; and notices are heard as before."""
    ((pid,),) = backends(postgresql_server, postgresql_engine)
    with capture_logs() as logged:
        postgresql_server.execute(f"SELECT pg_terminate_backend({pid})")
        eventually(lambda: rung(bells) == (2, 2), "it listens again")
    assert ["warning"] == [each["log_level"] for each in logged]
    with postgresql_engine.begin() as connection:
        notify(connection, "events")
    eventually(lambda: rung(bells) == (3, 2), "the bell is rung")


def test_listens_again_when_the_server_is_back(
    postgresql_server: PostgreSQL, listener: Listener, bells: dict[str, Bell]
) -> None:
    """A server that crashed and comes back after a while is listened to again."""
    postgresql_server.stop("immediate")
    time.sleep(0.7)
    postgresql_server.start()
    eventually(lambda: rung(bells) == (2, 2), "it listens again")


def test_begins_when_the_server_comes() -> None:
    """Where there is no server yet, that is said without the URL's password, and it ends within a second."""
    engine = open_database(f"postgresql://user:s3cret@127.0.0.1:{free_port()}/name")
    listener = Listener(engine, {"events": Bell()})
    with capture_logs() as logged:
        listener.start()
        eventually(lambda: len(logged) >= 2, "it tries again")
        begun = time.monotonic()
        listener.stop()
    assert time.monotonic() - begun < 1
    assert "Connection refused" in logged[0]["error"]
    assert "s3cret" not in repr(logged)


def test_ends_within_a_second_and_leaves_nothing(postgresql_server: PostgreSQL, postgresql_engine: Engine) -> None:
    """Its thread and its connection are gone, and it can be told twice."""
    listener = Listener(postgresql_engine, {"events": Bell()})
    listener.stop()
    listener = Listener(postgresql_engine, {"events": Bell()})
    listener.start()
    eventually(lambda: backends(postgresql_server, postgresql_engine), "it listens")
    begun = time.monotonic()
    listener.stop()
    listener.stop()
    assert time.monotonic() - begun < 1
    assert "notices" not in [thread.name for thread in threading.enumerate()]
    eventually(lambda: not backends(postgresql_server, postgresql_engine), "its connection is closed")


@pytest.mark.usefixtures("listener")
def test_takes_no_connection_from_the_others(postgresql_engine: Engine) -> None:
    """All connections of the pool are there for statements."""
    assert 0 == postgresql_engine.pool.checkedout()  # type: ignore[attr-defined]  # QueuePool's


def test_there_are_none_on_sqlite(sqlite_url: str) -> None:
    """Neither to tell nor to listen is an error; no statement is made, no thread started and no bell rung."""
    engine = open_database(sqlite_url)
    migrate(engine)
    executed: list[object] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: executed.append(arguments))
    bell = Bell()
    listener = Listener(engine, {"events": bell})
    listener.start()
    with engine.connect() as connection:
        before = len(executed)
        notify(connection, "events")
        assert before == len(executed)
    assert "notices" not in [thread.name for thread in threading.enumerate()]
    listener.stop()
    assert 0 == bell.rung
    engine.dispose()
