"""Slack as an app: one message for a group's life, edited, with what happens below it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actions.slack import Action, Settings
from alerts.model import group_id
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from alerts.timeline import Acknowledgement, Entry
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import START, alert, notification
from tests.far_sides.http_server import HttpServer
from tests.far_sides.slack import SlackApi

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture"


@pytest.fixture
def slack() -> Iterator[SlackApi]:
    """A workspace."""
    with SlackApi() as far_side:
        yield far_side


def action(slack: SlackApi, http: Http, **changes: Any) -> Action:
    """Returns an action that keeps one message a group."""
    wanted = {"app_token": slack.token, "app_url": slack.url, "channel": "#ops", **changes}
    return Action(Settings.model_validate(wanted), http)


def pods(firing: int, resolved: int = 0, severity: str = "warning") -> Notification:
    """Returns a group of pods, of which the first ones fire."""
    return notification(
        *[
            alert(
                {"alertname": "PodTrouble", "namespace": "shop", "pod": f"cart-{at}", "severity": severity},
                status="firing" if at < firing else "resolved",
            )
            for at in range(firing + resolved)
        ]
    )


def tell(made: Action, told: Notification, thread: Thread) -> tuple[Receipt, Thread]:
    """Sends a state; returns what came of it, and what is held afterwards."""
    receipt = made.send(told, thread, 5)
    return receipt, receipt.thread.told(told, START)


def test_one_message_lives_as_long_as_its_group(slack: SlackApi, http: Http) -> None:
    """It is posted once and edited then, to its end; what begins again is another one."""
    made = action(slack, http)
    details = []
    thread = Thread()
    for told in (pods(1), pods(3), pods(1, 2), pods(0, 1), pods(1)):
        receipt, thread = tell(made, told, thread)
        details.append(receipt.detail)
    assert ["posted", "edited", "edited", "edited", "posted"] == details
    first, second = slack.channel("#ops").messages
    assert (3, 0) == (first.edits, second.edits)
    assert first.content["text"].startswith("✅")
    assert "🟡" in second.content["text"]
    assert ["message", "message"] == [each.kind for each in slack.notifications]
    assert [] == slack.refused


def test_an_edit_asks_for_what_it_changed_to_be_told(slack: SlackApi, http: Http) -> None:
    """New alerts are to be heard, ends are not; what is as it was is nothing to tell."""
    made = action(slack, http, message_text="<!here> {{ title }}")
    thread = Thread()
    told = []
    for each in (pods(1), pods(2), pods(2), pods(1, 1), pods(1, severity="critical")):
        receipt, thread = tell(made, each, thread)
        told.append([(entry.kind, entry.loud, entry.mentions, len(entry.about)) for entry in receipt.entries])
    here = ("<!here>",)
    assert [[], [("changes", True, here, 1)], [], [("changes", False, (), 0)], [("changes", True, here, 1)]] == told


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_what_cannot_be_edited_is_posted_anew(slack: SlackApi, http: Http, word: str) -> None:
    """In the same attempt, and it is the one that is edited from then on."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    slack.fail("chat.update", word)
    receipt, after = tell(made, pods(2), thread)
    assert ("posted", ()) == (receipt.detail, receipt.entries)
    assert after.key != thread.key
    assert "edited" == made.send(pods(1, 1), after, 5).detail
    assert 2 == len(slack.channel("#ops").messages)


