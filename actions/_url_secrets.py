"""What of a URL must not be told: any of it may be a token."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, unquote, urlsplit

# A part of a URL that is shorter is a word, such as "alerts", and no secret.
_SHORTEST_SECRET = 8


def secrets_of(url: str) -> list[str]:
    """The URL and its parts, the longest first."""
    try:
        parts = urlsplit(url)
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    except ValueError:
        return [url]
    path = url.partition("://")[2].partition("/")[2]
    words = [path, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)), parts.password or ""]
    words += [base64.b64encode(pair.encode()).decode()] if parts.password else []
    told = sorted((each for each in words if len(each) >= _SHORTEST_SECRET), key=len, reverse=True)
    return [url, *told]
