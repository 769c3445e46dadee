"""Email: a mail for each state of a group, in HTML and in plain text, through a mail server.

Source: https://prometheus.io/docs/alerting/latest/configuration/#email_config
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from actions._addresses import Mailbox, sorted_out
from actions._base import cut, secret
from actions._conversation import ThreadingSettings, message_id, references
from actions._email_headers import failures, marks, merged, subject_line
from actions._email_keys import Address, Addresses, HeaderName, HtmlText, is_template
from actions._letter import listed, why_not
from actions._mail import Mail, mail
from actions._mail_fitting import contents
from actions._mail_rendering import MailView, Picture, html, text
from actions._pictures import fetched
from actions._plain import plain
from actions._smtp import Letter, Taken, submit
from actions._smtp_connection import Server
from actions._smtp_login import Login
from actions._texts import Texts
from alerts.notification import Notification, Preview, Receipt, SendError, Thread
from config.base import ActionSettings, PaceSettings, SecretText, TemplateText, require_at_most_one
from config.http import TlsConfig
from config.smtp import Hello, Smarthost
from outbound import Http
from templating import Template

_IMPLICIT_TLS_PORT = 465
_MAX_DETAIL = 200


class Settings(ActionSettings):
    """An element of `email_configs`.

    Attributes:
        to: everybody whom it is for.
        hello: how the service calls itself to the server.
        auth_secret: for CRAM-MD5.
        headers: added to the usual ones, or in their place.
        html: instead of the mail's own; "" has none.
        text: likewise.
        require_tls: nothing is said unencrypted.
        force_implicit_tls: TLS from the first byte on; at port 465, unless set.
    """

    send_resolved: bool = False
    pace: PaceSettings | None = PaceSettings(rate=1.0, burst=10)
    to: Addresses
    from_: Address = Field(alias="from")
    smarthost: Smarthost
    hello: Hello = "localhost"
    auth_username: str = ""
    auth_password: SecretText | None = None
    auth_password_file: Path | None = None
    auth_secret: SecretText | None = None
    auth_secret_file: Path | None = None
    auth_identity: str = ""
    headers: Mapping[HeaderName, TemplateText] = Field(default_factory=dict)
    html: HtmlText | None = None
    text: TemplateText | None = None
    require_tls: bool = True
    tls_config: TlsConfig = TlsConfig()
    force_implicit_tls: bool | None = None
    threading: ThreadingSettings = ThreadingSettings()

    digestible: ClassVar[bool] = True
    shows_images: ClassVar[bool] = True
    from_global: ClassVar[Mapping[str, str]] = {
        "from": "smtp_from",
        "smarthost": "smtp_smarthost",
        "hello": "smtp_hello",
        "auth_username": "smtp_auth_username",
        "auth_password": "smtp_auth_password",
        "auth_password_file": "smtp_auth_password_file",
        "auth_secret": "smtp_auth_secret",
        "auth_secret_file": "smtp_auth_secret_file",
        "auth_identity": "smtp_auth_identity",
        "require_tls": "smtp_require_tls",
        "tls_config": "smtp_tls_config",
        "force_implicit_tls": "smtp_force_implicit_tls",
    }
    example: ClassVar[Mapping[str, Any]] = {
        "to": "on-call@example.com",
        "from": "alerts@example.com",
        "smarthost": "smtp.example.com:587",
    }

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        require_at_most_one(self, "auth_password", "auth_password_file")
        require_at_most_one(self, "auth_secret", "auth_secret_file")
        known = (self.auth_password, self.auth_password_file, self.auth_secret, self.auth_secret_file)
        if self.auth_username and all(each is None for each in known):
            raise ValueError("has an auth_username, and needs auth_password(_file) or auth_secret(_file)")
        if self.html is not None and self.text is not None and not self.html.source and not self.text.source:
            raise ValueError("has neither html nor text: one of them must not be empty")
        return self

    @model_validator(mode="after")
    def _digests_have_an_address(self) -> Self:
        """A digest tells of many groups, and goes where all of them go."""
        for key, template in (("to", self.to), ("from", self.from_)):
            if not is_template(template.source):
                continue
            if "pace" in self.model_fields_set:
                raise ValueError(f"has a pace, and {key} is a template: what is paced may be told in digests, to one")
            # Left out, it is none: without a pace there are no digests.
            object.__setattr__(self, "pace", None)
        return self

    @model_validator(mode="after")
    def _headers_once(self) -> Self:
        names = [name.lower() for name in self.headers]
        for name in self.headers:
            if names.count(name.lower()) > 1:
                raise ValueError(f"headers has {name!r} twice: their names are the same in any letter case")
            if self.threading.enabled and name.lower() in ("references", "in-reply-to"):
                raise ValueError(f"headers has {name!r}, which threading sets; threading: {{enabled: false}} leaves it")
            source = self.headers[name].source
            if source and not is_template(source) and (why := why_not(name, source)):
                raise ValueError(f"headers has {name!r}, which {why}")
        return self


class Action:
    """Sends a mail."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Send one mail to all recipients."""
        deadline, now = time.monotonic() + deadline_seconds, datetime.now(UTC)
        settings, texts, told = self._settings, Texts(notification), mail(notification)
        (sender, *_), to = _rendered(texts, settings.from_, "from"), _rendered(texts, settings.to, "to")
        login = self._login()
        headers = self._headers(texts, told, notification, sender, to)
        named, thread = references(settings.threading, notification, thread, headers["Message-ID"], sender.domain, now)
        parts = self._parts(texts, told, notification, deadline_seconds)
        own = settings.html is not None and not told.digest
        written = contents({**headers, **failures(texts), **named}, parts, told, texts.errors, now, own=own)
        recipients = [each.address for each in to]
        taken = submit(
            self._server(),
            login,
            Letter(sender.address, recipients, written),
            deadline=deadline,
            deadline_seconds=deadline_seconds,
        )
        missed = tuple(f"email: {address} does not get it: {why}" for address, why in taken.refused.items())
        return Receipt(_detail(taken, len(recipients)), thread, tuple(texts.errors), warnings=missed)

    def preview(self, notification: Notification) -> Preview:
        """The mail's headers, its plain text and its HTML, without pictures."""
        texts, told = Texts(notification), mail(notification)
        (sender, *_), to = _rendered(texts, self._settings.from_, "from"), _rendered(texts, self._settings.to, "to")
        headers = self._headers(texts, told, notification, sender, to)
        parts = self._parts(texts, told, replace(notification, images=()), 0)
        shown = {key: parts[key] for key in ("text", "html") if parts[key] is not None}
        return Preview({"headers": {**headers, **failures(texts)}, **shown}, tuple(texts.errors))

    def _headers(
        self, texts: Texts, told: Mail, notification: Notification, sender: Mailbox, to: Sequence[Mailbox]
    ) -> Mapping[str, str]:
        own = {"From": listed([sender]), "To": listed(to), "Subject": subject_line(told), **marks(told)}
        own["Message-ID"] = message_id(notification, sender.domain)
        return merged(texts, self._settings.headers, own, but="subject" if told.digest else "")

    def _parts(
        self, texts: Texts, told: Mail, notification: Notification, deadline_seconds: float
    ) -> Mapping[str, Any]:
        """The HTML, the plain text and the pictures; what of them the user wrote comes first, as it may fail.

        A digest is told in our words: templates are written for one group.
        """
        images = notification if told.level else replace(notification, images=())
        shown = MailView(lambda: told, texts.errors, partial(self._pictures, images, deadline_seconds))
        texts.mail = shown
        own = {key: None if told.digest else getattr(self._settings, key) for key in ("html", "text")}
        written = {key: _written(texts, template, key) for key, template in own.items()}
        plainly = {"html": html, "text": text}
        parts = {key: plainly[key](shown) if each is None else each or None for key, each in written.items()}
        return {**parts, "pictures": shown.shown(parts["html"] or "")}

    def _pictures(self, notification: Notification, deadline_seconds: float) -> list[Picture]:
        """Those that can be had soon."""
        return [
            Picture(f"picture-{at}.{notification.delivery_key[:16]}", plain(image.alt), png)
            for at, (image, png) in enumerate(fetched(self._http, notification.images, deadline_seconds))
        ]

    def _login(self) -> Login | None:
        settings = self._settings
        if not settings.auth_username:
            return None

        def known(value: Any, file: Path | None) -> str:
            return secret(value, file) if value is not None or file is not None else ""

        return Login(
            settings.auth_username,
            password=known(settings.auth_password, settings.auth_password_file),
            secret=known(settings.auth_secret, settings.auth_secret_file),
            identity=settings.auth_identity,
        )

    def _server(self) -> Server:
        settings = self._settings
        implicit = settings.force_implicit_tls
        return Server(
            settings.smarthost,
            hello=settings.hello,
            implicit_tls=settings.smarthost.port == _IMPLICIT_TLS_PORT if implicit is None else implicit,
            require_tls=settings.require_tls,
            server_name=settings.tls_config.server_name or settings.smarthost.host,
            tls=settings.tls_config.tls(),
        )


