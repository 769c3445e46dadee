"""One request to a cluster's API.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from cluster.identity import ClusterError, Identity
from outbound import Answer, Http, OutboundError, OutboundTimeout

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
        identity, http = self._connected()
        token = identity.token()
        url = f"{identity.url}/{'/'.join(quote(part, safe='') for part in path)}"
        try:
            answer = http.get(
                f"{url}?{urlencode(query)}" if query else url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                deadline_seconds=deadline_seconds,
                most_bytes=most_bytes,
            )
        except OutboundTimeout:
            raise ClusterError(f"timed out after {round(deadline_seconds, 1):g}s") from None
        except OutboundError as error:
            raise ClusterError(f"at {error}") from None
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
