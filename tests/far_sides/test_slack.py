"""The Slack judge takes what the documented limits allow and says why it refuses the rest."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.far_sides.slack import SlackWebhook

Block = dict[str, Any]


@pytest.fixture
def slack() -> Iterator[SlackWebhook]:
    """An empty channel."""
    with SlackWebhook() as server:
        yield server


def plain(text: str) -> Block:
    """Returns a plain text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Block:
    """Returns a mrkdwn text object."""
    return {"type": "mrkdwn", "text": text}


def button(**changes: Any) -> Block:
    """Returns a link button."""
    return {"type": "button", "text": plain("Runbook"), "url": "https://runbooks.example/", **changes}


def section(text: str) -> Block:
    """Returns a section with text."""
    return {"type": "section", "text": mrkdwn(text)}


def header(text: str) -> Block:
    """Returns a header."""
    return {"type": "header", "text": plain(text)}


def option(**keys: Any) -> Block:
    """Returns an option of a menu."""
    return {"text": plain("1 hour"), "value": "1h"} | keys


def menu(*options: Block) -> Block:
    """Returns an overflow menu."""
    return {"type": "overflow", "action_id": "silence", "options": list(options)}


def actions(*elements: Block) -> Block:
    """Returns a block of buttons."""
    return {"type": "actions", "elements": list(elements)}


def context(*elements: Block) -> Block:
    """Returns a context block."""
    return {"type": "context", "elements": list(elements)}


def image() -> Block:
    """Returns an image element."""
    return {"type": "image", "image_url": "https://alerts.example/a.png", "alt_text": "CPU"}


def fields(*texts: str) -> Block:
    """Returns a section with fields."""
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def post(slack: SlackWebhook, message: object) -> tuple[int, str]:
    """Posts one message and returns the status and the answer."""
    response = requests.post(slack.url, json=message, timeout=5)
    return response.status_code, response.text


