"""A Slack message: the service's own parts, and in their place the user's where there are any."""

from __future__ import annotations

import re
from typing import Any

from actions import _slack_blocks as ours
from actions._base import leading, link, notes, title
from actions._mrkdwn import escaped, section
from actions._slack_blocks import MAX_LINE, Blocks
from actions._slack_parts import own_buttons, own_fields, pictures, text_sections
from actions._slack_settings import MessageSettings
from actions._slack_texts import SlackTexts, shortened
from alerts.notification import Notification

# Beside the headline, where a phone shows them.
_MAX_NOTES_BESIDE = 150
_MAX_TITLE = 1_000
_MAX_TOP = 4_000
_MAX_FOOTER = 300
_MAX_NAME = 80
_MAX_ERRORS = 300
# Slack takes 13,200 characters in blocks; it is not documented whether URLs count.
_MAX_BLOCKS = 13_000
_LEAST_TEXT = 1_500
_COLOUR = re.compile(r"good|warning|danger|#?[0-9a-fA-F]{6}")
# A name is no markup, and it is not documented that nobody reads it as such.
_NO_MARKUP = str.maketrans("<>", "\u2039\u203a")
_NOTHING = MessageSettings()


def message(notification: Notification, wanted: MessageSettings) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The message, and which of the user's templates failed."""
    texts = SlackTexts(notification)
    poster = _poster(wanted, texts)
    if notification.digest:
        # A user's texts are written for one group, and this is many.
        wanted = _NOTHING
    headline = _headline(notification, wanted, texts)
    top = texts.mrkdwn(wanted.message_text, "message_text")
    beside = escaped(notes(notification, _MAX_NOTES_BESIDE), _MAX_NOTES_BESIDE)
    pretext = (texts.mrkdwn if "pretext" in wanted.mrkdwn_in else texts.plain)(wanted.pretext, "pretext") or ""
    if "pretext" not in wanted.mrkdwn_in:
        pretext = escaped(pretext, _MAX_TOP)
    lines = [top or headline + (f" _({beside})_" if beside else ""), pretext]
    attachment = _attachment(notification, wanted, texts)
    images = pictures(wanted, texts, attachment["color"])
    heading = [section(headline)] if top else []
    attachment["blocks"] = (
        ours.digest(notification) if notification.digest else _blocks(heading, notification, wanted, texts)
    )
    text = "\n".join(shortened(each, _MAX_TOP) for each in lines if each)
    return {"text": text, "attachments": [attachment, *images], **poster}, tuple(texts.errors)


def _poster(wanted: MessageSettings, texts: SlackTexts) -> dict[str, str]:
    """Where to, and as whom."""
    made = {
        "channel": texts.plain(wanted.channel, "channel"),
        "username": (texts.plain(wanted.username, "username") or "").translate(_NO_MARKUP)[:_MAX_NAME],
        "icon_emoji": texts.plain(wanted.icon_emoji, "icon_emoji"),
        "icon_url": link(texts.plain(wanted.icon_url, "icon_url") or ""),
    }
    return {key: value for key, value in made.items() if value}


def _headline(notification: Notification, wanted: MessageSettings, texts: SlackTexts) -> str:
    """What it is at a glance; a title of the user's says it in its own way."""
    own = " ".join((texts.plain(wanted.title, "title") or "").split())
    named = escaped(own, _MAX_TITLE) or escaped(title(notification), MAX_LINE)
    if url := link(texts.plain(wanted.title_link, "title_link") or "", _MAX_TITLE):
        named = f"<{escaped(url, 2 * len(url) + 8).replace('|', '%7C')}|{named}>"
    if own:
        return f"*{named}*"
    _, sign = ours.look(notification)
    return f"{sign} *{named}* {escaped(ours.about(notification), 2 * MAX_LINE)}".rstrip()


def _attachment(notification: Notification, wanted: MessageSettings, texts: SlackTexts) -> dict[str, Any]:
    colour, _ = ours.look(notification)
    own = texts.plain(wanted.color, "color")
    if own and not _COLOUR.fullmatch(own):
        texts.errors.append("color: is neither good, warning, danger nor such as #d40e0d")
    elif own:
        colour = own
    fallback = texts.plain(wanted.fallback, "fallback") or f"{title(notification)} {ours.about(notification)}"
    made = {"color": colour, "fallback": escaped(fallback, 2 * MAX_LINE)}
    if callback := texts.plain(wanted.callback_id, "callback_id"):
        made["callback_id"] = callback[:255]
    return made


def _blocks(heading: Blocks, notification: Notification, wanted: MessageSettings, texts: SlackTexts) -> Blocks:
    """What is below the top line; excerpts give way where all together would be too long."""
    alert = leading(notification.group)
    several = ours.told_alerts(notification) > 1
    mrkdwn = "text" in wanted.mrkdwn_in
    own = (texts.mrkdwn if mrkdwn else texts.plain)(wanted.text, "text")
    buttons = own_buttons(wanted.actions, texts) or ours.buttons(ours.targets(notification, alert))
    below = [*(own_fields(wanted, texts) or ours.fields(notification, alert)), *buttons]
    below += _context(notification, wanted, texts)
    if own is None:
        said = ours.description(notification, alert)
        found = ours.alerts(notification) if several else ours.findings(notification, alert)
    else:
        said = []
        found = ours.readings(notification) if several else ours.findings(notification, alert)
    excerpts = ours.excerpts(notification, alert)
    room = _MAX_BLOCKS - _characters([*heading, *said, *found, *below])
    wanted_room = min(len(own or ""), _LEAST_TEXT)
    while excerpts and room - _characters(excerpts) < wanted_room:
        excerpts.pop()
    if own is not None:
        said = text_sections(own, room - _characters(excerpts), mrkdwn=mrkdwn)
    return [*heading, *said, *found, *excerpts, *below]


def _context(notification: Notification, wanted: MessageSettings, texts: SlackTexts) -> Blocks:
    own = texts.mrkdwn(wanted.footer, "footer")
    footer = ours.footer(notification) if own is None else shortened(own, _MAX_FOOTER)
    blocks = ours.context(notification, footer)
    if texts.errors:
        failed = f"_templates that failed: {escaped('; '.join(texts.errors), _MAX_ERRORS)}_"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": failed}]})
    return blocks


def _characters(node: Any) -> int:
    """How many characters of texts and URLs blocks hold."""
    if isinstance(node, dict):
        named = (node.get(key) for key in ("text", "url"))
        return sum(len(each) for each in named if isinstance(each, str)) + sum(map(_characters, node.values()))
    return sum(map(_characters, node)) if isinstance(node, list) else 0
