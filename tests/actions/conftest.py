"""The connections of all tests of actions."""

from collections.abc import Iterator

import pytest

from outbound import Http

pytest.register_assert_rewrite("tests.actions.contract")


@pytest.fixture(scope="session")
def http() -> Iterator[Http]:
    """One pool for all tests here."""
    connections = Http()
    yield connections
    connections.close()
