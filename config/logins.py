"""Files of tokens and of users, as they are read.

Hashes are those of werkzeug.security: `scrypt:32768:8:1$salt$hash`, `pbkdf2:sha256:1000000$salt$hash`.
Source: https://werkzeug.palletsprojects.com/en/stable/utils/#module-werkzeug.security
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.base import SecretError
from config.content import read_small

LONGEST_NAME = 200
SHORTEST_TOKEN = 16

_HASH = re.compile(
    r"(?:scrypt:(?P<n>\d{1,8}):(?P<r>\d{1,3}):(?P<p>\d{1,3})|pbkdf2:sha(?:256|512)(?::(?P<rounds>\d{1,9}))?)"
    r"\$[A-Za-z0-9]{8,64}\$(?:[0-9a-f]{128}|[0-9a-f]{64})"
)
# 128 MiB and some tenths of a second: what is more is no password's hash, and would hold everybody up.
_MOST_SCRYPT = 2**17 * 8
_MOST_ROUNDS = 5_000_000


def read_tokens(file: Path) -> tuple[str, ...]:
    """The tokens of a file, one a line; what follows a # at a line's beginning is a remark.

    Raises:
        SecretError: it cannot be read, holds none, or one that is too short to be one.
    """
    found = []
    for number, line in _lines(file):
        if not is_token(line):
            raise SecretError(f"{file}: line {number}: is no token of {SHORTEST_TOKEN} ASCII characters or more")
        found.append(line)
    if not found:
        raise SecretError(f"{file}: is empty")
    return tuple(found)


def read_users(file: Path) -> Mapping[str, str]:
    """The users of a file, each with the hash of a password.

    Raises:
        SecretError: it cannot be read, holds none, or something that is none.
    """
    found: dict[str, str] = {}
    for number, line in _lines(file):
        name, _, hashed = line.partition(":")
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise SecretError(f"{file}: line {number}: should be name:hash")
        if name in found:
            raise SecretError(f"{file}: line {number}: has a name for the second time")
        if not is_hash(hashed):
            raise SecretError(f"{file}: line {number}: has no hash as `python app.py hash-password` makes one")
        found[name] = hashed
    if not found:
        raise SecretError(f"{file}: is empty")
    return found


def is_token(text: str) -> bool:
    """Whether it may be a bearer token that cannot be guessed."""
    return len(text) >= SHORTEST_TOKEN and text.isascii() and text.isprintable() and " " not in text


def is_hash(text: str) -> bool:
    """Whether it is a hash of a password that can be checked in good time."""
    match = _HASH.fullmatch(text)
    if match is None:
        return False
    if match["n"] is None:
        return 1 <= int(match["rounds"] or 1) <= _MOST_ROUNDS
    n, r, p = int(match["n"]), int(match["r"]), int(match["p"])
    # A power of two: RFC 7914, section 2.
    return n > 1 and n & (n - 1) == 0 and 1 <= p <= 16 and r >= 1 and n * r * p <= _MOST_SCRYPT


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        text = read_small(file).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise SecretError(f"{file}: {reason}") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()
