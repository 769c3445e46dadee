"""Connections that lead to a far side without any network, for tests of many notifications."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from outbound import Answer, Http
from tests.far_sides.http_server import HttpServer, Request


class InProcess(Http):
    """Hands each request to a far side's judgement and keeps the last body."""

    def __init__(self, far_side: HttpServer) -> None:
        """Takes a far side, which need not listen."""
        super().__init__()
        self.far_side = far_side
        self.body = b""

    def post(
        self,
        url: str,
        *,
        deadline_seconds: float,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Returns what the far side says to this one request."""
        assert isinstance(data, bytes)
        self.body = data
        request = Request("POST", urlsplit(url).path, CaseInsensitiveDict(headers or {}), data, 0.0)
        # Several may come at once, as they do over a network.
        with self.far_side.changed:
            answer = self.far_side.answer(request)
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)
