"""The far side's Web API answers as Slack documents it, and keeps what a channel would show."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.far_sides.slack_api import SlackApi, Trouble

START = datetime(2026, 1, 1, tzinfo=UTC)
ID = "C0FARSIDE1"
GONE = "1767225600.999900"


@pytest.fixture
def slack() -> Iterator[SlackApi]:
    """A workspace of two empty channels, where time stands still."""
    with SlackApi(now=lambda: START) as server:
        yield server


def call(slack: SlackApi, method: str, **arguments: Any) -> dict[str, Any]:
    """Calls a method in JSON and returns what it was answered."""
    url, headers = f"{slack.base_url}/api/{method}", {"Authorization": f"Bearer {slack.token}"}
    answer: dict[str, Any] = requests.post(url, json=arguments, headers=headers, timeout=5).json()
    return answer


def post(slack: SlackApi, text: str = "x", **arguments: Any) -> str:
    """Posts into #ops and returns the ts."""
    answer = call(slack, "chat.postMessage", **{"channel": "#ops", "text": text, **arguments})
    assert answer["ok"], answer
    return str(answer["ts"])


def upload(slack: SlackApi, content: bytes = b"png", length: int | None = None) -> tuple[str, requests.Response]:
    """Takes the first two steps and returns the file's id, and what the bytes were answered."""
    size = len(content) if length is None else length
    ticket = call(slack, "files.getUploadURLExternal", filename="cpu.png", length=size, alt_txt="CPU of a-1")
    return ticket["file_id"], requests.post(ticket["upload_url"], data=content, timeout=5)


def test_posts_by_name_and_by_id(slack: SlackApi) -> None:
    """Either is taken, and the id, a ts of its own and the message come back."""
    for channel, ts in (("#ops", "1767225600.000100"), ("ops", "1767225600.000200"), (ID, "1767225600.000300")):
        answer = call(slack, "chat.postMessage", channel=channel, text="x")
        assert (True, ID, ts, "x") == (answer["ok"], answer["channel"], answer["ts"], answer["message"]["text"])
    assert ["1767225600.000100"] == [
        call(slack, "chat.postMessage", channel="#on-call", text="another channel has its own")["ts"]
    ]


def test_a_ts_rises_though_the_clock_goes_back() -> None:
    """Messages are told apart and ordered by it."""
    times = iter([START, START, START.replace(year=2025), START.replace(year=2025)])
    with SlackApi(now=lambda: next(times)) as slack:
        first = post(slack)
        assert first < post(slack)


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "#ops"}, "no_text"),
        ("chat.postMessage", {"channel": "#ops", "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "#ops", "text": "x", "thread_ts": "1.2"}, "invalid_thread_ts"),
        ("chat.postMessage", {"channel": "#ops", "text": "x", "thread_ts": 1767225600.0001}, "invalid_thread_ts"),
        ("chat.postMessage", {"channel": "#ops", "blocks": [{"type": "marquee"}]}, "invalid_blocks"),
        (
            "chat.postMessage",
            {"channel": "#ops", "blocks": [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "x"}]},
            "invalid_blocks",
        ),
        ("chat.update", {"channel": "#ops", "ts": GONE, "text": "x"}, "channel_not_found"),
        ("chat.update", {"channel": ID, "ts": GONE, "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": ID, "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": ID, "ts": GONE, "attachments": []}, "no_text"),
        ("chat.update", {"channel": ID, "ts": GONE, "text": "x" * 4_001}, "msg_too_long"),
        ("files.getUploadURLExternal", {"filename": "a.png", "length": 0}, "missing_argument"),
        ("files.getUploadURLExternal", {"length": 1}, "missing_argument"),
        ("files.getUploadURLExternal", {"filename": "a.png", "length": "many"}, "invalid_arguments"),
        ("files.getUploadURLExternal", {"filename": "a", "length": 1, "alt_txt": "x" * 1_001}, "alt_txt_too_large"),
        ("files.completeUploadExternal", {"files": []}, "invalid_arguments"),
        ("files.completeUploadExternal", {"files": [{"id": "F1"}]}, "file_not_found"),
        ("files.completeUploadExternal", {"files": [{"id": "F1"}], "channel_id": "#ops"}, "channel_not_found"),
        (
            "files.completeUploadExternal",
            {"files": [{"id": "F1"}], "channels": f"{ID},C0FARSIDE2", "thread_ts": GONE},
            "invalid_arguments",
        ),
        ("chat.shout", {}, "unknown_method"),
    ],
)
def test_refuses_in_slacks_words(slack: SlackApi, method: str, arguments: dict[str, Any], error: str) -> None:
    """The error is in the answer, the log and the list of refusals, and nothing is posted."""
    assert (False, error) == (lambda answer: (answer["ok"], answer["error"]))(call(slack, method, **arguments))
    assert [(method, arguments, error)] == [(each.method, each.arguments, each.error) for each in slack.calls]
    assert [error] == [refusal.error for refusal in slack.refused]
    assert ([], []) == (slack.messages, slack.channel().messages)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "not_authed"),
        ({"Authorization": "Bearer another"}, "invalid_auth"),
        ({"Authorization": "Basic xoxb-not-a-real-token"}, "not_authed"),
    ],
)
def test_wants_the_token(slack: SlackApi, headers: dict[str, str], error: str) -> None:
    """In JSON the header alone counts, and no token is told again."""
    message = {"channel": "#ops", "text": "x", "token": slack.token}
    assert error == requests.post(slack.url, json=message, headers=headers, timeout=5).json()["error"]
    assert slack.token not in repr(slack.calls)


