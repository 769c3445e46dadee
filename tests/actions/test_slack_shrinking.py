"""What Slack says is too long goes again at once, smaller, within the same time; no page is lost to its size."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from actions._base import json_bytes
from actions._slack_fitting import characters, fitted, smaller
from actions._slack_message import message
from actions._slack_settings import MessageSettings
from actions.slack import Action, Settings
from alerts.findings import Excerpt, Finding
from alerts.notification import Image, Notification, SendError, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.in_process import InProcess
from tests.actions.notifications import CPU, LOG, MEMORY, alert, any_notification, notification
from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.slack import Message, SlackWebhook
from tests.far_sides.slack_blocks import block_characters, block_errors

PART = "_Slack took only a part of this message._"
IMAGE = Image("https://alerts.example/charts/t.png", "memory")


class StrictSlack(SlackWebhook):
    """A webhook that takes a message only if a test's own judge has nothing against it, and says a word if it has."""

    def __init__(self, least: int, word: str = "invalid_blocks") -> None:
        """Takes what has at most so many characters in all."""
        super().__init__()
        self.least = least
        self.word = word

    def answer(self, request: Request) -> Answer:
        """Returns what the other limits say, if this one is kept."""
        if len(request.body) > self.least:
            return Answer(400, self.word.encode())
        return super().answer(request)


def illustrated() -> Notification:
    """Returns a group with everything a message may hold."""
    alerts = [alert({"alertname": "A", "namespace": "shop", "pod": f"cart-{at}"}) for at in range(20)]
    told = notification(*alerts, findings=[CPU, MEMORY, LOG], page_url=notifications.PAGE)
    return replace(told, images=(IMAGE, IMAGE, IMAGE))


def document(told: Notification, **wanted: Any) -> Message:
    """Returns the message."""
    return message(told, MessageSettings.model_validate(wanted))[0]


def kinds(made: Message) -> list[str]:
    """Returns what a message holds, attachment by attachment."""
    told = []
    for each in made["attachments"]:
        told += [block["type"] for block in each.get("blocks", [])] + ["picture"] * ("image_url" in each)
    return told


def test_gives_way_step_by_step() -> None:
    """Pictures and excerpts, then lines, then all but the buttons, then those; each says that it is a part."""
    whole = document(illustrated(), channel="#ops", username="us", pretext="<!here> " + "x" * 3_000)
    assert ["section"] * 4 + ["actions", "context", "picture", "picture"] == kinds(whole)
    first, second, third, last = smaller(whole)
    assert ["section", "section", "section", "actions", "context", "context"] == kinds(first)
    assert whole["text"] == first["text"]
    assert ["section", "section", "actions", "context", "context"] == kinds(second)
    assert second["attachments"][0]["blocks"][1]["text"]["text"].endswith("cart-3 — CPU 84%, memory 86%\n…")
    assert 1_000 == len(second["text"])
    assert second["text"].startswith("🟠 *[FIRING:20] A* shop/cart-0 and 19 more\n<!here> xxx")
    assert ["actions", "context"] == kinds(third)
    for each in (first, second, third):
        assert PART == each["attachments"][0]["blocks"][-1]["elements"][0]["text"]
    assert {"text": f"{second['text']}\n{PART}", "attachments": [], "channel": "#ops"} == last


def test_where_it_goes_stays() -> None:
    """An edit or a reply that gets smaller is one of the same message."""
    for each in smaller({**document(illustrated()), "channel": "C1", "ts": "1.2", "thread_ts": "1.1"}):
        assert ("C1", "1.2", "1.1") == (each["channel"], each["ts"], each["thread_ts"])


def test_of_one_alert_the_first_readings_stay() -> None:
    """A table without a heading is what a message of one alert has to tell."""
    told = notification(alert(), findings=[replace(CPU, note="&" * 300)] * 9)
    # There is neither a picture nor an excerpt to go first.
    made = next(smaller(document(told)))
    (fields,) = [block["fields"] for block in made["attachments"][0]["blocks"] if "fields" in block]
    assert (4, True) == (len(fields), all(len(each["text"]) <= 200 for each in fields))
    assert [] == block_errors({"": made["attachments"][0]["blocks"]})


