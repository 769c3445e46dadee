"""Slack, through an incoming webhook or as an app: one message for each state of a group.

Source: https://api.slack.com/messaging/webhooks and https://api.slack.com/methods/chat.postMessage
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

from actions._base import post_json, secret
from actions._slack_answer import FAR_SIDE, check
from actions._slack_message import message
from actions._slack_settings import Button, Field, MessageSettings
from alerts.notification import Notification, Receipt, SendError, Thread
from config.base import HttpUrl, PaceSettings, SecretText, SecretUrl, require_one
from config.http_config import HttpActionSettings
from outbound import Http

__all__ = ["Action", "Button", "Field", "Settings"]

_WAYS = ("api_url", "api_url_file", "app_token", "app_token_file")


class Settings(HttpActionSettings, MessageSettings):
    """An element of `slack_configs`.

    Attributes:
        api_url: of an incoming webhook.
        app_token: of an app, which posts to `app_url` into `channel`.
        channel: only webhooks of the old kind obey it.
        update_message: taken, and of no effect yet.
    """

    send_resolved: bool = False
    pace: PaceSettings | None = PaceSettings(rate=1.0)
    api_url: SecretUrl | None = None
    api_url_file: Path | None = None
    app_token: SecretText | None = None
    app_token_file: Path | None = None
    app_url: HttpUrl = "https://slack.com/api/chat.postMessage"
    update_message: bool = False

    digestible: ClassVar[bool] = True
    ineffective: ClassVar[Mapping[str, str]] = {
        "update_message": "has no effect: each change of a group is a message of its own"
    }
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
        return self

    def doubts(self) -> Any:
        """What is set and may not be what was meant: each key, and why."""
        return ((key, why) for key, why in super().doubts() if key != "update_message" or self.update_message)


class Action:
    """Posts a message."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Post one message."""
        settings = self._settings
        by_token = settings.app_token is not None or settings.app_token_file is not None
        if by_token:
            token = secret(settings.app_token, settings.app_token_file)
            url, headers, secrets = settings.app_url, {"Authorization": f"Bearer {token}"}, [token]
        else:
            url, headers = secret(settings.api_url, settings.api_url_file), {}
            # The path is what makes the URL a secret; a far side may send back either.
            secrets = [url, url.partition("://")[2].partition("/")[2], url.rstrip("/").rpartition("/")[2]]
        document, errors = message(notification, settings)
        if by_token and "channel" not in document:
            failed = next((each for each in errors if each.startswith("channel: ")), "channel: is empty")
            raise SendError(f"{FAR_SIDE}: {failed}"[:300], permanent=True)
        answer = post_json(
            self._http,
            url,
            document,
            deadline_seconds=settings.within(deadline_seconds),
            secrets=secrets,
            far_side=FAR_SIDE,
            headers=headers,
        )
        check(answer, secrets, web_api=by_token)
        return Receipt("posted", thread, errors)

    def preview(self, notification: Notification) -> Any:
        """The message."""
        return message(notification, self._settings)[0]
