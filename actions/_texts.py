"""A user's templates about a notification: what they may name, and what is told where one fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from actions._base import leading, title
from actions._digest import level
from actions._mail import mail
from actions._mail_rendering import MailView
from actions._views import AlertsView, AlertView, cut, labels
from alerts.notification import Notification
from templating import Template, TemplateError

_MOST_NOTES = 3


class Texts:
    """The texts of one message.

    Attributes:
        errors: what failed, one each: for the message itself and for the Receipt.
        mail: what texts name so, where it is more than what is said.
    """

    def __init__(self, notification: Notification) -> None:
        self._notification = notification
        self.errors: list[str] = []
        self.mail: MailView | None = None

    @cached_property
    def _context(self) -> Mapping[str, Any]:
        return context(self._notification)

    def render(self, template: Template | None, otherwise: str, key: str) -> str:
        """A text; the plain one where there is no template, or it fails.

        Args:
            key: the setting's, for the error.
        """
        if template is None:
            return otherwise
        try:
            return template.render({**self._context, "mail": self.mail} if self.mail else self._context)
        except TemplateError as error:
            self.errors.append(f"{key}: {error}")
            return otherwise

    @property
    def notes(self) -> tuple[str, ...]:
        """What the message says of the templates that failed."""
        more = len(self.errors) - _MOST_NOTES
        named = tuple(f"template failed: {each}" for each in self.errors[:_MOST_NOTES])
        return (*named, f"{more} more templates failed") if more > 0 else named

    def noted(self) -> Notification:
        """The notification with what failed among its notes; to be asked for after everything else is rendered."""
        return replace(self._notification, notes=(*self.notes, *self._notification.notes))


def context(notification: Notification) -> Mapping[str, Any]:
    """What a template may name; `docs/templates.md` says of each what it is."""
    group = notification.group
    alert = AlertView(leading(group), notification)
    return {
        "status": group.status,
        "receiver": notification.receiver,
        "upstream_receiver": cut(group.receiver or notification.receiver),
        "group_key": cut(group.group_key),
        "alerts": AlertsView(AlertView(each, notification) for each in group.alerts),
        "leading": alert,
        "group_labels": labels(group.group_labels),
        "common_labels": labels(group.common_labels),
        "common_annotations": labels(group.common_annotations),
        "external_url": cut(group.external_url),
        "truncated_alerts": group.truncated_alerts,
        "notification_reason": cut(group.notification_reason),
        "readings": alert.readings,
        "findings": alert.findings,
        "page_url": notification.page_url,
        "notes": [cut(each) for each in notification.notes],
        "severity": level(notification),
        "subject": alert.subject,
        "title": cut(title(notification)),
        "mail": MailView(lambda: mail(notification)),
    }