def test_takes_a_full_message(slack: SlackWebhook) -> None:
    """A message with every known block at its limits, in an attachment too, is answered ok."""
    blocks = [
        {**header("x" * 150), "block_id": "b" * 255},
        section("x" * 3000),
        {**section("x"), "accessory": button(action_id="accessory"), "expand": True},
        fields("x" * 2000, *["x"] * 9),
        {"type": "divider"},
        context(image(), *[mrkdwn("x")] * 9),
        actions(
            button(text=plain("x" * 75), action_id="a" * 255, value="v" * 2000, style="danger"),
            *[button()] * 24,
        ),
        {**image(), "title": plain("CPU")},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
        *[{"type": "divider"}] * 41,
    ]
    message = {
        "text": "x" * 40_000,
        "blocks": blocks,
        "attachments": [{"color": "#ff0000", "blocks": [section("y")]}] + [{"text": "z"}] * 99,
    }
    assert (200, "ok") == post(slack, message)
    assert message == slack.wait_for_message()


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ([], "invalid_payload"),
        ({"text": 1}, "invalid_payload"),
        ({}, "no_text"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "attachments": {}}, "invalid_attachments"),
        ({"text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
        ({"blocks": [section("x" * 2900)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_refuses_wrong_messages(slack: SlackWebhook, message: object, error: str) -> None:
    """Each breach is answered 400 with Slack's word for it."""
    assert (400, error) == post(slack, message)
    assert [error] == [refusal.error for refusal in slack.refused]
    assert [] == slack.messages


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"type": "marquee"}, "/blocks/0: unsupported type of block: 'marquee'"),
        ("text", "/blocks/0: unsupported type of block: None"),
        ({"type": "divider", "colour": "red"}, "/blocks/0: invalid additional property: colour"),
        (
            {"type": "divider", "block_id": "b" * 256},
            "/blocks/0/block_id: must be a string of 1 to 255 characters, is 256 characters",
        ),
        (
            header("x" * 151),
            "/blocks/0/text/text: must be a string of 1 to 150 characters, is 151 characters",
        ),
        (header(""), "/blocks/0/text/text: must be a string of 1 to 150 characters, is 0 characters"),
        (
            {"type": "header", "text": mrkdwn("x")},
            "/blocks/0/text: must be a text object of type plain_text",
        ),
        ({"type": "section"}, "/blocks/0: needs text or fields"),
        (
            section("x" * 3001),
            "/blocks/0/text/text: must be a string of 1 to 3000 characters, is 3001 characters",
        ),
        (
            fields("x" * 2001),
            "/blocks/0/fields/0/text: must be a string of 1 to 2000 characters, is 2001 characters",
        ),
        (fields(*["x"] * 11), "/blocks/0/fields: no more than 10 items allowed, has 11"),
        (fields(), "/blocks/0/fields: must be a list of at least 1 items"),
        (context(), "/blocks/0/elements: must be a list of at least 1 items"),
        (context(*[mrkdwn("x")] * 11), "/blocks/0/elements: no more than 10 items allowed, has 11"),
        (actions(*[button()] * 26), "/blocks/0/elements: no more than 25 items allowed, has 26"),
        (
            actions(button(text=plain("x" * 76))),
            "/blocks/0/elements/0/text/text: must be a string of 1 to 75 characters, is 76 characters",
        ),
        (
            actions(button(url="javascript:alert(1)")),
            "/blocks/0/elements/0/url: not an http(s) URL",
        ),
        (
            actions(button(url="https://a.example/" + "x" * 3000)),
            "/blocks/0/elements/0/url: must be a string of 1 to 3000 characters, is 3018 characters",
        ),
        (
            actions(button(action_id="a" * 256)),
            "/blocks/0/elements/0/action_id: must be a string of 1 to 255 characters, is 256 characters",
        ),
        (
            actions(button(value="v" * 2001)),
            "/blocks/0/elements/0/value: must be a string of 1 to 2000 characters, is 2001 characters",
        ),
        (actions(button(style="loud")), "/blocks/0/elements/0/style: must be primary or danger"),
        (actions(menu(*[option()] * 6)), "/blocks/0/elements/0/options: no more than 5 items allowed, has 6"),
        (actions(menu()), "/blocks/0/elements/0/options: must be a list of at least 1 items"),
        (
            actions(menu(option(value="v" * 151))),
            "/blocks/0/elements/0/options/0/value: must be a string of 1 to 150 characters, is 151 characters",
        ),
        (
            actions(menu(option(text=plain("x" * 76)))),
            "/blocks/0/elements/0/options/0/text/text: must be a string of 1 to 75 characters, is 76 characters",
        ),
        (
            {"type": "image", "image_url": "https://a.example/a.png"},
            "/blocks/0/alt_text: must be a string of 1 to 2000 characters, is NoneType",
        ),
        (
            {"type": "rich_text", "elements": [{"type": "text"}]},
            "/blocks/0/elements/0: type must be one of rich_text_section, rich_text_list, "
            "rich_text_preformatted, rich_text_quote",
        ),
        (actions(button(action_id="a"), button(action_id="a")), "action_id 'a' is used twice"),
    ],
)
def test_refuses_wrong_blocks(slack: SlackWebhook, block: object, reason: str) -> None:
    """Each breach in a block is answered invalid_blocks, and the exact reason is kept."""
    assert (400, "invalid_blocks") == post(slack, {"text": "x", "blocks": [block]})
    assert (reason,) == slack.refused[0].reasons


def test_judges_blocks_of_attachments(slack: SlackWebhook) -> None:
    """Attachments are held to the same limits, and ids are unique over the whole message."""
    repeated = {"type": "divider", "block_id": "b"}
    attachments = [{"blocks": [repeated]}, {"blocks": [{"type": "divider"}] * 51}]
    assert (400, "invalid_blocks") == post(slack, {"blocks": [repeated], "attachments": attachments})
    expected = (
        "/attachments/1/blocks: no more than 50 items allowed, has 51",
        "block_id 'b' is used twice",
    )
    assert expected == slack.refused[0].reasons


def test_refuses_what_is_not_json(slack: SlackWebhook) -> None:
    """A body that is not JSON is answered invalid_payload."""
    response = requests.post(slack.url, data=b"text=hello", timeout=5)
    assert (400, "invalid_payload") == (response.status_code, response.text)


def test_answers_at_its_own_path_only(slack: SlackWebhook) -> None:
    """Another path is answered no_service, whatever comes."""
    response = requests.post(slack.url + "x", json={"text": "x"}, timeout=5)
    assert (404, "no_service") == (response.status_code, response.text)
    assert [] == slack.messages


def test_records_what_would_notify_people(slack: SlackWebhook) -> None:
    """Unescaped control sequences are seen wherever mrkdwn is read; plain text, dates and links are none."""
    message = {
        "text": "<!channel> &lt;!here&gt; <https://a.example|a>",
        "blocks": [section("<!here> <!date^1^{date}|x>"), header("<!everyone>")],
        "attachments": [{"text": "<@U123|bob>", "fields": [{"title": "x", "value": "<!subteam^S1>"}]}],
    }
    assert (200, "ok") == post(slack, message)
    assert ["<!channel>", "<!here>", "<@U123|bob>", "<!subteam^S1>"] == slack.pings