def _rendered(texts: Texts, template: Template, key: str) -> tuple[Mailbox, ...]:
    """The addresses that a setting holds for this notification."""
    failed = len(texts.errors)
    rendered = texts.render(template, "", key)
    if len(texts.errors) > failed:
        raise SendError(f"email: {texts.errors[-1]}", permanent=True)
    try:
        found, wrong = sorted_out(rendered)
    except ValueError as error:
        raise SendError(f"email: {key} {error}", permanent=True) from None
    # The others are to have it, and to know.
    texts.errors += [f"{key}: {each}" for each in wrong]
    return found


def _written(texts: Texts, template: Template | None, key: str) -> str | None:
    """What the user wrote; None where there is nothing, or it failed."""
    failed = len(texts.errors)
    written = None if template is None else texts.render(template, "", key)
    return written if len(texts.errors) == failed else None


def _detail(taken: Taken, count: int) -> str:
    sent = "sent shortened" if taken.shortened else "sent"
    if not taken.refused:
        return cut(f"{sent} to {count} recipient{'s' * (count > 1)}: {taken.said}", _MAX_DETAIL)
    refused = "; ".join(f"{address}: {reason}" for address, reason in taken.refused.items())
    return cut(f"{sent} to {count - len(taken.refused)} of {count} recipients; not to {refused}", _MAX_DETAIL)
