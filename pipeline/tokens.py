"""What stands in a picture's URL: all that is to be drawn, signed, so that nobody can ask for anything else.

It holds no secret, and needs no row: it is good as long as what is told is kept, wherever it was sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import zlib
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr

from alerts.picture import Picture
from config.base import SecretError, read_secret

# Of a URL that far sides and browsers take, and our own server (4094 bytes in the request's first line).
_LONGEST = 2_500
_SHORTEST_KEY = 32
_NAMES = tuple(field.name for field in fields(Picture))
_MOMENTS = frozenset(("at", "began_at"))
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class NoKey(Exception):
    """There is nothing to sign with, for this reason."""


class Signer:
    """Writes and reads tokens.

    Args:
        key: the same in all processes of the service, and after a restart.
        lasts: for how long a picture may be asked for, since its last moment.
    """

    def __init__(self, key: bytes, lasts: timedelta) -> None:
        self._key = key
        self._lasts = lasts
        # The page asks for hundreds, again and again for the same.
        self._tokens = lru_cache(maxsize=1_000)(self._made)

    def token(self, picture: Picture) -> str:
        """The picture's, always the same; "" where it would be too long for a URL."""
        return self._tokens(picture)

    def _made(self, picture: Picture) -> str:
        values = [_written(getattr(picture, name)) for name in _NAMES]
        body = zlib.compress(json.dumps(values, separators=(",", ":")).encode(), 9)
        text = base64.urlsafe_b64encode(self._signature(body) + body).decode().rstrip("=")
        return text if len(text) <= _LONGEST else ""

    def picture(self, token: str, now: datetime) -> Picture | None:
        """What a token stands for; None where it is not ours, or not good any more."""
        signed = _bytes(token)
        signature, body = signed[: hashlib.sha256().digest_size], signed[hashlib.sha256().digest_size :]
        if not body or not hmac.compare_digest(signature, self._signature(body)):
            return None
        try:
            values = dict(zip(_NAMES, json.loads(zlib.decompress(body)), strict=True))
            values |= {name: _EPOCH + values[name] * _MICROSECOND for name in _MOMENTS}
            picture = Picture(**values)
        except (ValueError, TypeError, OverflowError, zlib.error):
            # Another version's.
            return None
        return picture if now <= self.ends_at(picture) else None

    def key_for(self, purpose: str) -> bytes:
        """A key for something else, of which nothing follows for pictures."""
        return hmac.new(self._key, f"alert-manager {purpose}\0".encode(), hashlib.sha256).digest()

    def ends_at(self, picture: Picture) -> datetime:
        """Until when its token is good."""
        return picture.at + self._lasts

    def _signature(self, body: bytes) -> bytes:
        return hmac.new(self._key, b"alert-manager picture\0" + body, hashlib.sha256).digest()


def _written(value: object) -> object:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value


def _bytes(token: str) -> bytes:
    """What a token holds; nothing where it is none that we would write."""
    if len(token) > _LONGEST or not token.isascii():
        return b""
    try:
        found = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    # The last letter may have bits that mean nothing.
    return found if base64.urlsafe_b64encode(found).decode().rstrip("=") == token else b""


def find_key(value: SecretStr | None, file: Path | None, beside: Path | None) -> bytes:
    """What to sign with.

    Args:
        value: the setting, or
        file: its file; where neither is set,
        beside: the file in which a random one is kept, made where it is not there; None where processes share no file.

    Raises:
        NoKey: there is none.
    """
    try:
        if value is not None or file is not None:
            key = read_secret(value, file)
        elif beside is None:
            raise NoKey("web.charts_key is not set, which all replicas must share")
        else:
            key = _kept(beside)
    except SecretError as error:
        raise NoKey(str(error)) from None
    except OSError as error:
        raise NoKey(f"{beside}: {error.strerror}") from None
    if len(key) < _SHORTEST_KEY:
        raise NoKey(f"{file or beside}: is shorter than {_SHORTEST_KEY} characters")
    return key.encode()


def _kept(path: Path) -> str:
    """A key of our own, made once: of several processes that begin together each has that of the first."""
    if not path.exists():
        # Readable for nobody else from its first moment, and there only once it is whole.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        made = Path(name)
        try:
            with os.fdopen(descriptor, "w") as written:
                written.write(secrets.token_hex(32))
                written.flush()
                os.fsync(descriptor)
            path.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return read_secret(None, path)
