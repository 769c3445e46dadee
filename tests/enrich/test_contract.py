"""Every enricher holds the contract, and every module here has its test file."""

import pkgutil
from pathlib import Path

import pytest

import enrich
from tests.enrich.contract import AskingContract, EnricherContract, LookingContract


class TestEveryEnricher(EnricherContract):
    """The contract, over all that there are."""


class TestEveryOneThatAsks(AskingContract):
    """What those hold that ask Prometheus."""


class TestEveryOneThatLooksElsewhere(LookingContract):
    """What the others hold."""


@pytest.mark.parametrize("module", [each.name for each in pkgutil.iter_modules(enrich.__path__)])
def test_every_module_has_its_tests(module: str) -> None:
    """A module `enrich/<name>.py` is tested in `tests/enrich/test_<name>.py`."""
    assert Path(__file__).with_name(f"test_{module.lstrip('_')}.py").is_file()
