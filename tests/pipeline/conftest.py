"""A pipeline with one receiver, "team", whose action the test holds."""

import pytest

from tests.pipeline.parts import Clock, Recorder


@pytest.fixture
def recorder() -> Recorder:
    """The action of the receiver "team"."""
    return Recorder()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it on."""
    return Clock()