def test_reads_forms(slack: SlackApi) -> None:
    """Token and JSON within the form, as with JSON; and what is no form, no JSON, or neither is told so."""
    form = {"token": slack.token, "channel": "#ops", "attachments": json.dumps([{"text": "y"}])}
    assert requests.post(slack.url, data=form, timeout=5).json()["ok"]
    assert [{"text": "y"}] == slack.channel().messages[0].content["attachments"]
    plain = {"Content-Type": "text/html"}
    for body, headers, error in (
        ({**form, "blocks": "[", "attachments": "[]"}, {}, "invalid_blocks_format"),
        (b"[]", {"Content-Type": "application/json"}, "json_not_object"),
        (b"[", {"Content-Type": "application/json"}, "invalid_json"),
        (b"{}", {"Content-Type": "application/json; charset=utf-7"}, "invalid_charset"),
        (b"\xff", {"Content-Type": "application/x-www-form-urlencoded"}, "invalid_form_data"),
        (b"x", plain, "invalid_post_type"),
        (b"x", {}, "missing_post_type"),
    ):
        assert error == requests.post(slack.url, data=body, headers=headers, timeout=5).json()["error"]


def test_a_reply_is_put_under_its_parent(slack: SlackApi) -> None:
    """It is told so, and the channel shows one that is broadcast as well."""
    parent = post(slack)
    answer = call(slack, "chat.postMessage", channel=ID, text="quiet", thread_ts=parent)
    assert parent == answer["message"]["thread_ts"]
    loud = post(slack, "loud", thread_ts=parent, reply_broadcast=True)
    assert [("quiet", False), ("loud", True)] == [
        (each.content["text"], each.broadcast) for each in slack.channel().replies(parent)
    ]
    assert [parent] == [each.ts for each in slack.channel().messages]
    refused = call(slack, "chat.postMessage", channel=ID, text="x", thread_ts=loud)
    assert "cannot_reply_to_message" == refused["error"]


def test_a_reply_to_what_is_gone_stands_by_itself(slack: SlackApi) -> None:
    """Slack says nothing of it but by the thread_ts that its answer lacks; a thread outlives its parent."""
    bare, kept = post(slack), post(slack)
    post(slack, thread_ts=kept)
    slack.delete(bare)
    slack.delete(kept)
    for parent, threaded in ((bare, False), (GONE, False), (kept, True)):
        answer = call(slack, "chat.postMessage", channel=ID, text="late", thread_ts=parent)
        assert (True, threaded) == (answer["ok"], "thread_ts" in answer["message"])
    assert [(True, False), (False, True), (False, True)] == [
        (each.deleted, each.unthreaded) for each in slack.channel().messages
    ]


BLOCKS = [{"type": "divider"}]
ATTACHMENTS = [{"text": "y"}]