@pytest.mark.parametrize(("word", "permanent"), [("token_revoked", True), ("ratelimited", False)])
def test_another_error_posts_nothing(slack: SlackApi, http: Http, word: str, permanent: bool) -> None:
    """It is the operator's, or comes again."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    slack.fail("chat.update", word)
    with pytest.raises(SendError, match=word) as raised:
        made.send(pods(2), thread, 5)
    assert permanent == raised.value.permanent
    assert 1 == len(slack.channel("#ops").messages)


def beside(thread: Thread, *entries: Entry) -> Notification:
    """Returns what is to be told below a message."""
    return replace(pods(1), entries=entries)


def test_an_entry_is_told_below_the_message(slack: SlackApi, http: Http) -> None:
    """In the channel, too, and with whom it is to reach, if it is to be heard; what an alert holds reaches nobody."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    quiet = Entry("acknowledged", "acknowledged by <!channel> in PagerDuty", START)
    loud = Entry("changes", "1 new: <@U1>", START + timedelta(days=99_000), True, ("a",), ("<!here>", "<no mention>"))
    assert "told below the message" == made.send(beside(thread, quiet), thread, 5).detail
    assert "told below the message and in the channel" == made.send(beside(thread, loud), thread, 5).detail
    (message,) = slack.channel("#ops").messages
    first, second = slack.channel("#ops").replies(message.ts)
    expected = f"👀 <!date^{int(START.timestamp())}^{{time}}|07:31 UTC>: acknowledged by &lt;!channel&gt; in PagerDuty"
    assert (expected, False) == (first.content["text"], first.broadcast)
    assert ("1 new: &lt;@U1&gt;\n<!here>", True) == (second.content["text"], second.broadcast)
    assert ["<!here>"] == slack.pings


@pytest.mark.parametrize("loud", [True, False])
def test_what_is_done_about_it_is_told_below_the_message(slack: SlackApi, http: Http, loud: bool) -> None:
    """By a sign of its own, and heard where it is to be; a name in it reaches nobody and is no link."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    text = "restarted deployment shop/<!channel> & <http://a.example|b>\nit helped: <@U1>"
    entry = Entry("remediation", text, datetime.now(UTC), loud, ("a",), ("<!here>",) if loud else (), done=True)
    heard = " and in the channel" if loud else ""
    assert f"told below the message{heard}" == made.send(beside(thread, entry), thread, 5).detail
    (message,) = slack.channel("#ops").messages
    (reply,) = slack.channel("#ops").replies(message.ts)
    shown = "🔧 restarted deployment shop/&lt;!channel&gt; &amp; &lt;http://a.example|b&gt;\nit helped: &lt;@U1&gt;"
    assert (f"{shown}\n<!here>" if loud else shown, loud) == (reply.content["text"], reply.broadcast)
    assert (["<!here>"] if loud else []) == slack.pings


def test_entries_are_told_together(slack: SlackApi, http: Http) -> None:
    """Of very many the first ones and how many more there are."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    entries = [Entry("changes", "&" * 100_000, START) for _ in range(10)]
    made.send(beside(thread, *entries), thread, 5)
    (message,) = slack.channel("#ops").messages
    (reply,) = slack.channel("#ops").replies(message.ts)
    assert reply.content["text"].endswith("\n… and 6 more")


def test_an_entry_without_its_message_is_told_in_the_channel(slack: SlackApi, http: Http) -> None:
    """Nothing is lost; Slack says of a deleted message only that nothing is below it."""
    made = action(slack, http)
    entry = Entry("changes", "1 new: cart-2", START, True)
    assert "there is no message" in made.send(beside(Thread(), entry), Thread(), 5).detail
    _, thread = tell(made, pods(1), Thread())
    slack.delete(slack.channel("#ops").messages[-1].ts)
    assert "is gone" in made.send(beside(thread, entry), thread, 5).detail
    slack.fail("chat.postMessage", "thread_not_found")
    assert "is gone" in made.send(beside(thread, entry), thread, 5).detail
    assert ["1 new: cart-2"] * 3 == [each.content["text"][-13:] for each in slack.channel("#ops").messages]


def test_pictures_are_uploaded_below_the_message(slack: SlackApi, http: Http) -> None:
    """Slack need not reach this service; a picture that cannot be had, or shown, holds up nothing."""
    made = action(slack, http)
    with HttpServer() as service:
        service.answer_next(200, PNG)
        images = (Image(f"{service.base_url}/charts/a.png", "CPU of cart-0 <!here>"),)
        receipt, thread = tell(made, replace(pods(1), images=images), Thread())
        (entry,) = receipt.entries
        assert "picture" == entry.kind
        told = replace(beside(thread, entry), images=images)
        assert "1 shown below the message" == made.send(told, thread, 5).detail
        (message,) = slack.channel("#ops").messages
        (reply,) = slack.channel("#ops").replies(message.ts)
        assert ["CPU of cart-0 <!here>"] == [each.title for each in reply.files]
        service.answer_next(404, b"")
        assert "no pictures: they cannot be had" == made.send(told, thread, 5).detail
        service.answer_next(200, PNG)
        slack.fail("files.getUploadURLExternal", "missing_scope")
        assert "no pictures: Slack: missing_scope" in made.send(told, thread, 5).detail
        service.answer_next(200, PNG)
        slack.fail("files.completeUploadExternal", "internal_error")
        with pytest.raises(SendError, match="internal_error"):
            made.send(told, thread, 5)
    assert 1 == len(slack.notifications)


