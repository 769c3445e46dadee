"""How a Slack message stands: who has taken it over, what changed since, what can be done, pictures, where it is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from actions._base import json_bytes
from actions._slack_message import message
from actions._slack_settings import MessageSettings
from alerts.findings import Finding, Reading
from alerts.notification import Image, Notification, Thread
from alerts.timeline import Acknowledgement
from tests.actions import notifications
from tests.actions.notifications import CPU, LOG, MEMORY, NO_MEMORY, START, alert, any_notification, notification
from tests.actions.test_slack import SUBJECT, below, blocks, buttons, dated, fields, small_print, state
from tests.far_sides.http_server import Request
from tests.far_sides.slack import Message, SlackWebhook
from tests.far_sides.slack_blocks import MOST_BLOCK_CHARACTERS, block_characters

CONTROLS: list[dict[str, Any]] = [
    {
        "type": "button",
        "text": {"type": "plain_text", "text": "Acknowledge"},
        "action_id": "ack",
        "value": "v" * 75,
        "style": "primary",
    },
    {
        "type": "overflow",
        "action_id": "silence",
        "options": [
            {"text": {"type": "plain_text", "text": f"Silence {each}"}, "value": each} for each in ("1h", "4h")
        ],
    },
]
JANE = Acknowledgement("Jane & <!here>", START, "pagerduty")
HOSTILE = (
    "<!channel> <!everyone> @here <@U1> <!subteam^S1|x> <https://evil.example|runbook> *b* _i_ ~s~ `c` ``` "
    "&lt;!channel&gt; \u202egnp.exe\u202c \u2066x\u2069 \x00\x1b[31m :fire:\n> quoted\n"
)
# A payload with it is refused; what others say may hold it.
HALF = f"{HOSTILE}\ud83d"


def made(told: Notification, **more: Any) -> Message:
    """Returns the message without any text of the user's."""
    return message(told, MessageSettings(), **more)[0]


def group(*states: str) -> Notification:
    """Returns a group of pods in these states."""
    alerts = [
        alert({"alertname": "Slow", "namespace": "shop", "pod": f"cart-{at}", "severity": "critical"}, status=each)  # type: ignore[arg-type]
        for at, each in enumerate(states)
    ]
    return notification(*alerts)


@pytest.fixture(scope="module")
def judge() -> Iterator[SlackWebhook]:
    """A Slack that is shown messages, and asked."""
    with SlackWebhook() as slack:
        yield slack


def against(slack: SlackWebhook, sent: Message) -> list[str]:
    """Returns what Slack has against a message, and whom it would ping."""
    slack.refused.clear()
    slack.pings.clear()
    slack.answer(Request("POST", slack.path, CaseInsensitiveDict(), json_bytes(sent), 0.0))
    return [*(reason for each in slack.refused for reason in (each.error, *each.reasons)), *slack.pings]


def told_of(told: Notification, *numbers: int) -> Thread:
    """Returns what a destination holds that was told of some of a group's alerts."""
    return Thread(open_fingerprints=tuple(told.group.alerts[at].fingerprint for at in numbers))


def test_says_who_has_taken_it_over() -> None:
    """Beside the top line, and with where and when below it; whoever it is pings nobody."""
    sent = made(replace(notifications.seed(), acknowledged=JANE))
    assert sent["text"].endswith("— Pod is crash looping. 👀 Jane &amp; &lt;!here&gt;")
    expected = "👀 acknowledged by *Jane &amp; &lt;!here&gt;* (PagerDuty) 2022-03-02 07:31 UTC"
    assert expected == state(sent)[2]


@pytest.mark.parametrize(
    ("taken", "status", "expected"),
    [
        (replace(JANE, by="U", via="slack"), "firing", "👀 acknowledged by *U* (Slack) 2022-03-02 07:31 UTC"),
        (replace(JANE, by="U", via="slack"), "resolved", "👀 acknowledged by *U* (Slack) 2022-03-02 07:31 UTC"),
        (replace(JANE, by=" \n"), "firing", "👀 acknowledged by *somebody* (PagerDuty) 2022-03-02 07:31 UTC"),
        (
            replace(JANE, by="U", resolved=True),
            "firing",
            "👀 closed by *U* (PagerDuty) 2022-03-02 07:31 UTC; it still fires",
        ),
        (replace(JANE, by="U", resolved=True), "resolved", "👀 closed by *U* (PagerDuty) 2022-03-02 07:31 UTC"),
    ],
)
def test_says_how_it_was_taken_over(taken: Acknowledgement, status: Any, expected: str) -> None:
    """Where, and whether it was closed there while it fires here."""
    sent = made(replace(notifications.seed(status), acknowledged=taken))
    assert expected == state(sent)[2]
    assert ("👀" in sent["text"]) == (status == "firing")


