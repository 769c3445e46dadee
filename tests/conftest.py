"""What tests of several packages need: a database, stores in it, and the service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from outbox.database import migrate, open_database
from outbox.store import Store
from tests.far_sides.postgresql import PostgreSQL
from tests.service import Service


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL for all tests, started for the first that needs it; who stops it starts it again."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that is not there yet, for tests of what only SQLite has."""
    return f"sqlite:///{tmp_path / 'database' / 'alert-manager.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """An empty database, for tests of what only PostgreSQL has."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, of each kind that there is."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def open_engine(database_url: str) -> Iterator[Callable[[], Engine]]:
    """Opens engines on the database, migrated; closed at the test's end."""
    engines: list[Engine] = []

    def open_another() -> Engine:
        engine = open_database(database_url)
        engines.append(engine)
        migrate(engine)
        return engine

    yield open_another
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(open_engine: Callable[[], Engine]) -> Engine:
    """An engine on the migrated database."""
    return open_engine()


@pytest.fixture
def store(engine: Engine) -> Store:
    """The store of a process called "a"."""
    return Store(engine, "a")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the shipped configuration and nothing set: two workers, everything is told to the log."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running
