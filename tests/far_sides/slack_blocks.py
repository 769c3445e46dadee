"""Slack's documented limits on Block Kit in messages, as a list of what is wrong with a list of blocks.

Source: https://docs.slack.dev/reference/block-kit/blocks and .../block-elements/button-element,
.../overflow-menu-element and .../composition-objects/option-object
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

MOST_BLOCKS = 50
# Not documented; seen by https://github.com/slackapi/bolt-js/issues/2509: 12,000 and a buffer for containers.
MOST_BLOCK_CHARACTERS = 13_200

Errors = Iterator[str]


def block_errors(lists: dict[str, object]) -> list[str]:
    """Returns what is wrong in one message's lists of blocks, given by their place in it."""
    errors: list[str] = []
    block_ids: list[str] = []
    action_ids: list[str] = []
    for at, blocks in lists.items():
        errors += _list(blocks, at, 0, MOST_BLOCKS, _block)
        block_ids += _values(blocks, "block_id")
        action_ids += _values(blocks, "action_id")
    for name, ids in (("block_id", block_ids), ("action_id", action_ids)):
        errors += [f"{name} {one!r} is used twice" for one in sorted(set(ids)) if ids.count(one) > 1]
    return errors


def block_characters(blocks: object) -> int:
    """Returns how many characters of text the blocks hold in all."""
    return sum(len(text) for text in _values(blocks, "text"))


def _values(node: object, key: str) -> Iterator[str]:
    """Yields every string under that key, however deep."""
    if isinstance(node, list):
        for item in node:
            yield from _values(item, key)
    elif isinstance(node, dict):
        for name, item in node.items():
            if name == key and isinstance(item, str):
                yield item
            else:
                yield from _values(item, key)


def _block(block: Any, at: str) -> Errors:
    judges: dict[str, Callable[[dict[str, Any], str], Errors]] = {
        "header": _header,
        "section": _section,
        "divider": _divider,
        "context": _context,
        "actions": _actions,
        "image": _image,
        "rich_text": _rich_text,
    }
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str) or kind not in judges:
        yield f"{at}: unsupported type of block: {kind!r}"
        return
    yield from judges[kind]({key: block[key] for key in block if key != "block_id"}, at)
    if "block_id" in block:
        yield from _string(block, "block_id", at, 255)


def _header(block: dict[str, Any], at: str) -> Errors:
    yield from _keys(block, at, "text")
    yield from _text(block.get("text"), f"{at}/text", 150, ("plain_text",))


def _section(block: dict[str, Any], at: str) -> Errors:
    yield from _keys(block, at, "text", "fields", "accessory", "expand")
    if "text" not in block and "fields" not in block:
        yield f"{at}: needs text or fields"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", 3000)
    if "fields" in block:
        yield from _list(block["fields"], f"{at}/fields", 1, 10, lambda item, at: _text(item, at, 2000))
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _divider(block: dict[str, Any], at: str) -> Errors:
    yield from _keys(block, at)


def _context(block: dict[str, Any], at: str) -> Errors:
    def element(item: Any, at: str) -> Errors:
        is_image = isinstance(item, dict) and item.get("type") == "image"
        yield from _image_element(item, at) if is_image else _text(item, at, 3000)

    yield from _keys(block, at, "elements")
    yield from _list(block.get("elements"), f"{at}/elements", 1, 10, element)


def _actions(block: dict[str, Any], at: str) -> Errors:
    yield from _keys(block, at, "elements")
    yield from _list(block.get("elements"), f"{at}/elements", 1, 25, _control)


def _image(block: dict[str, Any], at: str) -> Errors:
    yield from _image_element({key: block[key] for key in block if key != "title"}, at)
    if "title" in block:
        yield from _text(block["title"], f"{at}/title", 2000, ("plain_text",))


def _rich_text(block: dict[str, Any], at: str) -> Errors:
    def element(item: Any, at: str) -> Errors:
        kinds = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
        if not isinstance(item, dict) or item.get("type") not in kinds:
            yield f"{at}: type must be one of {', '.join(kinds)}"
        elif not isinstance(item.get("elements"), list):
            yield f"{at}/elements: not a list"

    yield from _keys(block, at, "elements")
    yield from _list(block.get("elements"), f"{at}/elements", 1, None, element)


def _element(item: Any, at: str) -> Errors:
    is_image = isinstance(item, dict) and item.get("type") == "image"
    yield from (_image_element if is_image else _button)(item, at)


def _control(item: Any, at: str) -> Errors:
    is_menu = isinstance(item, dict) and item.get("type") == "overflow"
    yield from (_overflow if is_menu else _button)(item, at)


def _overflow(item: dict[str, Any], at: str) -> Errors:
    def option(item: Any, at: str) -> Errors:
        if not isinstance(item, dict):
            yield f"{at}: must be an object"
            return
        yield from _keys(item, at, "text", "value", "description", "url")
        yield from _text(item.get("text"), f"{at}/text", 75, ("plain_text",))
        yield from _string(item, "value", at, 150)

    yield from _keys(item, at, "action_id", "options", "confirm")
    yield from _string(item, "action_id", at, 255)
    yield from _list(item.get("options"), f"{at}/options", 1, 5, option)


def _button(item: Any, at: str) -> Errors:
    if not isinstance(item, dict) or item.get("type") != "button":
        yield f"{at}: only buttons and overflow menus are known to this judge"
        return
    yield from _keys(item, at, "text", "url", "action_id", "value", "style", "confirm", "accessibility_label")
    yield from _text(item.get("text"), f"{at}/text", 75, ("plain_text",))
    if "url" in item:
        yield from _url(item, "url", at)
    for key, longest in (("action_id", 255), ("value", 2000), ("accessibility_label", 75)):
        if key in item:
            yield from _string(item, key, at, longest)
    if item.get("style", "primary") not in ("primary", "danger"):
        yield f"{at}/style: must be primary or danger"


def _image_element(item: Any, at: str) -> Errors:
    yield from _keys(item, at, "image_url", "slack_file", "alt_text")
    if "slack_file" not in item:
        yield from _url(item, "image_url", at)
    yield from _string(item, "alt_text", at, 2000)


def _text(value: Any, at: str, longest: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Errors:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield f"{at}: must be a text object of type {' or '.join(kinds)}"
        return
    yield from _keys(value, at, "text", "emoji" if value["type"] == "plain_text" else "verbatim")
    yield from _string(value, "text", at, longest)


def _keys(holder: dict[str, Any], at: str, *known: str) -> Errors:
    for key in sorted(holder.keys() - {"type", *known}):
        yield f"{at}: invalid additional property: {key}"


def _string(holder: dict[str, Any], key: str, at: str, longest: int) -> Errors:
    value = holder.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        length = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
        yield f"{at}/{key}: must be a string of 1 to {longest} characters, is {length}"


def _url(holder: dict[str, Any], key: str, at: str) -> Errors:
    yield from _string(holder, key, at, 3000)
    try:
        parts = urlsplit(str(holder.get(key)))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        yield f"{at}/{key}: not an http(s) URL"


def _list(value: Any, at: str, least: int, most: int | None, judge: Callable[[Any, str], Errors]) -> Errors:
    if not isinstance(value, list) or len(value) < least:
        yield f"{at}: must be a list of at least {least} items"
        return
    if most is not None and len(value) > most:
        yield f"{at}: no more than {most} items allowed, has {len(value)}"
    for index, item in enumerate(value):
        yield from judge(item, f"{at}/{index}")