def test_a_digest_is_a_message_of_its_own(slack: SlackApi, http: Http) -> None:
    """What is kept of groups is none of it."""
    receipt = action(slack, http).send(notifications.storm(), Thread(), 5)
    assert Receipt("posted", Thread()) == receipt


def test_who_posts_under_another_name_edits_without_it(slack: SlackApi, http: Http) -> None:
    """`chat.update` takes no name and no icon."""
    made = action(slack, http, username="pager", icon_emoji=":fire:")
    _, thread = tell(made, pods(1), Thread())
    tell(made, pods(2), thread)
    (posted,), (edited,) = slack.called("chat.postMessage"), slack.called("chat.update")
    assert {"username", "icon_emoji"} == {"username", "icon_emoji"} & posted.arguments.keys()
    assert set() == {"username", "icon_emoji"} & edited.arguments.keys()
    assert ("C0FARSIDE1", thread.key) == (edited.arguments["channel"], f"C0FARSIDE1:{edited.arguments['ts']}")


def test_a_message_has_what_can_be_done_while_it_fires(slack: SlackApi, http: Http) -> None:
    """Where it is configured; and says who has done it."""
    made = action(slack, http)
    told = replace(pods(1), controls=("acknowledge", "silence"))
    tell(made, told, Thread())
    ids = [each["action_id"] for each in _row(slack)]
    assert ["acknowledge", "silence"] == ids[:2]
    assert [group_id(told.group.group_key)] == [each["value"] for each in _row(slack)[:1]]
    _, thread = tell(made, replace(told, controls=("acknowledge",)), Thread())
    assert ["acknowledge", "open-silence", "open-alertmanager"] == [each["action_id"] for each in _row(slack)]
    silenced = Acknowledgement("<!here>", START, "slack", silenced_until=START + timedelta(hours=1))
    tell(made, replace(told, acknowledged=Acknowledgement("Jane", START, "pagerduty"), silenced=silenced), thread)
    words = str(slack.channel("#ops").messages[-1].content)
    assert "👀 acknowledged by *Jane* (PagerDuty)" in words
    assert "🔕 silenced by *&lt;!here&gt;* until <!date" in words
    over = replace(pods(0, 1), controls=("acknowledge", "silence"))
    tell(made, over, thread)
    assert ["open-alertmanager"] == [each["action_id"] for each in _row(slack)]


def _row(slack: SlackApi) -> list[dict[str, Any]]:
    (attachment, *_) = slack.channel("#ops").messages[-1].content["attachments"]
    (row,) = (each for each in attachment["blocks"] if each["type"] == "actions")
    found: list[dict[str, Any]] = row["elements"]
    return found


def refresh(told: Notification) -> Notification:
    """Returns what has a message show what became known beside."""
    return replace(told, entries=(Entry("refresh", "", START),))


def test_a_refresh_edits_and_calls_nobody(slack: SlackApi, http: Http) -> None:
    """It posts nothing anew and tells no change; of what is over, or was told in a digest, it shows nothing."""
    made = action(slack, http, message_text="<!here> {{ title }}")
    _, thread = tell(made, pods(1), Thread())
    jane = Acknowledgement("Jane", START, "pagerduty")
    receipt = made.send(refresh(replace(pods(3), acknowledged=jane)), thread, 5)
    assert Receipt("edited", thread) == receipt
    assert "Jane" in str(slack.channel("#ops").messages[-1].content)
    for held in (Thread(), replace(thread, open_fingerprints=()), replace(thread, digested=True)):
        assert "not shown: there is no message" == made.send(refresh(pods(1)), held, 5).detail
    slack.delete(slack.channel("#ops").messages[-1].ts)
    assert "not shown: the message is gone" == made.send(refresh(pods(1)), thread, 5).detail
    assert 1 == len(slack.notifications)