def test_a_text_alone_gets_smaller_only_where_it_can() -> None:
    """There is no step that sends the same again."""
    assert [] == list(smaller({"text": "short", "attachments": []}))
    assert [] == list(smaller({"text": "short", "channel": "C1", "thread_ts": "1.1"}))
    (only,) = smaller({"text": "x" * 2_000, "attachments": []})
    assert f"{'x' * 999}…\n{PART}" == only["text"]


def test_no_entity_or_date_is_cut_in_two() -> None:
    """However a text is cut."""
    text = "&amp;<!date^1^{ago}|1970-01-01 00:00 UTC>" * 500
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    made = {"text": text, "attachments": [{"color": "#fff", "fallback": "f", "blocks": [block]}]}
    _, second, *_ = [made, *smaller(made)]
    for each in (second["text"], second["attachments"][0]["blocks"][0]["text"]["text"]):
        rest = each.replace("&amp;", "").replace("<!date^1^{ago}|1970-01-01 00:00 UTC>", "")
        assert rest.strip("…\n") in ("", PART)


def test_what_is_first_to_give_way_gives_way_first() -> None:
    """From the end of its part; what never does is kept, though it is too long."""

    def block(text: str) -> dict[str, Any]:
        return {"text": {"text": text}}

    parts = [(0, [block("a" * 10)]), (1, [block("b" * 10), block("c" * 10)]), (2, [block("d" * 10)])]
    for limit, kept in ((40, "abcd"), (39, "abc"), (29, "ab"), (19, "a"), (1, "a")):
        assert kept == "".join(each["text"]["text"][0] for each in fitted(parts, limit))
    assert 40 == characters([each for _, blocks in parts for each in blocks])


@pytest.mark.parametrize("refused", range(5))
@pytest.mark.parametrize("word", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long", "invalid_payload"])
def test_sends_as_much_as_is_taken(http: Http, refused: int, word: str) -> None:
    """At once, and the receipt says what Slack said to the whole."""
    sizes = [document(illustrated()), *smaller(document(illustrated()))]
    with StrictSlack(len(json_bytes(sizes[refused])), word) as slack:
        receipt = Action(Settings.model_validate({"api_url": slack.url}), http).send(illustrated(), Thread(), 5)
        (sent,) = slack.messages
        assert refused + 1 == len(slack.requests)
    assert sizes[refused] == sent
    assert "[FIRING:20] A" in sent["text"]
    expected = f"posted a part of it; of the whole said Slack: status 400: {word}" if refused else "posted"
    assert expected == receipt.detail


def test_what_is_never_taken_is_the_operators(http: Http) -> None:
    """With what Slack said, after five attempts, and not for ever."""
    with StrictSlack(0) as slack:
        with pytest.raises(SendError, match="Slack: status 400: invalid_blocks") as raised:
            Action(Settings.model_validate({"api_url": slack.url}), http).send(illustrated(), Thread(), 5)
        assert 5 == len(slack.requests)
    assert raised.value.permanent


def test_goes_on_where_it_was_stopped(http: Http) -> None:
    """Slack is told too much at once: the next attempt does not begin with what was refused."""
    with HttpServer() as slack:
        action = Action(Settings.model_validate({"api_url": slack.url}), http)
        told = illustrated()
        for _ in range(2):
            slack.answer_next(400, b"invalid_blocks")
            slack.answer_next(429, b"", {"Retry-After": "1"})
            with pytest.raises(SendError, match="status 429") as raised:
                action.send(told, Thread(), 5)
            assert (False, True) == (raised.value.permanent, raised.value.throttled)
        slack.answer_next(200, b"ok")
        assert "Slack: status 400: invalid_blocks" in action.send(told, Thread(), 5).detail
        sizes = [len(each.body) for each in slack.requests]
        assert sizes[1] == sizes[2]
        assert [*smaller(document(told))][1] == slack.requests[4].json()
        slack.answer_next(200, b"ok")
        assert "posted" == action.send(told, Thread(), 5).detail
        assert sizes[0] == len(slack.requests[-1].body)


def test_ends_by_its_deadline(http: Http) -> None:
    """All attempts share one; what could not be tried is tried another time."""
    with StrictSlack(0) as slack:
        slack.delay_seconds = 0.2
        with pytest.raises(SendError) as raised:
            Action(Settings.model_validate({"api_url": slack.url}), http).send(illustrated(), Thread(), 0.5)
    assert not raised.value.permanent


def test_five_hundred_long_alerts_page(http: Http) -> None:
    """With annotations of 5,000 characters each, at a far side with the documented limits."""
    with SlackWebhook() as slack:
        receipt = Action(Settings.model_validate({"api_url": slack.url}), http).send(
            notifications.huge(500, 5_000), Thread(), 30
        )
        assert ("posted", [], []) == (receipt.detail, slack.refused, slack.pings)
        (sent,) = slack.messages
    assert "… and 490 more" in json.dumps(sent, ensure_ascii=False)


@pytest.mark.parametrize("least", [8_000, 3_000, 1_800])
def test_five_hundred_long_alerts_page_where_less_is_taken(http: Http, least: int) -> None:
    """And at one that takes less than is documented."""
    with StrictSlack(least) as slack:
        Action(Settings.model_validate({"api_url": slack.url}), http).send(notifications.huge(500, 5_000), Thread(), 30)
        assert ([], 1) == (slack.pings, len(slack.messages))


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """A channel that is posted to without a network."""
    with SlackWebhook() as far_side:
        connections = InProcess(far_side)
        yield connections
        connections.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification())
