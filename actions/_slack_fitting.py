"""What of a Slack message gives way where all of it would be too long, before it is sent and after Slack refused it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from actions._mrkdwn import context, section
from actions._slack_texts import divided, shortened

Blocks = list[dict[str, Any]]
Document = dict[str, Any]

# Slack takes 13,200 characters in blocks; it is not documented whether URLs count.
MAX_CHARACTERS = 13_000
_PICTURES = ("image_url", "thumb_url")
_PREFORMATTED = "```"
_FEW_LINES = 4
_FEW_CHARACTERS = 600
_FEW_FIELDS = 4
_SHORT_FIELD = 200
_SHORT_TEXT = 1_000
_PART = "Slack took only a part of this message."
# What Slack could find wrong, and a message by itself does not need.
_FINERY = ("username", "icon_emoji", "icon_url", "metadata", "blocks")


def characters(node: Any) -> int:
    """How many characters of texts, URLs and values blocks hold."""
    if isinstance(node, dict):
        named = (node.get(key) for key in ("text", "url", "value"))
        return sum(len(each) for each in named if isinstance(each, str)) + sum(map(characters, node.values()))
    return sum(map(characters, node)) if isinstance(node, list) else 0


def fitted(parts: Iterable[tuple[int, Blocks]], limit: int = MAX_CHARACTERS) -> Blocks:
    """Put parts together; what is too long together gives way, from the end of each part.

    Args:
        parts: in order; what has the highest number gives way first, and what has 0 never does.
        limit: in characters.
    """
    kept = [(rank, list(blocks)) for rank, blocks in parts]
    while sum(characters(blocks) for _, blocks in kept) > limit:
        rank, blocks = max(kept, key=lambda part: part[0] if part[1] else 0)
        if not rank or not blocks:
            break
        blocks.pop()
    return [block for _, blocks in kept for block in blocks]


def smaller(document: Document) -> Iterator[Document]:
    """Ever smaller messages that tell the same, for a far side that says that one is too long, or not to its liking.

    Without pictures and excerpts; with the first lines of each text only; the top line and the buttons; the top line
    alone. Where something is posted to and as an answer to what stays as it is.
    """
    before = {"attachments": [], **document}
    for step in (_without_pictures, _with_few_lines, _top_and_buttons, _top_alone):
        made = step(before)
        if made != before:
            yield _noted(made)
        before = made


def _noted(document: Document) -> Document:
    """With a word that something is missing."""
    said = f"_{_PART}_"
    attachments = document["attachments"]
    if not attachments or "blocks" not in attachments[0]:
        return {**document, "text": f"{document['text']}\n{said}"}
    first = {**attachments[0], "blocks": [*attachments[0]["blocks"], *context([said])]}
    return {**document, "attachments": [first, *attachments[1:]]}


def _without_pictures(document: Document) -> Document:
    attachments = []
    for each in document["attachments"]:
        if "blocks" in each or not any(key in each for key in _PICTURES):
            kept = {key: value for key, value in each.items() if key not in _PICTURES}
            blocks = [block for block in each.get("blocks", []) if not _is_excerpt(block)]
            attachments.append(_with_blocks(kept, blocks))
    return {**document, "attachments": attachments}


def _is_excerpt(block: dict[str, Any]) -> bool:
    return block.get("type") == "image" or _PREFORMATTED in _text(block)


def _with_few_lines(document: Document) -> Document:
    attachments = []
    for each in document["attachments"]:
        # A table with a heading is of one of many.
        blocks = [_short(block) for block in each.get("blocks", []) if not ("fields" in block and "text" in block)]
        attachments.append(_with_blocks(each, blocks))
    return {**document, "text": shortened(document["text"], _SHORT_TEXT), "attachments": attachments}


def _short(block: dict[str, Any]) -> dict[str, Any]:
    """A section with its first lines, or its first fields."""
    if "fields" in block:
        fields = ({**each, "text": shortened(each["text"], _SHORT_FIELD)} for each in block["fields"][:_FEW_FIELDS])
        return {**block, "fields": list(fields)}
    if block.get("type") != "section" or not _text(block):
        return block
    lines = _text(block).split("\n")
    first = divided(shortened("\n".join(lines[:_FEW_LINES]), _FEW_CHARACTERS), _FEW_CHARACTERS)
    text = (first or ["…"])[0] + ("\n…" if len(lines) > _FEW_LINES else "")
    if block["text"]["type"] == "mrkdwn":
        return section(text)
    return {"type": "section", "text": {"type": "plain_text", "text": text}}


def _top_and_buttons(document: Document) -> Document:
    attachments = []
    for each in document["attachments"][:1]:
        buttons = [block for block in each.get("blocks", []) if block["type"] == "actions"]
        attachments.append(_with_blocks(each, buttons))
    return {**document, "attachments": attachments}


def _top_alone(document: Document) -> Document:
    # An edit without any mention of attachments would leave those that are there.
    kept = {key: value for key, value in document.items() if key not in _FINERY}
    return {**kept, "attachments": []}


def _with_blocks(attachment: Document, blocks: Blocks) -> Document:
    """An attachment with other blocks; with none at all Slack would refuse it."""
    made = {key: value for key, value in attachment.items() if key != "blocks"}
    return {**made, "blocks": blocks} if blocks else {**made, "text": attachment.get("fallback", "…")}


def _text(block: dict[str, Any]) -> str:
    text = block.get("text")
    found = text.get("text", "") if isinstance(text, dict) else ""
    return found if isinstance(found, str) else ""
