"""The log: a notification as one line. What is used where nothing else is set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import structlog
from pydantic import AfterValidator, Field

from actions._base import cut, leading, notes, subject, title
from actions._digest import level, numbers
from actions._texts import Texts
from alerts.notification import Notification, Preview, Receipt, Thread
from config.base import ActionSettings, TemplateText
from outbound import Http

_MAX_NOTES = 600
_MAX_FIELD = 4_000
# What a line has anyway, whatever it is about.
_TAKEN = frozenset({"event", "message", "level", "logger", "time", "event_id", "delivery_id", "template_errors"})
_TAKEN |= {"self", "exc_info", "stack_info", "stacklevel", "exception", "positional_args"}


def _field_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z]\w{0,59}", name, re.ASCII):
        raise ValueError("should be letters, digits and _, and begin with a letter")
    if name in _TAKEN:
        raise ValueError("is the log's own; choose another name")
    return name


class Settings(ActionSettings):
    """An element of `log_configs`.

    Attributes:
        title: the line's words, instead of the state and the name.
        fields: added to the line's own, or in their place; an empty one leaves it out.
    """

    title: TemplateText | None = None
    fields: Mapping[Annotated[str, AfterValidator(_field_name)], TemplateText] = Field(default_factory=dict)

    example: ClassVar[Mapping[str, Any]] = {}


class Action:
    """Writes to the service's own log."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._log = structlog.get_logger("notification")

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Write one line; it cannot fail."""
        texts = Texts(notification)
        words, fields = self._line(notification, texts)
        self._log.info(words, **fields)
        return Receipt("written to the log", thread, tuple(texts.errors))

    def preview(self, notification: Notification) -> Preview:
        """The line's fields."""
        texts = Texts(notification)
        words, fields = self._line(notification, texts)
        return Preview({"event": words, **fields}, tuple(texts.errors))

    def _line(self, notification: Notification, texts: Texts) -> tuple[str, dict[str, Any]]:
        words, fields = title(notification), _fields(notification)
        if notification.digest:
            # The texts of a user's own are written for one group, and a digest is many.
            return words, fields
        words = " ".join(texts.render(self._settings.title, words, "title").split())[:_MAX_FIELD] or words
        for name, template in self._settings.fields.items():
            failed = len(texts.errors)
            written = cut(texts.render(template, "", f"fields.{name}"), _MAX_FIELD)
            if len(texts.errors) == failed:
                fields[name] = written
        made = {name: each for name, each in fields.items() if each != "" or name not in self._settings.fields}
        return words, made | ({"template_errors": list(texts.errors)} if texts.errors else {})


def _fields(notification: Notification) -> dict[str, Any]:
    firing, resolved = numbers(notification)
    told = {"severity": level(notification), "firing": firing, "resolved": resolved}
    noted = notes(notification, _MAX_NOTES)
    if notification.digest:
        return {**told, "groups": notification.digest.groups, "notes": noted, "page_url": notification.page_url}
    alert = leading(notification.group)
    description = alert.annotations.get("description", "")
    return {
        **told,
        "summary": alert.summary,
        "description": "" if description == alert.summary else description,
        "subject": subject(alert),
        "notes": noted,
        "runbook_url": alert.annotations.get("runbook_url", ""),
        "findings": {each.title: each.text for each in notification.shown(alert)},
    }