@pytest.mark.parametrize(
    ("change", "expected", "marked"),
    [
        ({"text": "new"}, {"text": "new", "attachments": ATTACHMENTS}, True),
        ({"text": "new", "attachments": []}, {"text": "new", "attachments": []}, True),
        ({"blocks": []}, None, False),
        ({"text": "new", "blocks": []}, {"text": "new", "blocks": [], "attachments": ATTACHMENTS}, False),
        ({"attachments": [{"text": "z"}]}, {"text": "x", "blocks": BLOCKS, "attachments": [{"text": "z"}]}, True),
        (
            {"blocks": [*BLOCKS, *BLOCKS]},
            {"text": "x", "blocks": [*BLOCKS, *BLOCKS], "attachments": ATTACHMENTS},
            False,
        ),
    ],
)
def test_an_edit_keeps_what_it_does_not_name(
    slack: SlackApi, change: dict[str, Any], expected: dict[str, Any] | None, marked: bool
) -> None:
    """But for blocks beside a new text; and an edit that brings blocks is not marked."""
    ts = post(slack, blocks=BLOCKS, attachments=ATTACHMENTS)
    answer = call(slack, "chat.update", channel=ID, ts=ts, **change)
    (shown,) = slack.channel().messages
    if expected is None:
        assert ("no_text", 0) == (answer["error"], shown.edits)
        return
    assert (ID, ts, expected, 1, marked) == (
        answer["channel"],
        answer["ts"],
        shown.content,
        shown.edits,
        shown.marked,
    )
    assert marked == ("edited" in answer["message"])


def test_edits_only_its_own_while_it_may(slack: SlackApi) -> None:
    """Another's message, one that is deleted, and one that is too old are told apart."""
    theirs, gone, old = slack.say("hello"), post(slack), post(slack)
    slack.delete(gone)
    for ts, error in ((theirs, "cant_update_message"), (gone, "message_not_found")):
        assert error == call(slack, "chat.update", channel=ID, ts=ts, text="y")["error"]
    slack.close_edit_window()
    assert "edit_window_closed" == call(slack, "chat.update", channel=ID, ts=old, text="y")["error"]
    assert ["hello", "x"] == [each.content["text"] for each in slack.channel().messages]


def test_tells_what_makes_a_phone_buzz(slack: SlackApi) -> None:
    """A message, a broadcast and a mention do; a quiet reply and an edit do not, whatever it says."""
    parent = post(slack, "<!here> fire")
    post(slack, "quiet", thread_ts=parent)
    call(slack, "chat.update", channel=ID, ts=parent, text="<!channel> still")
    mention = post(slack, "<@U1> look", thread_ts=parent)
    loud = post(slack, "worse", thread_ts=parent, reply_broadcast=True)
    assert [("message", parent, ("<!here>",)), ("reply", mention, ("<@U1>",)), ("broadcast", loud, ())] == [
        (each.kind, each.ts, each.mentions) for each in slack.notifications
    ]
    assert (["<!here>", "<@U1>"], ["<!channel>"]) == (slack.pings, slack.silent_pings)


def test_uploads_a_file_in_three_steps(slack: SlackApi) -> None:
    """It stands in the thread when all are done, once; and blocks can show it."""
    parent = post(slack)
    file_id, response = upload(slack)
    assert 200 == response.status_code
    wanted = {"files": [{"id": file_id, "title": "CPU"}], "channel_id": ID, "thread_ts": parent}
    assert [] == slack.channel().replies(parent)
    assert {"ok": True, "files": [{"id": file_id, "title": "CPU"}]} == call(
        slack, "files.completeUploadExternal", **wanted
    )
    (reply,) = slack.channel().replies(parent)
    (file,) = reply.files
    assert ("cpu.png", b"png", "CPU", "CPU of a-1") == (file.name, file.content, file.title, file.alt_text)
    assert "file_not_found" == call(slack, "files.completeUploadExternal", **wanted)["error"]
    assert 1 == len(slack.notifications)
    post(slack, blocks=[{"type": "image", "slack_file": {"id": file_id}, "alt_text": "CPU"}])


