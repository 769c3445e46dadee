"""Variables of the environment, and the files that stand in for them."""

from pathlib import Path

import pytest

from config.environment import Environment, EnvironmentVariableError

SECRET = "hunter2"


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    """A mounted secret, with the line's end that editors leave."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return str(path)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"NAME": "value"}, "value"),
        ({}, None),
        ({"NAME": ""}, None),
        ({"NAME_FILE": ""}, None),
        ({"OTHER": "value"}, None),
        ({"NAME": "  value\n"}, "  value\n"),
    ],
    ids=["set", "not set", "empty", "empty file name", "another", "verbatim"],
)
def test_reads_a_variable(variables: dict[str, str], expected: str | None) -> None:
    """A variable's value is taken as it is; an empty one counts as not set."""
    assert expected == Environment(variables).get("NAME")


@pytest.mark.parametrize("variables", [{}, {"NAME": ""}], ids=["not set", "empty"])
def test_falls_back_to_the_default(variables: dict[str, str]) -> None:
    """A default stands in for a variable that is not set; it may be empty."""
    assert ("default", "") == (Environment(variables).get("NAME", "default"), Environment(variables).get("NAME", ""))


def test_reads_the_file_that_a_variable_names(secret_file: str) -> None:
    """<NAME>_FILE names a file with the value; the white space around it is not part of it."""
    assert SECRET == Environment({"NAME_FILE": secret_file}).get("NAME")


def test_a_value_wins_over_a_file(secret_file: str) -> None:
    """A variable that is set is taken, and its file is not even looked at."""
    assert "value" == Environment({"NAME": "value", "NAME_FILE": "/nowhere"}).get("NAME")
    assert SECRET == Environment({"NAME": "", "NAME_FILE": secret_file}).get("NAME")


def test_an_empty_file_counts_as_not_set(tmp_path: Path) -> None:
    """A secret that is mounted and not filled in yet is none."""
    path = tmp_path / "secret"
    path.write_text(" \n")

    assert "default" == Environment({"NAME_FILE": str(path)}).get("NAME", "default")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PAGERDUTY_INTEGRATION_KEY": "integration"}, "integration"),
        ({"PAGERDUTY_ROUTING_KEY": "routing", "PAGERDUTY_INTEGRATION_KEY": "integration"}, "routing"),
        ({"PAGERDUTY_ROUTING_KEY": "", "PAGERDUTY_INTEGRATION_KEY": "integration"}, "integration"),
    ],
    ids=["the other name", "both", "one is empty"],
)
def test_the_integration_key_means_the_same(variables: dict[str, str], expected: str) -> None:
    """PagerDuty calls it either way; so may a user."""
    assert expected == Environment(variables).get("PAGERDUTY_ROUTING_KEY")


def test_the_integration_key_may_be_in_a_file(secret_file: str) -> None:
    """The other name, too, may name a file."""
    assert SECRET == Environment({"PAGERDUTY_INTEGRATION_KEY_FILE": secret_file}).get("PAGERDUTY_ROUTING_KEY")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"\xff\xfe", "is not text")],
    ids=["missing", "not text"],
)
def test_names_the_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """A file that is named and cannot be read is an error, not an unset variable."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(EnvironmentVariableError) as caught:
        Environment({"NAME_FILE": str(path)}).get("NAME", "default")

    assert f"NAME_FILE: {path}: {reason}" == str(caught.value)


def test_rejects_a_value_that_is_not_utf_8() -> None:
    """Bytes that are no text (as Python keeps them) are refused by name, and not told."""
    with pytest.raises(EnvironmentVariableError) as caught:
        Environment({"NAME": f"{SECRET}\udcff"}).get("NAME")

    assert "NAME is not UTF-8" == str(caught.value)
