"""Passwords against their hashes, which are slow to check: seldom, a few at once, and slower for who guesses."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from werkzeug.security import check_password_hash

_WRONG_SECONDS = 300.0
# From when it was last given: Alertmanager, which may be silent for hours, is to be heard while somebody guesses.
_RIGHT_SECONDS = 86_400.0
_MOST_REMEMBERED = 1_000
# Each takes a tenth of a second of a CPU and 32 MiB.
_HASHED_AT_ONCE = 2
_PATIENCE_SECONDS = 1.0
# One that nobody has the password of, so that an unknown name takes as long as a known one.
_NOBODYS = f"scrypt:32768:8:1${'0' * 16}${'0' * 128}"


class Slowed(Exception):
    """Nothing is checked just now: too much failed.

    Args:
        seconds: when to come again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("too many log-ins have failed; come again later")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Penalties:
    """Which waits follow failures.

    Attributes:
        free: so many cost nothing.
        longest_seconds: no wait is longer.
        forgotten_seconds: after so long without another they are forgotten.
    """

    free: int
    longest_seconds: float = 60.0
    forgotten_seconds: float = 600.0

    def seconds(self, failures: int) -> float:
        """How long to wait after the last of so many."""
        over = failures - self.free
        return 0.0 if over < 0 else min(self.longest_seconds, 2.0 ** min(over, 16))


class Failures:
    """How often log-ins failed of late, by whatever they are counted by; only so many are remembered.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, penalties: Penalties, clock: Callable[[], float], most: int = 10_000) -> None:
        self._penalties = penalties
        self._clock = clock
        self._most = most
        self._of: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, key: str) -> float:
        """How long nothing is checked yet."""
        with self._lock:
            count, at = self._of.get(key, (0, 0.0))
        return max(0.0, self._penalties.seconds(count) - (self._clock() - at)) if count else 0.0

    def add(self, key: str) -> None:
        """Count one."""
        now = self._clock()
        with self._lock:
            count, at = self._of.pop(key, (0, now))
            self._of[key] = (1 if now - at > self._penalties.forgotten_seconds else count + 1, now)
            while len(self._of) > self._most:
                self._of.popitem(last=False)

    def forget(self, key: str) -> None:
        """It succeeded."""
        with self._lock:
            self._of.pop(key, None)


class Passwords:
    """Checks passwords: of what was checked a while ago the outcome is remembered, by a hash that is keyed.

    Args:
        clock: seconds that never go back.
        check: whether a hash is of a password.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        check: Callable[[str, str], bool] = check_password_hash,
    ) -> None:
        self._clock = clock
        self._check = check
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[bool, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._hashing = threading.BoundedSemaphore(_HASHED_AT_ONCE)
        # One who guesses at a name is slowed soon, one who tries many names a while later.
        self._of_names = Failures(Penalties(free=5), clock)
        self._of_peers = Failures(Penalties(free=30), clock)

    def right(self, hashes: Sequence[str], name: str, password: str, peer: str) -> str | None:
        """Which of a user's hashes is of a password; None where none is.

        Args:
            hashes: none of a user that there is not.
            peer: from where it comes; a proxy's, perhaps, which is all alike.

        Raises:
            Slowed: that is not looked at now.
        """
        known = {hashed: self._remembered(self._digest(hashed, name, password)) for hashed in hashes}
        for hashed, right in known.items():
            if right:
                # Who is in may stay, whoever else guesses.
                self._remember(self._digest(hashed, name, password), True)
                return hashed
        who = f"{peer} {name}"
        wait = max(self._of_names.wait_seconds(who), self._of_peers.wait_seconds(peer))
        if wait:
            raise Slowed(wait)
        for hashed in hashes or (_NOBODYS,):
            if known.get(hashed) is None and self._hashed(hashed, name, password):
                self._of_names.forget(who)
                return hashed
        self._of_names.add(who)
        self._of_peers.add(peer)
        return None

    def _digest(self, hashed: str, name: str, password: str) -> bytes:
        lot = f"{len(hashed)}:{hashed}{len(name)}:{name}{password}".encode(errors="surrogatepass")
        return hmac.new(self._key, lot, hashlib.sha256).digest()

    def _hashed(self, hashed: str, name: str, password: str) -> bool:
        if not self._hashing.acquire(timeout=_PATIENCE_SECONDS):
            raise Slowed(1.0)
        try:
            right = self._check(hashed, password)
        finally:
            self._hashing.release()
        self._remember(self._digest(hashed, name, password), right)
        return right

    def _remembered(self, key: bytes) -> bool | None:
        with self._lock:
            right, until = self._known.get(key, (None, 0.0))
        return right if until > self._clock() else None

    def _remember(self, key: bytes, right: bool) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = (right, self._clock() + (_RIGHT_SECONDS if right else _WRONG_SECONDS))
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
