"""A Slack message: the service's own parts, and in their place the user's where there are any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from actions import _slack_blocks as ours
from actions._base import leading, link, notes, subject, title
from actions._changes import Change
from actions._mrkdwn import context, escaped, line, section
from actions._slack_blocks import MAX_LINE, Blocks
from actions._slack_fitting import MAX_CHARACTERS, characters, fitted
from actions._slack_parts import own_buttons, own_fields, pictures, text_sections
from actions._slack_readings import sentences, table
from actions._slack_settings import MessageSettings
from actions._slack_state import about, look, state, taken_by, told_before
from actions._slack_texts import SlackTexts, shortened
from alerts.model import Alert
from alerts.notification import Notification, Thread

# Beside the headline, where a phone shows them.
_MAX_NOTES_BESIDE = 150
_MAX_TITLE = 1_000
# Of the top line and what is below it: what an edit takes (https://docs.slack.dev/reference/methods/chat.update).
_MAX_TOP = 4_000
_MAX_FOOTER = 300
_MAX_NAME = 80
_MAX_ERRORS = 300
_LEAST_TEXT = 1_500
_COLOUR = re.compile(r"good|warning|danger|#?[0-9a-fA-F]{6}")
# A name is no markup, and it is not documented that nobody reads it as such.
_NO_MARKUP = str.maketrans("<>", "\u2039\u203a")
_NOTHING = MessageSettings()


def message(
    notification: Notification,
    wanted: MessageSettings,
    *,
    thread: Thread | None = None,
    controls: Sequence[dict[str, Any]] = (),
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The message, and which of the user's templates failed.

    Args:
        thread: what was told before, for a message that stands below the earlier ones and says what is new.
        controls: elements of Block Kit that do something, before the links; not of a digest.
    """
    texts = SlackTexts(notification)
    poster = _poster(wanted, texts)
    if notification.digest:
        # A user's texts are written for one group, and this is many.
        wanted = _NOTHING
    headline = _headline(notification, wanted, texts)
    top = texts.mrkdwn(wanted.message_text, "message_text")
    pretext = (texts.mrkdwn if "pretext" in wanted.mrkdwn_in else texts.plain)(wanted.pretext, "pretext") or ""
    if "pretext" not in wanted.mrkdwn_in:
        pretext = escaped(pretext, _MAX_TOP)
    lines = [top or headline + _beside(notification), pretext]
    attachment = _attachment(notification, wanted, texts)
    images = pictures(notification, wanted, texts, attachment["color"])
    if notification.digest:
        attachment["blocks"] = ours.digest(notification)
    else:
        heading = [section(headline)] if top else []
        changed = told_before(notification, thread)
        attachment["blocks"] = [
            *heading,
            *_Blocks(notification, wanted, texts, changed, controls).fitted(heading, lines[0]),
        ]
    text = shortened("\n".join(filter(None, lines)), _MAX_TOP)
    return {"text": text, "attachments": [attachment, *images], **poster}, tuple(texts.errors)


def _poster(wanted: MessageSettings, texts: SlackTexts) -> dict[str, str]:
    """Where to, and as whom."""
    made = {
        "channel": texts.plain(wanted.channel, "channel"),
        "username": (texts.plain(wanted.username, "username") or "").translate(_NO_MARKUP)[:_MAX_NAME],
        "icon_emoji": (texts.plain(wanted.icon_emoji, "icon_emoji") or "").translate(_NO_MARKUP)[:_MAX_NAME],
        "icon_url": link(texts.plain(wanted.icon_url, "icon_url") or ""),
    }
    return {key: value for key, value in made.items() if value}


def _headline(notification: Notification, wanted: MessageSettings, texts: SlackTexts) -> str:
    """What it is at a glance; a title of the user's says it in its own way."""
    own = " ".join((texts.plain(wanted.title, "title") or "").split())
    named = escaped(own, _MAX_TITLE) or line(title(notification), MAX_LINE)
    if url := link(texts.plain(wanted.title_link, "title_link") or "", _MAX_TITLE):
        named = f"<{escaped(url, 2 * len(url) + 8).replace('|', '%7C')}|{named}>"
    if own:
        return f"*{named}*"
    _, sign = look(notification)
    return f"{sign} *{named}* {line(about(notification), 2 * MAX_LINE)}".rstrip()