def test_takes_a_file_as_a_form(slack: SlackApi) -> None:
    """The bytes are those of its part, not of the form; without a channel nobody sees them."""
    ticket = call(slack, "files.getUploadURLExternal", filename="a.png", length=4)
    sent = requests.post(ticket["upload_url"], files={"filename": ("a.png", b"\r\n\x00\xff")}, timeout=5)
    assert 200 == sent.status_code
    assert call(slack, "files.completeUploadExternal", files=[{"id": ticket["file_id"]}])["ok"]
    assert b"\r\n\x00\xff" == slack.workspace.uploads.files[ticket["file_id"]].content
    assert [] == slack.channel().messages


def test_refuses_bytes_that_were_not_announced(slack: SlackApi) -> None:
    """More or fewer, or for no ticket, are no success; what has no bytes cannot be completed."""
    file_id, response = upload(slack, length=4)
    unknown = requests.post(f"{slack.base_url}/upload/v1/F9-x", data=b"png", timeout=5)
    assert (400, 400) == (response.status_code, unknown.status_code)
    assert "file_not_found" == call(slack, "files.completeUploadExternal", files=[{"id": file_id}])["error"]


def test_a_channel_takes_a_message_a_second(slack: SlackApi) -> None:
    """After a short burst, and each channel for itself; an edit has a limit of its own."""
    seconds = [100.0]
    slack.limit_rates(lambda: seconds[0])
    headers = {"Authorization": f"Bearer {slack.token}"}

    def status(channel: str = "#ops") -> tuple[int, str | None]:
        response = requests.post(slack.url, json={"channel": channel, "text": "x"}, headers=headers, timeout=5)
        return response.status_code, response.headers.get("Retry-After")

    assert [(200, None)] * 3 + [(429, "1")] == [status() for _ in range(4)]
    assert (200, None) == status("#on-call")
    ts = slack.channel().messages[0].ts
    edits = [call(slack, "chat.update", channel=ID, ts=ts, text="y").get("error") for _ in range(11)]
    assert [None] * 10 + ["ratelimited"] == edits
    seconds[0] += 1
    assert [(200, None), (429, "1")] == [status(), status()]
    assert ["ratelimited"] * 2 == [each.error for each in slack.called("chat.postMessage") if each.error]


def test_a_name_and_an_id_share_a_limit(slack: SlackApi) -> None:
    """They are one channel."""
    slack.limit_rates(lambda: 100.0)
    calls = [call(slack, "chat.postMessage", channel=each, text="x")["ok"] for each in ("#ops", ID, "ops", ID)]
    assert [True, True, True, False] == calls


def test_fails_as_it_is_told(slack: SlackApi) -> None:
    """So many calls of that method, with an error or a status; the one after is answered as ever."""
    slack.fail("chat.postMessage", "fatal_error", times=2)
    slack.fail("chat.update", 503)
    slack.fail("upload", 500)
    ts = slack.say("by another")
    answers = [call(slack, "chat.postMessage", channel=ID, text="x") for _ in range(3)]
    assert ["fatal_error", "fatal_error", None] == [each.get("error") for each in answers]
    headers = {"Authorization": f"Bearer {slack.token}"}
    sent = requests.post(f"{slack.base_url}/api/chat.update", json={"ts": ts}, headers=headers, timeout=5)
    assert (503, 500) == (sent.status_code, upload(slack)[1].status_code)
    assert 2 == len(slack.channel().messages)
    assert ["fatal_error", "fatal_error", ""] == [each.error for each in slack.called("chat.postMessage")]


@pytest.mark.parametrize(
    ("trouble", "taken", "error"),
    [
        (Trouble.HANGS, 0, requests.ReadTimeout),
        (Trouble.TAKES_AND_HANGS, 1, requests.ReadTimeout),
        (Trouble.DROPS, 0, requests.ConnectionError),
        (Trouble.TAKES_AND_DROPS, 1, requests.ConnectionError),
    ],
)
def test_answers_nothing(slack: SlackApi, trouble: Trouble, taken: int, error: type[Exception]) -> None:
    """Whether it was done is not to be known from outside, and it was or was not."""
    slack.fail("chat.postMessage", trouble)
    headers = {"Authorization": f"Bearer {slack.token}"}
    with pytest.raises(error):
        requests.post(slack.url, json={"channel": "#ops", "text": "x"}, headers=headers, timeout=0.3)
    assert taken == len(slack.channel().messages)
    assert 1 == len(slack.wait_for_calls("chat.postMessage"))
    post(slack)
