"""A user's texts in a Slack message: `<!channel>` works where the user wrote it, and is text where an alert holds it.

Whatever of an alert Slack would read as markup is marked before a template sees it, and written out afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote

from actions._mrkdwn import UNSEEN
from actions._texts import Texts
from alerts.notification import Notification
from templating import Template

Kept = TypeVar("Kept")

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Letters of Carian, which nobody has written for two thousand years: a template prints them as they are.
_MARKS: dict[str, str] = dict(zip(_ENTITIES, ("\U000102a0", "\U000102a1", "\U000102a2"), strict=True))
_MARK = UNSEEN | str.maketrans(_MARKS | dict.fromkeys(_MARKS.values(), "\ufffd"))
_AS_TEXT = str.maketrans({mark: _ENTITIES[special] for special, mark in _MARKS.items()})
_AS_IT_IS = str.maketrans({mark: special for special, mark in _MARKS.items()})
_PIECE = re.compile(r"<[^<>\n]{1,3000}>|&(?:amp|lt|gt);|.", re.DOTALL)


class SlackTexts:
    """The texts of one message; None where the user has none, or it fails.

    Attributes:
        errors: what failed, one each.
    """

    def __init__(self, notification: Notification) -> None:
        self._notification = notification
        self._made: Texts | None = None
        self.errors: list[str] = []

    def mrkdwn(self, template: Template | None, key: str) -> str | None:
        """A text with Slack's markup; all of it is the user's."""
        text = self._rendered(template, key)
        return None if text is None else text.translate(_AS_TEXT).strip()

    def plain(self, template: Template | None, key: str) -> str | None:
        """A text that is no markup."""
        text = self._rendered(template, key)
        return None if text is None else text.translate(_AS_IT_IS).strip()

    def _rendered(self, template: Template | None, key: str) -> str | None:
        if template is None:
            return None
        if self._made is None:
            self._made = Texts(_marked(self._notification))
        before = len(self._made.errors)
        text = self._made.render(template, "", key)
        failed = self._made.errors[before:]
        self.errors += [each.translate(_AS_IT_IS) for each in failed]
        if failed:
            return None
        for special, mark in _MARKS.items():
            # A template may have made a part of a URL of it.
            text = text.replace(quote(mark), quote(special))
        return text


def shortened(text: str, limit: int) -> str:
    """Cut markup to a limit, never within an entity or a link."""
    if len(text) <= limit:
        return text
    kept, room = [], limit - 1
    for piece in _PIECE.findall(text):
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def divided(text: str, limit: int) -> list[str]:
    """Markup in parts that are no longer than a limit: at the ends of lines, where they are not too long themselves."""
    parts = [""]
    for line in text.split("\n"):
        longer = f"{parts[-1]}\n{line}" if parts[-1] else line
        if len(longer) <= limit:
            parts[-1] = longer
        else:
            parts.append(shortened(line, limit))
    return [each for each in parts if each.strip()]


@lru_cache(maxsize=4_096)
def _marked_text(text: str) -> str:
    return text.translate(_MARK)


def _marked(value: Kept) -> Kept:
    """A copy in which no text holds what Slack reads as markup."""
    made: object = value
    if isinstance(value, str):
        made = _marked_text(value)
    elif isinstance(value, Mapping):
        made = {_marked(key): _marked(each) for key, each in value.items()}
    elif isinstance(value, tuple):
        made = tuple(map(_marked, value))
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(value, **{each.name: _marked(getattr(value, each.name)) for each in fields(value) if each.init})
    return made  # type: ignore[return-value]  # it is of the same type
