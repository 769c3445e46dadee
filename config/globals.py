"""`global`: what stands in where a receiver's action says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import model_validator

from config.base import DurationSeconds, HttpUrl, SecretText, SecretUrl, Settings, require_at_most_one
from config.foreign import GLOBAL
from config.http import TlsConfig
from config.http_config import HttpConfig
from config.smtp import Hello, Smarthost

SLACK_APP_URL = "https://slack.com/api/chat.postMessage"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


class GlobalSettings(Settings):
    """Defaults for the receivers.

    Attributes:
        resolve_timeout: taken, and of no effect: what it is for is `delivery.stale_after` here.
    """

    http_config: HttpConfig | None = None
    slack_api_url: SecretUrl | None = None
    slack_api_url_file: Path | None = None
    slack_app_token: SecretText | None = None
    slack_app_token_file: Path | None = None
    slack_app_url: HttpUrl = SLACK_APP_URL
    pagerduty_url: HttpUrl = PAGERDUTY_URL
    smtp_from: str | None = None
    smtp_smarthost: Smarthost | None = None
    smtp_hello: Hello | None = None
    smtp_auth_username: str | None = None
    smtp_auth_password: SecretText | None = None
    smtp_auth_password_file: Path | None = None
    smtp_auth_secret: SecretText | None = None
    smtp_auth_secret_file: Path | None = None
    smtp_auth_identity: str | None = None
    smtp_require_tls: bool = True
    smtp_tls_config: TlsConfig | None = None
    smtp_force_implicit_tls: bool | None = None
    resolve_timeout: DurationSeconds | None = None

    refused: ClassVar[Mapping[str, str]] = GLOBAL
    ineffective: ClassVar[Mapping[str, str]] = {
        "resolve_timeout": "has no effect: it is for alerts that come to Alertmanager without an end;"
        " one that is not heard of any more ends here after delivery.stale_after",
    }

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        require_at_most_one(self, "slack_api_url", "slack_api_url_file")
        require_at_most_one(self, "slack_app_token", "slack_app_token_file")
        require_at_most_one(self, "smtp_auth_password", "smtp_auth_password_file")
        require_at_most_one(self, "smtp_auth_secret", "smtp_auth_secret_file")
        # It was written into both before Alertmanager knew of tokens:
        # https://github.com/prometheus/alertmanager/issues/2513
        own = self.slack_api_url and self.slack_api_url.get_secret_value() != self.slack_app_url
        if (self.slack_app_token or self.slack_app_token_file) and (own or self.slack_api_url_file):
            raise ValueError("has both a slack_app_token and a slack_api_url: an action would not know which to use")
        return self
