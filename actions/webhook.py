"""Webhook: a group's state as Alertmanager posts it, with what was found, or as a payload of the user's own.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, PlainValidator, SecretStr, model_validator

from actions._base import json_bytes, post_json, secret, subject, title
from actions._payload import read, render
from actions._texts import Texts
from actions._url_secrets import secrets_of
from actions._webhook_body import body, truncated
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from config.base import SecretText, http_url, require_at_most_one, require_one
from config.http_config import HttpActionSettings
from outbound import Http
from templating import Template, TemplateError

_FAR_SIDE = "webhook"
_TEMPLATE = re.compile(r"\{[{%#]")


def _url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not _TEMPLATE.search(text):
        http_url(text)
        return value
    try:
        Template(text)
    except TemplateError:
        # What it says may hold a part of the URL.
        raise ValueError("is a template that cannot be read") from None
    return value


class Settings(HttpActionSettings):
    """An element of `webhook_configs`.

    Attributes:
        url: where it is posted to; it may be a template, and is never shown.
        max_alerts: the others are counted; 0 is all.
        payload: instead of Alertmanager's body.
        secret: what the body is signed with.
    """

    url: Annotated[SecretStr, AfterValidator(_url)] | None = None
    url_file: Path | None = None
    max_alerts: int = Field(default=0, ge=0)
    payload: Annotated[Any, PlainValidator(read)] = None
    secret: SecretText | None = None
    secret_file: Path | None = None

    shows_images: ClassVar[bool] = True
    example: ClassVar[Mapping[str, Any]] = {"url": "https://hooks.example.com/alerts"}

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        require_one(self, "url", "url_file")
        require_at_most_one(self, "secret", "secret_file")
        return self


class Action:
    """Posts a body."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Post one body; any 2xx means that it was taken."""
        notification = truncated(notification, self._settings.max_alerts)
        texts = Texts(notification)
        url = self._url(texts)
        signed_with = self._secret()
        content = json_bytes(self._document(notification, texts))
        headers = {"Idempotency-Key": notification.delivery_key, **_signature(content, signed_with)}
        answer = post_json(
            self._http,
            url,
            content,
            deadline_seconds=self._settings.within(deadline_seconds),
            secrets=[*secrets_of(url), signed_with],
            far_side=_FAR_SIDE,
            headers=headers,
        )
        return Receipt(f"posted, status {answer.status}", thread, tuple(texts.errors))

    def preview(self, notification: Notification) -> Preview:
        """The body."""
        notification = truncated(notification, self._settings.max_alerts)
        texts = Texts(notification)
        return Preview(self._document(notification, texts), tuple(texts.errors))

    def _document(self, notification: Notification, texts: Texts) -> Any:
        if self._settings.payload is None:
            return body(notification)
        return render(self._settings.payload, texts, _plainly(notification))

    def _url(self, texts: Texts) -> str:
        text = secret(self._settings.url, self._settings.url_file)
        if not _TEMPLATE.search(text):
            return text
        failed = len(texts.errors)
        try:
            rendered = texts.render(Template(text), "", "url").strip()
        except TemplateError:
            raise SendError(f"{_FAR_SIDE}: its URL is a template that cannot be read", permanent=True) from None
        if len(texts.errors) > failed:
            raise SendError(f"{_FAR_SIDE}: its URL's template failed", permanent=True)
        return rendered

    def _secret(self) -> str:
        settings = self._settings
        if settings.secret is None and settings.secret_file is None:
            return ""
        return secret(settings.secret, settings.secret_file)


def _plainly(notification: Notification) -> str:
    """What stands in for a text of the user's that fails."""
    group = notification.group
    about = subject(group.alerts[0]) if len(group.alerts) == 1 else ""
    return " ".join(filter(None, (title(notification), about)))


def _signature(content: bytes, signed_with: str) -> dict[str, str]:
    """When it was signed, and the HMAC-SHA256 of that, a dot, and the body: whoever checks both is not told twice."""
    if not signed_with:
        return {}
    timestamp = str(int(time.time()))
    digest = hmac.new(signed_with.encode(), f"{timestamp}.".encode() + content, hashlib.sha256).hexdigest()
    return {"X-Signature-Timestamp": timestamp, "X-Signature": f"sha256={digest}"}