def test_says_what_changed_since_it_was_told() -> None:
    """Where a message stands below the earlier ones: how many of each, and which are new."""
    told = group("firing", "resolved", "resolved", "firing", "firing", "firing")
    sent = made(told, thread=told_of(told, 0, 1, 2, 4, 5))
    assert "*1 new, 2 resolved, 3 still firing* (4 critical) · since 2022-03-02 07:31 UTC" == state(sent)[0]
    lines = [
        "🔴 cart-0",
        "🔴 🆕 cart-3",
        "🔴 cart-4",
        "🔴 cart-5",
        "✅ cart-1 — over after 12m",
        "✅ cart-2 — over after 12m",
    ]
    assert ["\n".join(lines)] == below(sent)


@pytest.mark.parametrize(
    "change",
    [
        {"thread": None},
        {"thread": Thread()},
        {"told": replace(group("firing", "firing"), send_resolved=False)},
    ],
)
def test_a_first_message_says_of_nothing_that_it_is_new(change: dict[str, Any]) -> None:
    """Nor does one to a reader of whom nobody knows what it was told."""
    told = change.get("told", group("firing", "firing"))
    sent = made(told, thread=change.get("thread", told_of(told, 0)))
    assert "*2 firing* (2 critical) · since 2022-03-02 07:31 UTC" == state(sent)[0]
    assert "🆕" not in json.dumps(sent, ensure_ascii=False)


def test_counts_what_the_upstream_does_not_name() -> None:
    """Of a group that was cut short."""
    told = group("firing", "firing")
    told = replace(told, group=replace(told.group, truncated_alerts=1_200))
    expected = "*2 firing* (2 critical, 1,200 more unnamed) · since 2022-03-02 07:31 UTC"
    assert expected == state(made(told))[0]


def test_what_can_be_done_stands_before_where_to_go() -> None:
    """In one row; also before a user's own buttons; and a message without links has the controls alone."""
    (row,) = blocks(made(notifications.seed(), controls=CONTROLS), "actions")
    assert [
        "ack",
        "silence",
        "open-runbook",
        "open-silence",
        "open-prometheus",
        "open-alertmanager",
        "open-details",
    ] == [each["action_id"] for each in row["elements"]]
    own = MessageSettings.model_validate({"actions": [{"type": "button", "text": "Go", "url": "https://a.example/"}]})
    (row,) = blocks(message(notifications.seed(), own, controls=CONTROLS)[0], "actions")
    assert ["ack", "silence", "link-0"] == [each["action_id"] for each in row["elements"]]
    bare = notification(alert())
    bare = replace(bare, group=replace(bare.group, external_url=""))
    (row,) = blocks(made(bare, controls=CONTROLS), "actions")
    assert CONTROLS == row["elements"]


def test_a_digest_is_no_group_to_do_something_about() -> None:
    """It is many."""
    assert ["All of them"] == [word for word, _ in buttons(made(notifications.storm(), controls=CONTROLS))]


def test_shows_the_worst_two_pictures() -> None:
    """Each in an attachment, from where Slack fetches it; a URL that is none is passed over."""
    images = [Image(f"https://a.example/{at}.png", f"memory <{at}>") for at in range(4)]
    told = replace(notifications.seed(), images=(Image("javascript:alert(1)", "x"), *images))
    first, *shown = made(told)["attachments"]
    expected = [
        {"color": first["color"], "fallback": f"memory &lt;{at}&gt;", "image_url": f"https://a.example/{at}.png"}
        for at in range(2)
    ]
    assert expected == shown


def test_a_users_picture_is_instead_of_ours() -> None:
    """As each of a user's texts is."""
    wanted = MessageSettings.model_validate({"image_url": "https://own.example/a.png"})
    told = replace(notifications.seed(), images=(Image("https://a.example/1.png", "memory"),))
    _, only = message(told, wanted)[0]["attachments"]
    assert "https://own.example/a.png" == only["image_url"]


def test_says_which_pod_once() -> None:
    """Where the top line has it; where a user's title has not, it stands among the rest."""
    assert not any("*pod*" in line or f"pod *{SUBJECT}" in line for line in state(made(notifications.seed())))
    wanted = MessageSettings.model_validate({"title": "Look"})
    expected = (
        "cluster *cluster-main* · namespace *customer* · pod *customer-rs-transformer-9b75b488c-cpfd7*"
        " · container *rs-transformer*"
    )
    assert expected == state(message(notifications.seed(), wanted)[0])[1]


def test_tells_what_else_fires_on_a_line_of_its_own() -> None:
    """With what is longer than a cell of the table."""
    near = Reading("neighbours", "also firing", 2, "alerts", START, "", note="this pod: HighMemory; node n-1: DiskFull")
    sent = made(notification(alert(), findings=[CPU, near]))
    assert ["*also firing* 2 alerts; this pod: HighMemory; node n-1: DiskFull"] == below(sent)
    assert 1 == len(fields(sent))