def test_each_size_is_taken(in_process: InProcess, told: Notification) -> None:
    """Whatever a group holds, each smaller message is within the limits too, is smaller, and pings nobody."""
    far_side = in_process.far_side
    assert isinstance(far_side, SlackWebhook)
    far_side.pings.clear()
    found: tuple[Finding, ...] = (CPU, Excerpt("logs", "log", ("<!channel> ``` &",) * 5, notifications.START))
    told = replace(told, findings={**told.findings, told.group.alerts[0].fingerprint: found})
    sizes = [document(told), *smaller(document(told))]
    for each in sizes:
        body = json.dumps(each).encode()
        request = Request("POST", far_side.path, {}, body, 0.0)  # type: ignore[arg-type]  # no header is looked at
        assert (200, b"ok") == (far_side.answer(request).status, far_side.answer(request).body)
    assert [] == far_side.pings
    weights = [
        sum(block_characters(one.get("blocks", [])) for one in each["attachments"]) + len(each["text"])
        for each in sizes
    ]
    # The word that it is a part is 41 letters.
    assert all(later <= before + 43 for before, later in pairwise(weights))


APP = {"app_token": "xoxb-not-a-real-token", "channel": "#ops"}
HELD = Thread(key="C1:1.2", open_fingerprints=("a",), opened_at=notifications.START)


def api_answer(**answer: Any) -> bytes:
    """Returns an answer of the Web API."""
    return json.dumps({"ok": "error" not in answer, **answer}).encode()


def test_an_edit_gets_smaller_too(http: Http) -> None:
    """It stays an edit of the same message, and says itself how it is to be read."""
    with HttpServer() as slack:
        slack.answer_next(200, api_answer(error="msg_too_long"))
        slack.answer_next(200, api_answer(channel="C1", ts="1.2"))
        action = Action(Settings.model_validate({**APP, "app_url": f"{slack.base_url}/api/chat.postMessage"}), http)
        receipt = action.send(notification(alert(), findings=[CPU, LOG]), HELD, 5)
        edits = [(each.path, each.json()) for each in slack.requests]
    assert "edited a part of it; of the whole said Slack: msg_too_long" == receipt.detail
    assert ["/api/chat.update"] * 2 == [path for path, _ in edits]
    assert [("C1", "1.2", "none")] * 2 == [(each["channel"], each["ts"], each["parse"]) for _, each in edits]
    assert [False, True] == [PART in json.dumps(each) for _, each in edits]


def test_what_cannot_be_edited_is_posted_as_small(http: Http) -> None:
    """What Slack said to the edit it would say to the post."""
    with HttpServer() as slack:
        slack.answer_next(200, api_answer(error="msg_too_long"))
        slack.answer_next(200, api_answer(error="edit_window_closed"))
        slack.answer_next(200, api_answer(channel="C1", ts="1.3"))
        action = Action(Settings.model_validate({**APP, "app_url": f"{slack.base_url}/api/chat.postMessage"}), http)
        receipt = action.send(notification(alert(), findings=[CPU, LOG]), HELD, 5)
        paths = [each.path for each in slack.requests]
        last = slack.requests[-1].json()
    assert ["/api/chat.update", "/api/chat.update", "/api/chat.postMessage"] == paths
    assert ("C1:1.3", True) == (receipt.thread.key, PART in json.dumps(last))
    assert "posted a part of it; of the whole said Slack: msg_too_long" == receipt.detail
