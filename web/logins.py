"""Who somebody is by the credentials that come with a request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from werkzeug.datastructures import Authorization

from config.access import CredentialSettings
from config.base import SecretError
from config.logins import LONGEST_NAME, read_tokens, read_users
from web.passwords import Passwords

_Read = TypeVar("_Read")

_LONGEST_PASSWORD = 1_000


class Kept(Generic[_Read]):
    """What stands in files, read again where one is another by now."""

    def __init__(self, read: Callable[[Path], _Read]) -> None:
        self._read = read
        self._of: dict[Path, tuple[tuple[int, ...], _Read]] = {}

    def get(self, file: Path) -> _Read:
        """What stands there.

        Raises:
            SecretError: it cannot be read.
        """
        try:
            found = file.stat()
        except (OSError, ValueError) as error:
            raise SecretError(f"{file}: {getattr(error, 'strerror', None) or 'is no file name'}") from None
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known = self._of.get(file)
        if known is not None and known[0] == state:
            return known[1]
        read = self._read(file)
        self._of[file] = (state, read)
        return read


class Logins:
    """Who somebody is, by credentials of one kind or the other."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._tokens: Kept[tuple[str, ...]] = Kept(read_tokens)
        self._users: Kept[Mapping[str, str]] = Kept(read_users)

    def find(
        self, kinds: Sequence[CredentialSettings], given: Authorization | None, peer: str
    ) -> tuple[str, CredentialSettings] | None:
        """Who it is, and by which of several kinds of credentials; None where it is nobody.

        Returns:
            A user's name, or a word for a token.

        Raises:
            SecretError: that cannot be known just now.
            Slowed: that is not looked at now.
        """
        if given is None:
            return None
        if given.type == "bearer" and given.token:
            of = [each for each in kinds if _among(given.token, self._all_tokens(each))]
            return (token_name(given.token), of[0]) if of else None
        name, password = given.username or "", given.password or ""
        if given.type != "basic" or not name or len(name) > LONGEST_NAME or len(password) > _LONGEST_PASSWORD:
            return None
        if not _is_text(name + password):
            return None
        files = [(each, self._users.get(each.users_file)) for each in kinds if each.users_file is not None]
        hashes = {users[name]: each for each, users in reversed(files) if name in users}
        right = self._passwords.right(tuple(hashes), name, password, peer) if files else None
        return (name, hashes[right]) if right in hashes else None

    def _all_tokens(self, settings: CredentialSettings) -> tuple[str, ...]:
        if settings.tokens_file is not None:
            return self._tokens.get(settings.tokens_file)
        return tuple(each.get_secret_value() for each in settings.tokens)


def token_name(token: str) -> str:
    """What a token is called where it is said who did something: nobody finds the token by it.

    No user has such a name: in theirs there is no colon.
    """
    return f"token:{hashlib.sha256(b'alert-manager token ' + token.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _is_text(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _among(token: str, tokens: tuple[str, ...]) -> bool:
    given = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
    # All of them, whichever it is: how long it takes says nothing.
    same = [hmac.compare_digest(given, hashlib.sha256(each.encode()).digest()) for each in tokens]
    return any(same)