def test_all_that_is_too_much_together_gives_way() -> None:
    """Excerpts first, then sentences and the table; how it stands, what fires and the buttons stay."""
    long = "&" * 3_000
    found: list[Finding] = [
        *[replace(CPU, title=f"{at}{long}", note=long) for at in range(10)],
        *[replace(CPU, title=f"{at}{long}", limit=None, note=long) for at in range(10)],
        *[replace(LOG, title=long, lines=(long,) * 10)] * 3,
    ]
    labels = dict.fromkeys(("alertname", "cluster", "namespace", "pod", "container"), long)
    url = "https://a.example/" + "x" * 2_950
    told = notification(alert(labels, {"summary": long, "description": long, "runbook_url": url}), findings=found)
    taken = Acknowledgement(long, START, "slack")
    sent = made(replace(told, acknowledged=taken, notes=(long,)), controls=CONTROLS)
    (first,) = sent["attachments"]
    assert block_characters(first["blocks"]) + len(url) <= MOST_BLOCK_CHARACTERS
    assert "👀 acknowledged by" in state(sent)[2]
    assert "Runbook" in json.dumps(blocks(sent, "actions"))
    assert 0 < json.dumps(sent).count("```") < 6


@pytest.mark.parametrize("count", [1, 12])
def test_hostile_text_breaks_nothing(judge: SlackWebhook, count: int) -> None:
    """In labels, annotations, readings, notes, receivers and names of persons; nor does very much of it."""
    alerts = []
    for at in range(count):
        labels = dict.fromkeys(("alertname", "severity", "cluster", "namespace", "pod", "container"), HOSTILE * 1_000)
        said = {"summary": HOSTILE * 1_000, "description": HOSTILE * 1_000, "runbook_url": HOSTILE}
        alerts.append(alert({**labels, "n": str(at)}, said, generator_url=HOSTILE))
    found: list[Finding] = [
        replace(CPU, title=HALF, unit=HALF, note=HALF),
        replace(MEMORY, title=HALF, limit=None, note=HALF * 10),
        replace(NO_MEMORY, title=HALF, reason=HALF),
        replace(LOG, title=HALF, lines=(HALF,) * 5),
    ]
    told = replace(
        notification(*alerts, findings=found, page_url=HOSTILE),
        receiver=HALF,
        notes=(HALF,),
        acknowledged=Acknowledgement(HALF, START, "slack"),
        images=(Image(HALF, HALF), Image("https://a.example/a.png", HALF)),
    )
    sent = made(told, thread=told_of(told, 0), controls=CONTROLS)
    text = dated(json.dumps(sent, ensure_ascii=False))
    # All that Slack would read is as good as gone: markup is escaped, and nothing turns a line around or is unseen.
    assert ("<" not in text, ">" not in text) == (True, True)
    for unseen in ("\u202e", "\u202c", "\u2066", "\u2069", "\\u0000", "\\u001b"):
        assert unseen not in text
    for each in blocks(sent):
        for part in (each.get("text"), *each.get("fields", ())):
            # A block that is begun is ended.
            assert part is None or part["text"].count("```") in (0, 2)
    assert [] == against(judge, sent)


def test_one_line_stays_one() -> None:
    """No label makes a line that looks like one of ours."""
    forged = "x\n🔴 *[FIRING] Forged*\n👀 acknowledged by *Jane*"
    told = notification(
        alert({"alertname": forged, "cluster": forged, "namespace": forged}, {"summary": forged}),
        findings=[replace(CPU, title=forged, note=forged), replace(NO_MEMORY, title=forged, reason=forged)],
    )
    sent = made(replace(told, receiver=forged, acknowledged=replace(JANE, by=forged)))
    assert 1 == len(sent["text"].splitlines())
    assert 3 == len(state(sent))
    assert 3 == len(fields(sent)[0].split("\n"))
    assert all("\n" not in each for each in small_print(sent))


_WHO = st.none() | st.builds(
    Acknowledgement,
    st.text(max_size=30) | st.just(HALF * 50),
    st.just(START),
    st.sampled_from(["slack", "pagerduty"]),
    st.booleans(),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification(), taken=_WHO, heard=st.integers(0, 30), controls=st.sampled_from([[], CONTROLS]))
def test_no_state_is_refused(
    judge: SlackWebhook,
    told: Notification,
    taken: Acknowledgement | None,
    heard: int,
    controls: list[dict[str, Any]],
) -> None:
    """Whoever has taken it over, whatever was told before and whatever can be done: it is taken, and pings nobody."""
    thread = Thread(open_fingerprints=tuple(each.fingerprint for each in told.group.alerts[:heard]))
    sent = made(replace(told, acknowledged=taken), thread=thread, controls=controls)
    assert [] == against(judge, sent)
    assert len(sent["text"]) <= 4_000
