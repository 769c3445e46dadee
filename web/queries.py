"""What stands behind the ? of a request."""

from __future__ import annotations

from flask import Request
from werkzeug.exceptions import BadRequest

LARGEST_ID = 2**63 - 1


def number(asked: Request, name: str, most: int) -> int | None:
    """A whole number from 1 on; None where it is not there.

    Raises:
        BadRequest: it is none.
    """
    text = asked.args.get(name)
    if text is None:
        return None
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 1 <= found <= most:
        raise BadRequest(f"{name}: {text[:100]!r} is no whole number from 1 to {most}")
    return found
