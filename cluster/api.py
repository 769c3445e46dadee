"""One request to a cluster's API.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from cluster.identity import ClusterError, Identity
from outbound import Answer, Http, OutboundError, OutboundTimeout, OutboundUnsent

_STRUCK_OUT = b"***"


class Cluster:
    """A cluster's API server; connections are made when they are first needed.

    Args:
        identify: says where it is and who one is there; asked until it knows.
    """

    def __init__(self, identify: Callable[[], Identity]) -> None:
        self._identify = identify
        self._lock = threading.Lock()
        self._found: tuple[Identity, Http] | None = None

    def get(self, path: Sequence[str], query: Mapping[str, str], *, deadline_seconds: float, most_bytes: int) -> Answer:
        """Get something once and return the answer, whatever its status, with the token struck out of it.

        Args:
            path: its parts, "api", "v1" and so on; each is quoted.
            deadline_seconds: for the whole exchange.
            most_bytes: an answer that is longer is an error.

        Raises:
            ClusterError: no answer, or there is nobody to ask.
        """
        return self.send("GET", path, query, deadline_seconds=deadline_seconds, most_bytes=most_bytes)

    def send(
        self,
        method: str,
        path: Sequence[str],
        query: Mapping[str, str],
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        deadline_seconds: float,
        most_bytes: int,
    ) -> Answer:
        """Make a request once, and never again by itself; see `get`.

        Args:
            body: None for a request that has none.
            content_type: the body's; of a patch it says how it is to be understood.

        Raises:
            ClusterError: no answer, or there is nobody to ask; it says whether the request may have arrived.
        """
        identity, http = self._connected()
        token = identity.token()
        url = f"{identity.url}/{'/'.join(quote(part, safe='') for part in path)}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            answer = http.send(
                method,
                f"{url}?{urlencode(query)}" if query else url,
                data=body,
                headers=headers,
                deadline_seconds=deadline_seconds,
                most_bytes=most_bytes,
            )
        except OutboundError as error:
            timed_out = isinstance(error, OutboundTimeout)
            words = f"timed out after {round(deadline_seconds, 1):g}s" if timed_out else f"at {error}"
            raise ClusterError(words, sent=not isinstance(error, OutboundUnsent), status=error.status) from None
        return replace(answer, body=answer.body.replace(token.encode(), _STRUCK_OUT)) if token else answer

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._found is not None:
                self._found[1].close()
                self._found = None

    def _connected(self) -> tuple[Identity, Http]:
        with self._lock:
            if self._found is None:
                identity = self._identify()
                self._found = identity, Http(tls=identity.tls)
            return self._found
