"""Every action has a test class that holds the contract."""

import importlib
import inspect

import pytest

from actions import find
from config.http_config import HttpActionSettings
from tests.actions.contract import ActionContract, HttpContract


@pytest.mark.parametrize("kind", find())
def test_every_action_holds_the_contract(kind: str) -> None:
    """A module `actions/<kind>.py` has such a class in `tests/actions/test_<kind>.py`, for HTTP if it tells by that."""
    shape = find()[kind].Settings
    speaks_http = issubclass(shape, HttpActionSettings) and not shape.remedies
    contract = HttpContract if speaks_http else ActionContract
    tests = importlib.import_module(f"tests.actions.test_{kind}")
    held = [
        each
        for name, each in inspect.getmembers(tests, inspect.isclass)
        if name.startswith("Test") and issubclass(each, contract) and each.kind == kind
    ]
    assert 1 == len(held)
    assert not inspect.isabstract(held[0])
