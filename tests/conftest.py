"""What tests of several packages need: a database, stores in it, and the service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from outbox.database import migrate, open_database
from outbox.store import Store
from tests.service import Service


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind that there is."""
    return f"{request.param}:///{tmp_path / 'database' / 'alert-manager.db'}"


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
