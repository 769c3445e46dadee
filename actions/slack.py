"""Slack, through an incoming webhook: one message for each state of a group; as an app: one message for a group's life.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage and .../chat.update
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

from actions import _slack_controls
from actions._base import post_json, secret
from actions._email_keys import is_template
from actions._slack_answer import FAR_SIDE, check
from actions._slack_live import edited, reply, share, tell_state
from actions._slack_message import message
from actions._slack_place import Place
from actions._slack_posting import Sizes, detail, send_what_fits
from actions._slack_settings import Button, Field, MessageSettings
from actions._slack_web import Workspace
from alerts.model import group_id
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from config.base import HttpUrl, PaceSettings, SecretText, SecretUrl, require_one
from config.http_config import HttpActionSettings
from outbound import Http

__all__ = ["Action", "Button", "Field", "Settings"]

# For a request that is made though the time is up: it says so.
_LEAST_SECONDS = 0.05
_WAYS = ("api_url", "api_url_file", "app_token", "app_token_file")


class Settings(HttpActionSettings, MessageSettings):
    """An element of `slack_configs`.

    Attributes:
        api_url: of an incoming webhook.
        app_token: of an app, which posts to `app_url` into `channel`.
        channel: only webhooks of the old kind obey it.
        update_message: an app keeps one message a group, edits it, and tells below it what happens; false posts a
            message for each change, as a webhook does.
        send_resolved: true for a message that is kept, unless set: it would go on saying that something fires.
    """

    send_resolved: bool = False
    pace: PaceSettings | None = PaceSettings(rate=1.0)
    api_url: SecretUrl | None = None
    api_url_file: Path | None = None
    app_token: SecretText | None = None
    app_token_file: Path | None = None
    app_url: HttpUrl = "https://slack.com/api/chat.postMessage"
    update_message: bool = True

    digestible: ClassVar[bool] = True
    shows_images: ClassVar[bool] = True
    from_global: ClassVar[Mapping[str, str]] = {
        "app_token": "slack_app_token",
        "app_token_file": "slack_app_token_file",
        "app_url": "slack_app_url",
        "api_url": "slack_api_url",
        "api_url_file": "slack_api_url_file",
        **HttpActionSettings.from_global,
    }
    from_environment: ClassVar[Mapping[str, str]] = {"api_url": "SLACK_WEBHOOK_URL"}
    example: ClassVar[Mapping[str, Any]] = {"api_url": "https://hooks.slack.com/services/T000/B000/XXXX"}

    @classmethod
    def takes_default(cls, key: str, given: Mapping[str, Any]) -> bool:
        """Whether a key may be filled in: one way is enough, and who is somebody already needs no token."""
        if key not in _WAYS:
            return super().takes_default(key, given)
        client = given.get("http_config")
        known = isinstance(client, dict) and client.get("authorization") is not None
        return all(given.get(way) is None for way in _WAYS) and not (known and key.startswith("app_token"))

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        require_one(self, *_WAYS)
        if self.app_token is None and self.app_token_file is None:
            return self
        if self.channel is None or not self.channel.source.strip():
            raise ValueError("needs a channel, for an app_token says of none")
        if self.http_config and (self.http_config.authorization or self.http_config.basic_auth):
            raise ValueError("has both an app_token and an http_config that says who one is")
        if self.update_message and "send_resolved" not in self.model_fields_set:
            object.__setattr__(self, "send_resolved", True)
        return self

    @property
    def by_token(self) -> bool:
        """Whether it is an app that posts."""
        return self.app_token is not None or self.app_token_file is not None

    @property
    def in_digests(self) -> bool:
        """Whether all groups go to one channel."""
        return self.channel is None or not is_template(self.channel.source)

    @property
    def timeline(self) -> bool:
        """Whether one message is kept for a group's life; of what ends unheard, it would never be over."""
        return self.by_token and self.update_message and self.send_resolved

    def doubts(self) -> Iterator[tuple[str, str]]:
        """What is set and may not be what was meant: each key, and why."""
        yield from super().doubts()
        if not self.update_message or "update_message" not in self.model_fields_set:
            return
        if not self.by_token:
            yield "update_message", "has no effect without an app_token: a webhook cannot edit what it posted"
        elif not self.send_resolved:
            yield "update_message", "has no effect with send_resolved: false: the message would never be over"


