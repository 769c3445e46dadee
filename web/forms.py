"""What a page's form brings back, so that it is known to be one of ours that this person was shown.

A log-in comes with each request by itself, whoever's page makes the browser ask; so it is not enough.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

FIELD = "form_token"


class Forms:
    """Makes and checks the tokens of forms.

    Args:
        key: what all processes share; None where they share nothing.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    @property
    def work(self) -> bool:
        """Whether there can be any."""
        return self._key is not None

    def token(self, who: str, now: datetime) -> str:
        """A person's, for today and tomorrow."""
        if self._key is None:
            return ""
        signed = f"{now:%Y-%m-%d}\0{who}".encode(errors="surrogatepass")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()

    def is_good(self, given: str, who: str, now: datetime) -> bool:
        """Whether that person was shown the form, today or yesterday."""
        wanted = [self.token(who, now - timedelta(days=days)) for days in (0, 1)]
        same = [hmac.compare_digest(given.encode(errors="replace"), each.encode()) for each in wanted]
        return self.work and any(same)
