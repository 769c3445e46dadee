"""What the environment says of the process itself."""

import pytest

from config.environment import EnvironmentVariableError
from config.process import ProcessSettings, process_settings


def test_has_defaults() -> None:
    """Nothing set, and an empty variable, mean the defaults."""
    assert ProcessSettings(8080, 2, "INFO", "") == process_settings({"PORT": "", "LOG_FORMAT": ""})
    assert "0.0.0.0:8080" == process_settings({"LISTEN_ADDRESS": ""}).bind


def test_reads_each_variable() -> None:
    """Each variable is read, words in any letter case."""
    variables = {"PORT": "9000", "WEB_CONCURRENCY": "4", "LOG_LEVEL": "debug", "LOG_FORMAT": "JSON"}
    assert ProcessSettings(9000, 4, "DEBUG", "json") == process_settings(variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8080.0"),
        ("PORT", "tcp://10.0.0.1:8080"),
        ("LISTEN_ADDRESS", "localhost"),
        ("LISTEN_ADDRESS", "127.0.0.1:80"),
        ("WEB_CONCURRENCY", "many"),
        ("WEB_CONCURRENCY", "9" * 5000),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_names_the_variable_that_cannot_be_used(name: str, value: str) -> None:
    """Nonsense is refused with the variable's name."""
    with pytest.raises(EnvironmentVariableError, match=f"^{name} should be "):
        process_settings({name: value})


@pytest.mark.parametrize(("address", "expected"), [("127.0.0.1", "127.0.0.1:9000"), ("::1", "[::1]:9000")])
def test_listens_where_it_is_told(address: str, expected: str) -> None:
    """At an address of either kind, as gunicorn writes it."""
    assert expected == process_settings({"LISTEN_ADDRESS": address, "PORT": "9000"}).bind
