"""The real PostgreSQL is real: it keeps what it was told, whatever its end, and is gone after the block."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from tests.far_sides import postgresql
from tests.far_sides.postgresql import PostgreSQL


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgreSQL]:
    """One that waits for the disk."""
    with PostgreSQL(fsync=True) as server:
        yield server


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_keeps_what_it_was_told(durable: PostgreSQL, mode: Literal["fast", "immediate", "kill"]) -> None:
    """After a restart of any kind a committed row is there, at the same address."""
    with durable.database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        durable.stop(mode)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        durable.start()
        with psycopg.connect(url) as connection:
            assert (42,) == connection.execute("SELECT answer FROM kept").fetchone()
    assert [("on",)] == durable.execute("SHOW fsync")


def test_databases_are_apart_and_dropped(postgresql_server: PostgreSQL) -> None:
    """Two databases know nothing of each other, and both are gone afterwards, whoever is still connected."""
    with postgresql_server.database() as one, postgresql_server.database() as other:
        connection = psycopg.connect(one, autocommit=True)
        connection.execute("CREATE TABLE mine ()")
        with psycopg.connect(other) as stranger, pytest.raises(psycopg.errors.UndefinedTable):
            stranger.execute("SELECT FROM mine")
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()
    assert [] == postgresql_server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'")


def test_nothing_of_it_is_left() -> None:
    """When the block is left by an error, the server is gone with its folder."""
    with pytest.raises(ZeroDivisionError), PostgreSQL() as server:  # noqa: PT012
        ((folder,),) = server.execute("SHOW data_directory")
        assert Path(folder).is_dir()
        raise ZeroDivisionError
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url())
    assert not Path(folder).parent.exists()


def test_a_missing_server_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no server, the test that wants one is skipped loudly."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(postgresql, "_program", lambda name: "no-such-program")
    with pytest.raises(pytest.skip.Exception, match=r"NOT TESTED: .*scripts/install-test-servers\.sh"):
        postgresql.require()
