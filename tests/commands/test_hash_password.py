"""`python app.py hash-password`."""

import pytest
from click.testing import CliRunner
from werkzeug.security import check_password_hash

from commands.hash_password import make_command
from config.logins import is_hash


@pytest.mark.parametrize("arguments", [[], ["jane"]])
def test_prints_a_hash(arguments: list[str]) -> None:
    """That `users_file` takes, and the password is not said."""
    ran = CliRunner().invoke(make_command(), arguments, input="correct horse\n")
    name, _, hashed = ran.output.rstrip("\n").rpartition(":scrypt:")
    hashed = f"scrypt:{hashed}" if name else ran.output.rstrip("\n")
    assert (0, "".join(arguments)) == (ran.exit_code, name)
    assert is_hash(hashed)
    assert check_password_hash(hashed, "correct horse")
    assert "correct" not in ran.output


@pytest.mark.parametrize(
    ("arguments", "given", "expected"),
    [
        ([], "short\n", "the password should have 8 characters or more"),
        ([], "", "the password should have 8 characters or more"),
        (["a:b"], "correct horse\n", "the name may have no colon in it"),
        ([""], "correct horse\n", "the name may have no colon in it"),
    ],
)
def test_refuses_nonsense(arguments: list[str], given: str, expected: str) -> None:
    """A password that is soon guessed, and a name that the file cannot have."""
    ran = CliRunner().invoke(make_command(), arguments, input=given)
    assert 1 == ran.exit_code
    assert expected in ran.output
