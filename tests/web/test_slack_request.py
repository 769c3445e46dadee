"""What Slack tells of a click, and whether it was Slack who told it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.web.clicks import GROUP, SECRET, form, payload, signature
from web.slack_request import Answered, Click, is_signed, read

BODY = b"payload=%7B%7D"
NOW = datetime(2026, 3, 2, 7, 31, 57, 339_000, UTC)
STAMP = str(int(NOW.timestamp()))
GOOD = signature(BODY, STAMP)


def test_knows_slacks_own_example() -> None:
    """The request that Slack's documentation signs step by step.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    then = datetime.fromtimestamp(1531420618, UTC)
    assert is_signed(body, "1531420618", signed, "8f742231b10e8888abcd99yyyzzz85a5", then)


@pytest.mark.parametrize("age", [-300, -299, 0, 299, 300])
def test_takes_what_is_signed(age: float) -> None:
    """Within five minutes, ahead of our clock as well."""
    now = datetime.fromtimestamp(int(STAMP) + age, UTC)
    assert is_signed(BODY, STAMP, GOOD, SECRET, now)


@pytest.mark.parametrize("age", [-1e9, -301, 300.1, 301, 1e9])
def test_takes_nothing_old(age: float) -> None:
    """Nor what comes from the future."""
    now = datetime.fromtimestamp(int(STAMP) + age, UTC)
    assert not is_signed(BODY, STAMP, GOOD, SECRET, now)


@pytest.mark.parametrize(
    ("body", "timestamp", "signed"),
    [
        (BODY, STAMP, ""),
        (BODY, STAMP, "v0="),
        (BODY, STAMP, "v0=" + "0" * 64),
        (BODY, STAMP, "\xe9"),
        (BODY, STAMP, "\ud800"),
        (BODY, STAMP, GOOD.removeprefix("v0=")),
        (BODY, STAMP, GOOD.replace("v0=", "v1=")),
        (BODY, STAMP, GOOD.upper()),
        (BODY, STAMP, f"{GOOD},{GOOD}"),
        (BODY, STAMP, signature(BODY, STAMP, "another")),
        (BODY, STAMP, signature(BODY, STAMP, "")),
        (BODY + b"&", STAMP, GOOD),
        (b"", STAMP, GOOD),
        (BODY, str(int(STAMP) + 1), GOOD),
    ],
)
def test_takes_nothing_that_is_signed_otherwise(body: bytes, timestamp: str, signed: str) -> None:
    """Each way in which a signature can be wrong."""
    assert not is_signed(body, timestamp, signed, SECRET, NOW)


@pytest.mark.parametrize("timestamp", ["", "now", "-1", f"-{STAMP}", f"{STAMP}.5", f" {STAMP}", "9" * 400, "²", "١"])
def test_takes_no_time_that_is_none(timestamp: str) -> None:
    """Though it is signed."""
    assert not is_signed(BODY, timestamp, signature(BODY, timestamp), SECRET, NOW)


def test_reads_a_click() -> None:
    """Of a button its value, of a menu that of the option."""
    button = read(form(payload("acknowledge", GROUP, "https://hooks.slack.com/a")))
    assert Click("acknowledge", GROUP, "jane", "U012AB", "https://hooks.slack.com/a") == button
    menu = read(form(payload("silence", f"1h:{GROUP}", "https://hooks.slack.com/a")))
    assert Click("silence", f"1h:{GROUP}", "jane", "U012AB", "https://hooks.slack.com/a") == menu


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"payload",
        b"payload=",
        b"payload={",
        b"payload=%FF",
        b"\xff\xfe",
        b"payload=[]",
        b"payload=1",
        b"payload=" + b"[" * 100_000,
        b"a=1&" * 100,
        form({"type": "block_actions"}),
        form({"type": "block_actions", "actions": [], "user": {}}),
        form({"type": "block_actions", "actions": {}, "user": {}}),
        form({"type": "block_actions", "actions": [1], "user": {}}),
        form({"type": "block_actions", "actions": [{}], "user": "jane"}),
    ],
)
def test_refuses_nonsense(content: bytes) -> None:
    """What Slack would never send."""
    with pytest.raises(ValueError, match="payload"):
        read(content)


@pytest.mark.parametrize("document", [{}, {"type": "view_submission"}, {"type": ["block_actions"]}, {"type": None}])
def test_lets_other_kinds_be(document: Any) -> None:
    """An app may have more than our buttons."""
    assert read(form(document)) is None


def test_takes_no_other_types() -> None:
    """What is no text is none."""
    wrong = {"actions": [{"action_id": 1, "value": 2}], "user": {"id": 3, "name": []}, "response_url": 1}
    assert Click("", "", "somebody", "", "") == read(form({"type": "block_actions", **wrong}))
    chosen = {"actions": [{"action_id": "a", "value": "b", "selected_option": {"value": ["c"]}}]}
    assert Click("a", "", "jane", "", "") == read(form({"type": "block_actions", "user": {"name": "jane"}, **chosen}))


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"id": "U1", "name": "<!channel> *x*"}, "<!channel> *x*"),
        ({"id": "U1", "name": "a\n\x1b[31m\u202eb\0"}, "a [31mb"),
        ({"id": "U1", "name": "x" * 100_000}, "x" * 80),
        ({"id": "U1", "username": "jane.doe"}, "jane.doe"),
        ({"id": "U1", "name": "\u200b", "username": 1}, "U1"),
        ({}, "somebody"),
    ],
)
def test_takes_any_name(user: Any, expected: str) -> None:
    """As text of one line, of some length, without what cannot be seen; whoever shows it sees to its markup."""
    click = read(form(payload("acknowledge", GROUP, "", user=user)))
    assert click is not None
    assert expected == click.by


def test_remembers_some() -> None:
    """Those that were answered last."""
    answered = Answered(most=2)
    for each in "abc":
        answered.add(each)
    assert [False, True, True] == [each in answered for each in "abc"]
