"""A user's templates about a notification: what they may name, and what is told where one fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.notification import Notification
from templating import Template, TemplateError


class Texts:
    """The texts of one message.

    Attributes:
        errors: what failed, one each: for the message itself and for the Receipt.
    """

    def __init__(self, notification: Notification) -> None:
        self._context = context(notification)
        self.errors: list[str] = []

    def render(self, template: Template | None, otherwise: str, key: str) -> str:
        """A text; the plain one where there is no template, or it fails.

        Args:
            key: the setting's, for the error.
        """
        if template is None:
            return otherwise
        try:
            return template.render(self._context)
        except TemplateError as error:
            self.errors.append(f"{key}: {error}")
            return otherwise


def context(notification: Notification) -> Mapping[str, Any]:
    """What a template may name."""
    group = notification.group
    return {
        "status": group.status,
        "alerts": group.alerts,
        "receiver": notification.receiver,
        "group_labels": group.group_labels,
        "common_labels": group.common_labels,
        "common_annotations": group.common_annotations,
        "external_url": group.external_url,
    }
