"""A Slack channel as text that a person can read: what each message says now, and its thread."""

import colorsys
import re
from collections.abc import Iterator
from typing import Any

from tests.far_sides.slack_channel import Channel, Post

_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_NAMED = {"good": "green", "warning": "yellow", "danger": "red"}
# Where each colour of the wheel ends, in degrees.
_HUES = ((20, "red"), (40, "orange"), (70, "yellow"), (170, "green"), (260, "blue"), (330, "purple"), (361, "red"))


def transcript(channel: Channel) -> str:
    """Returns the channel's messages, oldest first, each with its thread below it; no line holds a time or a ts."""
    lines = [channel.name, "=" * len(channel.name)]
    for number, post in enumerate(channel.messages, 1):
        lines += ["", f"[{number}] {post.author}{_marks(post)}"]
        lines += [f"    {line}".rstrip() for line in _message(post)]
        for reply in channel.replies(post.ts):
            lines.append(f"    > {reply.author}{_marks(reply)}")
            lines += [f"    >   {line}".rstrip() for line in _message(reply)]
    return "\n".join(lines) + "\n"


def colour(told: object) -> str:
    """Returns a colour bar's colour in a word, with Slack's own for it: "red #d40e0d"."""
    text = str(told)
    if text in _NAMED:
        return f"{_NAMED[text]} {text}"
    digits = text.removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        return text
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    hue, _, saturation = colorsys.rgb_to_hls(red, green, blue)
    word = "grey" if saturation < 0.15 else next(name for end, name in _HUES if hue * 360 < end)
    return f"{word} #{digits}"


def readable(text: object) -> str:
    """Returns mrkdwn with links as their words, mentions as people see them, and nothing escaped."""

    def seen(found: re.Match[str]) -> str:
        target, words = found[1], found[2]
        if target.startswith("!date^"):
            return words or target
        if target.startswith("!"):
            return f"@{(words or target[1:].partition('^')[0]).removeprefix('@')}"
        return f"{words} (link)" if words else target

    return _LINK.sub(seen, str(text)).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _marks(post: Post) -> str:
    marks = ["its thread is gone"] * post.unthreaded + ["also in the channel"] * post.broadcast
    if post.edits:
        times = f"{post.edits} time{'s' * (post.edits > 1)}"
        marks.append(f"edited {times}" if post.marked else f"changed {times} without a mark")
    return f"  ({', '.join(marks)})" if marks else ""


def _message(post: Post) -> Iterator[str]:
    if post.deleted:
        yield "This message was deleted."
        return
    content = post.content
    if content.get("blocks"):
        # Slack shows the text in a notification only.
        yield from _blocks(content["blocks"])
    elif content.get("text"):
        yield from readable(content["text"]).split("\n")
    for attachment in content.get("attachments") or []:
        yield f"| ({colour(attachment['color'])})" if attachment.get("color") else "|"
        yield from (f"| {line}" for line in _attachment(attachment))
    for file in post.files:
        alt = f" - {file.alt_text}" if file.alt_text else ""
        yield f"[file {file.name}: {file.title}{alt}]"


def _attachment(attachment: dict[str, Any]) -> Iterator[str]:
    if attachment.get("blocks"):
        yield from _blocks(attachment["blocks"])
        return
    for key in ("pretext", "title", "text"):
        if attachment.get(key):
            yield from readable(attachment[key]).split("\n")
    for each in attachment.get("fields") or []:
        yield f"{readable(each.get('title', ''))}: {readable(each.get('value', ''))}"
    if attachment.get("image_url"):
        yield f"[picture: {readable(attachment.get('fallback') or attachment['image_url'])}]"
    if attachment.get("footer"):
        yield f"({readable(attachment['footer'])})"


def _blocks(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        yield from _block(block)


def _block(block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind == "header":
        yield f"# {_text(block['text'])}"
    elif kind == "divider":
        yield "---"
    elif kind == "section":
        if "text" in block:
            yield from _text(block["text"]).split("\n")
        yield from (_text(each).replace("\n", ": ") for each in block.get("fields") or [])
        if "accessory" in block:
            yield _element(block["accessory"])
    elif kind in ("actions", "context"):
        elements = " ".join(_element(each) for each in block["elements"])
        yield from (elements if kind == "actions" else f"({elements})").split("\n")
    elif kind == "image":
        yield _element(block)
    elif kind == "table":
        yield from (" | ".join(_flat(cell) for cell in row) for row in block["rows"])
    else:
        yield from _flat(block).split("\n")


def _element(element: dict[str, Any]) -> str:
    kind = element.get("type")
    if kind == "image":
        return f"[picture: {element.get('alt_text', '')}]"
    if kind != "button":
        return _text(element)
    style = f", {element['style']}" if "style" in element else ""
    return f"[{_text(element['text'])}{' (link)' if 'url' in element else ''}{style}]"


def _text(text: dict[str, Any]) -> str:
    return str(text.get("text", "")) if text.get("type") == "plain_text" else readable(text.get("text", ""))


def _flat(node: object) -> str:
    """All texts of what is nested in another way, one after the other."""
    if isinstance(node, list):
        return "".join(_flat(item) for item in node)
    if not isinstance(node, dict):
        return ""
    own = node.get("text")
    return own if isinstance(own, str) else "".join(_flat(value) for value in node.values())