def _beside(notification: Notification) -> str:
    """What else a phone should show: the notes, and who has taken it over."""
    noted = line(notes(notification, _MAX_NOTES_BESIDE), _MAX_NOTES_BESIDE)
    taken = taken_by(notification)
    return (f" _({noted})_" if noted else "") + (f" {taken}" if taken else "")


def _attachment(notification: Notification, wanted: MessageSettings, texts: SlackTexts) -> dict[str, Any]:
    colour, _ = look(notification)
    own = texts.plain(wanted.color, "color")
    if own and not _COLOUR.fullmatch(own):
        texts.errors.append("color: is neither good, warning, danger nor such as #d40e0d")
    elif own:
        colour = own
    fallback = texts.plain(wanted.fallback, "fallback") or f"{title(notification)} {about(notification)}"
    made = {"color": colour, "fallback": escaped(fallback, 2 * MAX_LINE)}
    if callback := texts.plain(wanted.callback_id, "callback_id"):
        made["callback_id"] = callback[:255]
    return made


class _Blocks:
    """What is below the top line, part by part."""

    def __init__(
        self,
        notification: Notification,
        wanted: MessageSettings,
        texts: SlackTexts,
        changed: Change | None,
        controls: Sequence[dict[str, Any]],
    ) -> None:
        self._notification = notification
        self._wanted = wanted
        self._texts = texts
        self._new = {each.fingerprint for each in changed.new} if changed else set()
        self._changed = changed
        self._controls = controls
        self._mrkdwn = "text" in wanted.mrkdwn_in
        self._own = (texts.mrkdwn if self._mrkdwn else texts.plain)(wanted.text, "text")

    def fitted(self, heading: Blocks, headline: str) -> Blocks:
        """All parts in their order, within what Slack takes beside the heading.

        Excerpts give way first, then what was found, then the description; a text of the user's has what is left, and
        some in any case.
        """
        notification, alert = self._notification, leading(self._notification.group)
        own_row = own_fields(self._wanted, self._texts)
        first = [state(notification, self._changed, headline, where=not own_row)]
        said = [] if self._own is not None else ours.description(notification, alert)
        last = [*own_row, *self._buttons(alert), *self._small_print()]
        parts = [
            (0, first),
            (1, said),
            *self._found(alert),
            (4, ours.excerpts(notification, alert)),
            (0, last),
        ]
        room = MAX_CHARACTERS - characters(heading)
        if self._own is None:
            return fitted(parts, room)
        others = fitted(parts, room - min(len(self._own), _LEAST_TEXT))
        own = text_sections(self._own, max(_LEAST_TEXT, room - characters(others)), mrkdwn=self._mrkdwn)
        return [*others[: len(first)], *own, *others[len(first) :]]

    def _found(self, alert: Alert) -> list[tuple[int, Blocks]]:
        """The alerts of a larger group; what was found of the one, or of the worst, while it fires; what was not."""
        notification = self._notification
        several = ours.told_alerts(notification) > 1
        listed: Blocks = []
        if several:
            listed = ours.alerts(notification, self._new) if self._own is None else ours.readings(notification)
        told = notification.told(alert) if alert.firing else []
        of = f"*{line(subject(alert) or alert.name, MAX_LINE // 2)}*" if several else ""
        more = sentences(told)
        return [
            (0, listed),
            (2, table(told, of)),
            (3, [section("\n".join(more))] if more else []),
            (3, ours.gaps(notification)),
        ]

    def _buttons(self, alert: Alert) -> Blocks:
        own = own_buttons(self._wanted.actions, self._texts)
        if not own:
            return ours.buttons(ours.targets(self._notification, alert), self._controls)
        return [{"type": "actions", "elements": [*self._controls, *own]}]

    def _small_print(self) -> Blocks:
        own = self._texts.mrkdwn(self._wanted.footer, "footer")
        footer = ours.footer(self._notification) if own is None else shortened(own, _MAX_FOOTER)
        blocks = ours.small_print(self._notification, footer)
        if self._texts.errors:
            failed = f"_templates that failed: {line('; '.join(self._texts.errors), _MAX_ERRORS)}_"
            blocks += context([failed])
        return blocks
