"""Bodies of requests: whole, or refused."""

from __future__ import annotations

from flask import Request
from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException, RequestEntityTooLarge

_CHUNK = 65_536
# A client that sends nothing for so long gives its thread back.
_SILENCE_SECONDS = 10.0


def whole_body(asked: Request, limit: int) -> bytes:
    """A request's body, chunked or not.

    Args:
        limit: in bytes.

    Raises:
        RequestEntityTooLarge: it is longer than the limit (Flask's own check cuts a chunked one off in silence).
        BadRequest: it broke off.
    """
    connection = asked.environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(_SILENCE_SECONDS)
    too_large = RequestEntityTooLarge(f"the body is longer than {limit} bytes (web.max_body)")
    if (asked.content_length or 0) > limit:
        _drain(asked, limit)
        raise too_large
    body = bytearray()
    try:
        while chunk := asked.stream.read(_CHUNK):
            body += chunk
            if len(body) > limit:
                _drain(asked, limit)
                raise too_large
    except ClientDisconnected:
        raise BadRequest("the body broke off: it is shorter than its Content-Length") from None
    except HTTPException:
        raise
    except Exception as broken:
        # The server's own errors, which have no class in common: broken off, or chunks that are none.
        raise BadRequest(f"the body cannot be read to its end ({type(broken).__name__})") from None
    if asked.content_length is not None and len(body) < asked.content_length:
        raise BadRequest("the body is shorter than its Content-Length")
    return bytes(body)


def _drain(asked: Request, limit: int) -> None:
    """Read on a while, unkept: a client that still writes would not see the answer when the connection closes."""
    try:
        for _ in range(4 * limit // _CHUNK + 16):
            if not asked.stream.read(_CHUNK):
                return
    except Exception:
        return