class Action:
    """Posts a message, and as an app keeps one message a group: edits it, and answers below it."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._sizes = Sizes()

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Make one change to what is seen in the channel."""
        settings = self._settings
        deadline_seconds = settings.within(deadline_seconds)
        if not settings.by_token:
            return self._to_webhook(notification, thread, deadline_seconds)
        workspace = self._workspace(notification, deadline_seconds)
        if notification.entries:
            return self._beside(workspace, notification, thread)
        return self._state(workspace, notification, thread)

    def preview(self, notification: Notification) -> Preview:
        """The message."""
        controls = _controls(notification) if self._settings.timeline else ()
        return Preview(*message(notification, self._settings, controls=controls))

    def _to_webhook(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        url = secret(self._settings.api_url, self._settings.api_url_file)
        # The path is what makes the URL a secret; a far side may send back either.
        secrets = [url, url.partition("://")[2].partition("/")[2], url.rstrip("/").rpartition("/")[2]]
        document, errors = message(notification, self._settings, thread=thread)
        ends = time.monotonic() + deadline_seconds

        def send(size: Mapping[str, Any]) -> Mapping[str, Any]:
            left = max(_LEAST_SECONDS, ends - time.monotonic())
            answer = post_json(self._http, url, size, deadline_seconds=left, secrets=secrets, far_side=FAR_SIDE)
            return check(answer, secrets, web_api=False)

        _, said = send_what_fits(document, send, self._sizes, notification.delivery_key)
        return Receipt(detail("posted", said), thread, errors)

    def _workspace(self, notification: Notification, deadline_seconds: float) -> Workspace:
        token = secret(self._settings.app_token, self._settings.app_token_file)
        key = notification.delivery_key
        return Workspace(self._http, self._settings.app_url, token, deadline_seconds, self._sizes, key)

    def _state(self, workspace: Workspace, notification: Notification, thread: Thread) -> Receipt:
        live = self._settings.timeline and not notification.digest
        document, errors = self._message(notification) if live else message(notification, self._settings, thread=thread)
        if "channel" not in document:
            failed = next((each for each in errors if each.startswith("channel: ")), "channel: is empty")
            raise SendError(f"{FAR_SIDE}: {failed}"[:300], permanent=True)
        if not live:
            workspace.post(document)
            return Receipt(detail("posted", workspace.refused), thread, errors)
        return replace(tell_state(workspace, document, notification, thread), template_errors=errors)

    def _beside(self, workspace: Workspace, notification: Notification, thread: Thread) -> Receipt:
        # What is open by a digest has no message yet.
        place = None if thread.digested else Place.read(thread.key)
        # What changed of a message that was over, or lost, would be wrong below the one that came after it.
        entries = [entry for entry in notification.entries if entry.below in ("", thread.key)]
        if not entries:
            return Receipt("not told: the message that it is about is not the group's any more", thread)
        if any(entry.kind == "refresh" for entry in entries):
            return Receipt(
                self._refreshed(workspace, notification, place if thread.open_fingerprints else None), thread
            )
        if any(entry.kind == "picture" for entry in entries):
            return Receipt(share(workspace, self._http, notification.images, place), thread)
        if place is None and not any(entry.loud for entry in entries):
            return Receipt("not told: there is no message that it would be below", thread)
        channel = "" if place else str(message(notification, self._settings)[0].get("channel", ""))
        return Receipt(reply(workspace, entries, place, channel), thread)

    def _refreshed(self, workspace: Workspace, notification: Notification, place: Place | None) -> str:
        if place is None:
            return "not shown: there is no message"
        document, _ = self._message(replace(notification, entries=()))
        return "edited" if edited(workspace, place, document) else "not shown: the message is gone"

    def _message(self, notification: Notification) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The message that is kept.

        Its pictures are put below it: those need no URL that Slack could reach.
        """
        shown = replace(notification, images=())
        return message(shown, self._settings, controls=_controls(shown))


def _controls(notification: Notification) -> Sequence[dict[str, Any]]:
    """What may be done about it, while it fires."""
    if "acknowledge" not in notification.controls or not notification.group.firing:
        return ()
    return _slack_controls.controls(
        group_id(notification.group.group_key),
        silences="silence" in notification.controls,
        taken=notification.acknowledged is not None,
    )
