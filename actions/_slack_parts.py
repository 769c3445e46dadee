"""The parts of a Slack message that a user wrote, as blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from actions._base import cut, link
from actions._digest import over
from actions._mrkdwn import escaped, line, section
from actions._slack_blocks import MAX_BUTTON_URLS, Blocks
from actions._slack_settings import Button, MessageSettings
from actions._slack_texts import SlackTexts, divided, shortened
from alerts.notification import Notification

_MAX_SECTION = 3_000
_MAX_FIELD_TITLE = 150
_MAX_FIELD = 500
# Of all fields together, in characters and in number; more are counted.
_MAX_FIELDS = 2_000
_MOST_FIELDS = 20
_MOST_FIELDS_A_SECTION = 10
_MAX_BUTTON = 75
_MOST_BUTTONS = 10
_MOST_PICTURES = 2
_MAX_ALT = 500


def text_sections(text: str, limit: int, *, mrkdwn: bool) -> Blocks:
    """A text in as many sections as it takes.

    Args:
        text: markup, or not, as `mrkdwn` says.
        limit: of all of it.
    """
    if mrkdwn:
        return [section(each) for each in divided(shortened(text, limit), _MAX_SECTION)]
    parts = divided(cut(text, limit), _MAX_SECTION)
    return [{"type": "section", "text": {"type": "plain_text", "text": each}} for each in parts]


def own_fields(wanted: MessageSettings, texts: SlackTexts) -> Blocks:
    """Short ones two in a row, the others one below the other; and how many there was no room for."""
    mrkdwn = "fields" in wanted.mrkdwn_in
    made: list[tuple[bool, str]] = []
    room = _MAX_FIELDS
    for at, each in enumerate(wanted.fields):
        name = escaped(texts.plain(each.title, f"fields[{at}].title") or "", _MAX_FIELD_TITLE)
        value = (texts.mrkdwn if mrkdwn else texts.plain)(each.value, f"fields[{at}].value") or ""
        value = shortened(value, _MAX_FIELD) if mrkdwn else escaped(value, _MAX_FIELD)
        text = "\n".join(filter(None, (f"*{name}*" if name else "", value)))
        room -= len(text)
        if room < 0 or len(made) == _MOST_FIELDS:
            made.append((False, f"… and {len(wanted.fields) - at} more"))
            break
        if text.strip():
            made.append((wanted.short_fields if each.short is None else each.short, text))
    blocks: Blocks = []
    for short, group in groupby(made, key=lambda field: field[0]):
        rows = [text for _, text in group]
        blocks += _columns(rows) if short else map(section, rows)
    return blocks


def _columns(rows: Sequence[str]) -> Blocks:
    parts = [rows[at : at + _MOST_FIELDS_A_SECTION] for at in range(0, len(rows), _MOST_FIELDS_A_SECTION)]
    return [{"type": "section", "fields": [{"type": "mrkdwn", "text": each} for each in part]} for part in parts]


def own_buttons(actions: Iterable[Button], texts: SlackTexts) -> Blocks:
    """The elements of a row of buttons; those that lead nowhere, or have no word on them, are left out."""
    made: Blocks = []
    room = MAX_BUTTON_URLS
    for at, each in enumerate(actions):
        word = cut(texts.plain(each.text, f"actions[{at}].text") or "", _MAX_BUTTON)
        url = link(texts.plain(each.url, f"actions[{at}].url") or "")
        if not word or not url or len(url) > room or len(made) == _MOST_BUTTONS:
            continue
        room -= len(url)
        button: dict[str, Any] = {"type": "button", "text": {"type": "plain_text", "text": word}, "url": url}
        style = texts.plain(each.style, f"actions[{at}].style")
        made.append(button | {"action_id": f"link-{at}"} | ({"style": style} if style in ("primary", "danger") else {}))
    return made


def pictures(
    notification: Notification, wanted: MessageSettings, texts: SlackTexts, colour: str
) -> list[dict[str, Any]]:
    """The user's, or the worst two of ours while anything fires.

    Each in an attachment: what Slack cannot fetch it leaves out there, and refuses the whole message as a block.
    """
    named = (("image_url", wanted.image_url), ("thumb_url", wanted.thumb_url))
    found = {key: link(texts.plain(template, key) or "") for key, template in named}
    shown = {key: url for key, url in found.items() if url}
    if shown:
        return [{"color": colour, "fallback": "picture", **shown}]
    ours = [] if over(notification) else [each for each in notification.images if link(each.src)][:_MOST_PICTURES]
    return [
        {"color": colour, "fallback": line(each.alt, _MAX_ALT) or "picture", "image_url": each.src} for each in ours
    ]
