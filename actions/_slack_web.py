"""Slack's Web API: one method called with a token, and what its answer means.

Source: https://docs.slack.dev/apis/web-api
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from actions._base import post_json
from actions._slack_answer import FAR_SIDE, check
from actions._slack_posting import Sizes, send_what_fits
from alerts.notification import SendError
from outbound import Http, OutboundError


class Workspace:
    """Calls methods, all of them within one deadline.

    Args:
        url: of any of its methods; the others are beside it.
        token: an app's.
        sizes: what is known of earlier attempts to tell what is told.
        key: its key there.

    Attributes:
        refused: what Slack said to the whole of a message of which it took a part; "" where there was none.
    """

    def __init__(
        self, http: Http, url: str, token: str, deadline_seconds: float, sizes: Sizes | None = None, key: str = ""
    ) -> None:
        self._http = http
        self._base = url.rpartition("/")[0]
        self._url = url
        self._secrets = [token]
        self._headers = {"Authorization": f"Bearer {token}"}
        self._deadline = time.monotonic() + deadline_seconds
        self._sizes = sizes or Sizes()
        self._key = key
        self.refused = ""

    @property
    def left_seconds(self) -> float:
        """How much of the deadline is left; never nothing, for a request needs some."""
        return max(0.05, self._deadline - time.monotonic())

    def post(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post a message, or as much of it as Slack takes: `chat.postMessage`, or whatever the URL calls.

        Raises:
            SendError: it was not taken, or may not have been.
        """
        return self._fitting(self._url, document, existing="thread_ts" in document)

    def update(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put another message, or as much of it as Slack takes, in the place of one.

        Raises:
            SendError: it was not taken, or may not have been.
        """
        # An edit that does not say is read otherwise than a post that does not: as a person's message would be.
        return self._fitting(f"{self._base}/chat.update", {**document, "parse": "none"}, existing=True)

    def _fitting(self, url: str, document: Mapping[str, Any], *, existing: bool) -> Mapping[str, Any]:
        answer, self.refused = send_what_fits(
            document, lambda each: self._call(url, each), self._sizes, self._key, existing=existing
        )
        return answer

    def call(self, method: str, document: Any) -> Mapping[str, Any]:
        """Call another method.

        Raises:
            SendError: it was not done, or may not have been.
        """
        return self._call(f"{self._base}/{method}", document)

    def share(self, files: Sequence[tuple[str, bytes]], where: Mapping[str, str]) -> None:
        """Upload pictures and show them together: nobody sees any of it before the last of its calls.

        Args:
            files: titles, and PNGs.
            where: the channel and the thread.

        Raises:
            SendError: they are not shown.

        Source: https://docs.slack.dev/messaging/working-with-files#upload
        """
        made = []
        for at, (title, png) in enumerate(files):
            place = self._form("files.getUploadURLExternal", {"filename": f"reading-{at}.png", "length": str(len(png))})
            url, file_id = place.get("upload_url"), place.get("file_id")
            if not isinstance(url, str) or not isinstance(file_id, str):
                raise SendError(f"{FAR_SIDE}: files.getUploadURLExternal named no place")
            self._put(url, png)
            made.append({"id": file_id, "title": title})
        self.call("files.completeUploadExternal", {"files": made, **where})

    def _put(self, url: str, png: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        try:
            answer = self._http.post(url, data=png, headers=headers, deadline_seconds=self.left_seconds)
        except OutboundError as error:
            raise SendError(f"{FAR_SIDE}: a picture was not uploaded: {error}") from None
        if not 200 <= answer.status < 300:
            raise SendError(f"{FAR_SIDE}: a picture was not uploaded: status {answer.status}")

    def _form(self, method: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
        """Of the methods that do so in older workspaces, too: some took no JSON for years."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._call(f"{self._base}/{method}", urlencode(fields).encode(), headers)

    def _call(self, url: str, document: Any, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        answer = post_json(
            self._http,
            url,
            document,
            deadline_seconds=self.left_seconds,
            secrets=self._secrets,
            far_side=FAR_SIDE,
            headers={**self._headers, **(headers or {})},
        )
        return check(answer, self._secrets, web_api=True)
