"""Pictures fetched from this service's own URLs, for far sides that are handed the picture and not its URL."""

from __future__ import annotations

import time
from collections.abc import Iterable

from alerts.notification import Image
from outbound import Http, OutboundError

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_BYTES = 1_000_000
# Of the time for a message, at most so much of it and so long is for its pictures.
_SHARE, _SECONDS = 0.25, 2.5


def fetched(http: Http, images: Iterable[Image], deadline_seconds: float) -> list[tuple[Image, bytes]]:
    """Those that can be had soon, as PNGs: a message is not held up for them, nor lost.

    Args:
        deadline_seconds: for the whole message.
    """
    deadline = time.monotonic() + min(_SECONDS, deadline_seconds * _SHARE)
    found = []
    for image in images:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            answer = http.get(image.src, deadline_seconds=left, most_bytes=_MAX_BYTES)
        except OutboundError:
            continue
        if answer.status == 200 and answer.body.startswith(_PNG):
            found.append((image, answer.body))
    return found