def test_what_need_not_be_heard_is_not_told_without_its_message(slack: SlackApi, http: Http) -> None:
    """Of a group that was told in a digest there is none, and its channel may be nobody's."""
    made = action(slack, http, channel="#{{ leading.labels.team }}")
    bare = replace(pods(1), group=replace(pods(1).group, alerts=()), entries=(Entry("acknowledged", "x", START),))
    assert "not told: there is no message that it would be below" == made.send(bare, Thread(), 5).detail
    assert [] == slack.calls


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"channel": "#a-{{ common_labels.team }}"}, False), ({"channel": "{% if 1 %}#a{% endif %}"}, False)],
)
def test_groups_that_say_where_they_go_are_in_no_digest(
    slack: SlackApi, changes: dict[str, Any], expected: bool
) -> None:
    """It would be many groups' message, and in one of their channels, or in none."""
    wanted = {"app_token": slack.token, "app_url": slack.url, "channel": "#ops", **changes}
    assert expected == Settings.model_validate(wanted).in_digests


def test_what_was_over_is_not_edited_for_an_attempt_that_failed(slack: SlackApi, http: Http) -> None:
    """What begins again is a message that somebody hears, however often it is tried."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    _, thread = tell(made, pods(0, 1), thread)
    receipt, _ = tell(made, pods(1), thread.doubted())
    assert "posted" == receipt.detail
    assert 2 == len(slack.channel("#ops").messages)


ASKED = "r0123456789abcdef0123:0123456789abcdef"


def asks(number: int = 0, text: str = "restart deployment shop/cart?", question: int = 0) -> Entry:
    """Returns what somebody is to approve."""
    asked = f"r{number:020x}:{question:016x}" if number else ASKED
    return Entry("remediation", text, START, loud=True, asks=asked, mentions=("<@U012ABCDEF>",))


def test_asks_with_buttons(slack: SlackApi, http: Http) -> None:
    """What somebody is to approve, below the message and in the channel; what is only told has none."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    receipt = made.send(beside(thread, Entry("readings", "CPU is higher", START), asks()), thread, 5)
    assert "told below the message and in the channel" == receipt.detail
    (message,) = slack.channel("#ops").messages
    reply = slack.channel("#ops").replies(message.ts)[-1].content
    assert "restart deployment shop/cart?" in reply["text"]
    assert ["section", "section", "actions", "section"] == [each["type"] for each in reply["blocks"]]
    run, leave = reply["blocks"][2]["elements"]
    assert [("remediation-run", "Run it"), ("remediation-leave", "Leave it")] == [
        (each["action_id"].partition(":")[0], each["text"]["text"]) for each in (run, leave)
    ]
    assert ASKED == run["value"] == leave["value"]
    assert "<@U012ABCDEF>" == reply["blocks"][3]["text"]["text"]
    made.send(beside(thread, Entry("remediation", "approved by jane", START)), thread, 5)
    assert "blocks" not in slack.channel("#ops").replies(message.ts)[-1].content
    assert [] == slack.refused


def test_asks_within_slacks_limits(slack: SlackApi, http: Http) -> None:
    """Of many, and of long ones, the last are shown; of one that is asked again the later one has the buttons."""
    made = action(slack, http)
    _, thread = tell(made, pods(1), Thread())
    made.send(
        beside(thread, *[asks(number, "<&>" * 3_000) for number in range(1, 40)], asks(39, "once more", 1)), thread, 5
    )
    (message,) = slack.channel("#ops").messages
    blocks = slack.channel("#ops").replies(message.ts)[-1].content["blocks"]
    assert "… and 25 before" == blocks[0]["text"]["text"]
    tokens = [each["elements"][0]["value"] for each in blocks if each["type"] == "actions"]
    assert [f"r{number:020x}:{number == 39:016x}" for number in range(26, 40)] == tokens
    assert [] == slack.refused
