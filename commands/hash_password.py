"""`python app.py hash-password`: a password as `users_file` has it."""

from __future__ import annotations

import sys

import click
from werkzeug.security import generate_password_hash

_SHORTEST = 8


def make_command() -> click.Command:
    """The command."""

    @click.command("hash-password")
    @click.argument("name", required=False)
    def hash_password(name: str | None) -> None:
        """Ask for a password and print its hash, as a line of a users_file if NAME is given.

        A password that is piped in is read from standard input.
        """
        if name is not None and (":" in name or not name.isprintable() or name != name.strip() or not name):
            raise click.ClickException("the name may have no colon in it, and nothing that cannot be seen")
        if sys.stdin.isatty():
            password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
        else:
            password = sys.stdin.readline().rstrip("\r\n")
        if not _SHORTEST <= len(password) <= 1_000:
            raise click.ClickException(f"the password should have {_SHORTEST} characters or more")
        hashed = generate_password_hash(password)
        click.echo(f"{name}:{hashed}" if name else hashed)

    return hash_password
