"""Slack: a user's own texts take the place of ours, within what Slack takes, and ping only whom the user named."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from actions._slack_texts import divided, shortened
from actions.slack import Action, Settings
from alerts.notification import Notification, Receipt, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.in_process import InProcess
from tests.actions.notifications import CPU, LOG, MEMORY, NO_MEMORY, alert, any_notification, notification
from tests.actions.test_slack import SUBJECT, below, blocks, buttons, fields, sections, small_print, state
from tests.far_sides.slack import Message, SlackWebhook
from tests.far_sides.slack_blocks import MOST_BLOCK_CHARACTERS, block_characters

READINGS = [
    "*CPU* ▰▰▰▰▰▰▰▰▱▱ 84%\n0.42 of 0.50 cores, request 0.25 cores",
    "*memory* ▰▰▰▰▰▰▰▰▰▱ 86%\n220 MiB of 256 MiB",
]


@pytest.fixture
def slack() -> Iterator[SlackWebhook]:
    """An empty channel."""
    with SlackWebhook() as far_side:
        yield far_side


def sent(slack: SlackWebhook, http: Http, told: Notification | None = None, **own: Any) -> Message:
    """Sends one notification with texts of the user's and returns the message that Slack took."""
    receipt = receipt_of(slack, http, told or notifications.seed(), **own)
    assert () == receipt.template_errors
    return slack.messages[-1]


def receipt_of(slack: SlackWebhook, http: Http, told: Notification, **own: Any) -> Receipt:
    """Sends one notification with texts of the user's and returns the receipt."""
    receipt = Action(Settings.model_validate({"api_url": slack.url, **own}), http).send(told, Thread(), 5)
    assert isinstance(receipt, Receipt)
    return receipt


def test_a_title_is_the_top_line(slack: SlackWebhook, http: Http) -> None:
    """In its own words, on one line, with a link where one is said; notes stay beside it."""
    told = notifications.noted("4th time in 30m")
    made = sent(
        slack,
        http,
        told,
        title="{{ common_labels.alertname }}\n & <b>",
        title_link="{{ external_url }}",
        fallback="f <b>",
    )
    expected = f"*<{notifications.ALERTMANAGER}|KubePodCrashLooping &amp; &lt;b&gt;>* _(4th time in 30m)_"
    assert expected == made["text"]
    assert "f &lt;b&gt;" == made["attachments"][0]["fallback"]


def test_a_link_alone_is_that_of_our_title(slack: SlackWebhook, http: Http) -> None:
    """And what is no URL is no link."""
    made = sent(slack, http, title_link="https://a.example/?a=b&c=d|e")
    assert f"🔴 *<https://a.example/?a=b&amp;c=d%7Ce|[FIRING] KubePodCrashLooping>* {SUBJECT} — " in made["text"]
    assert "🔴 *[FIRING] KubePodCrashLooping* " in sent(slack, http, title_link="javascript:alert(1)")["text"]


def test_a_message_text_is_above_everything(slack: SlackWebhook, http: Http) -> None:
    """The title stands below it then, in the colour; a pretext is between them."""
    made = sent(slack, http, message_text="Look: <!here>", pretext="*so*", title="T")
    assert "Look: <!here>\n*so*" == made["text"]
    assert "*T*" == sections(made)[0]
    made = sent(slack, http, message_text="Look")
    assert sections(made)[0].startswith("🔴 *[FIRING] KubePodCrashLooping*")


def test_a_text_is_instead_of_the_description(slack: SlackWebhook, http: Http) -> None:
    """Readings stay, for no template knows better; an empty one is none."""
    made = sent(slack, http, text="_{{ status }}_ of {{ common_labels.namespace }}")
    assert (["_firing_ of customer"], READINGS) == (below(made), fields(made))
    made = sent(slack, http, text="")
    assert ([], READINGS) == (below(made), fields(made))


def test_a_text_is_instead_of_the_list_of_alerts(slack: SlackWebhook, http: Http) -> None:
    """What was found of each stays, one a line, and what was not."""
    alerts = [alert({"alertname": "A", "namespace": "n", "pod": f"p-{at}"}, {"summary": "s"}) for at in range(3)]
    told = notification(*alerts, findings={alerts[0].fingerprint: (CPU, NO_MEMORY), alerts[2].fingerprint: (MEMORY,)})
    made = sent(slack, http, told, text="{% for each in alerts %}{{ each.labels.pod }}\n{% endfor %}")
    expected = [
        "p-0\np-1\np-2",
        "🟠 n/p-0 — CPU 84%\n🟠 n/p-2 — memory 86%",
        "*n/p-0*",
    ]
    assert (expected, READINGS[:1]) == (below(made), fields(made))
    assert "_memory of n/p-0: Prometheus timed out after 2s_" == small_print(made)[0]


def test_marks_count_where_they_are_said_to(slack: SlackWebhook, http: Http) -> None:
    """A text, a field or a pretext that is not to be marked up is plain."""
    made = sent(slack, http, text="*a* <b> & c", pretext="<b>", fields=[{"title": "t", "value": "<c>"}], mrkdwn_in=[])
    first = blocks(made)[1]["text"]
    assert ("plain_text", "*a* <b> & c") == (first["type"], first["text"])
    assert made["text"].endswith("\n&lt;b&gt;")
    assert "*t*\n&lt;c&gt;" in sections(made)


def test_fields_are_instead_of_ours(slack: SlackWebhook, http: Http) -> None:
    """Short ones beside each other, others below each other; one with nothing in it is none."""
    own = [
        {"title": "Pod", "value": "{{ common_labels.pod }}", "short": "true"},
        {"title": "<b>", "value": "<https://a.example|a>", "short": "true"},
        {"title": "Long", "value": "x"},
        {"title": "", "value": " "},
        {"title": "Last", "value": "", "short": "true"},
    ]
    made = sent(slack, http, fields=own)
    pod = notifications.LABELS["pod"]
    assert [f"*Pod*\n{pod}", "*&lt;b&gt;*\n<https://a.example|a>", "*Last*"] == fields(made)[2:]
    assert ["*critical* · since 2022-03-02 07:31 UTC"] == state(made)
    assert "*Long*\nx" == sections(made)[-1]
    made = sent(slack, http, fields=[{"title": str(at), "value": "v"} for at in range(15)], short_fields="true")
    assert [2, 10, 5] == [len(each["fields"]) for each in blocks(made) if "fields" in each]


def test_fields_that_do_not_fit_are_counted(slack: SlackWebhook, http: Http) -> None:
    """However many there are, and however long."""
    made = sent(slack, http, fields=[{"title": "t" * 500, "value": "v&" * 5_000} for _ in range(40)])
    own = [each for each in sections(made) if each.startswith(("*t", "… and"))]
    assert f"… and {40 - len(own) + 1} more" == own[-1]
    made = sent(slack, http, fields=[{"title": "t", "value": "v"} for _ in range(40)])
    assert "… and 20 more" == sections(made)[-1]


def test_buttons_are_instead_of_ours(slack: SlackWebhook, http: Http) -> None:
    """Those that lead somewhere; where none does, ours."""
    own = [
        {"type": "button", "text": "Go & see", "url": "{{ external_url }}", "style": "danger"},
        {"type": "button", "text": "Nowhere", "url": "javascript:alert(1)"},
        {"type": "button", "text": " ", "url": "https://a.example"},
        {"type": "button", "text": "x" * 100, "url": "https://b.example", "style": "default"},
    ]
    made = sent(slack, http, actions=own)
    assert [("Go & see", notifications.ALERTMANAGER), ("x" * 74 + "…", "https://b.example")] == buttons(made)
    (row,) = blocks(made, "actions")
    assert ["danger", None] == [each.get("style") for each in row["elements"]]
    assert "Runbook" in [word for word, _ in buttons(sent(slack, http, actions=own[1:3]))]


def test_a_footer_is_instead_of_the_last_line(slack: SlackWebhook, http: Http) -> None:
    """Notes stay above it; an empty one is none."""
    told = notifications.noted("4th time in 30m")
    texts = [
        each["text"] for each in blocks(sent(slack, http, told, footer="by *{{ receiver }}*"), "context")[0]["elements"]
    ]
    assert ["_4th time in 30m_", "by *on-call*"] == texts
    assert [] == blocks(sent(slack, http, footer=""), "context")


def test_is_posted_as_the_user_says(slack: SlackWebhook, http: Http) -> None:
    """Where to and as whom, in a digest as well."""
    own: dict[str, Any] = {
        "channel": "#{{ receiver }}",
        "username": "<{{ receiver }}> " * 40,
        "icon_emoji": ":fire:",
        "icon_url": "https://a.example/i.png",
        "callback_id": "c",
        "color": "#ABCDEF",
    }
    made = sent(slack, http, **own)
    told = [made[key] for key in ("channel", "username", "icon_emoji", "icon_url")]
    assert ["#on-call", ("\u2039on-call\u203a " * 40)[:80], ":fire:", "https://a.example/i.png"] == told
    assert ("c", "#ABCDEF") == (made["attachments"][0]["callback_id"], made["attachments"][0]["color"])
    digest = sent(slack, http, notifications.storm(), title="T", text="X", footer="F", **own)
    assert "#on-call" == digest["channel"]
    assert digest["text"].startswith("🔴 *[DIGEST] 4,812 alerts")
    assert "#d40e0d" == digest["attachments"][0]["color"]


def test_pictures_are_in_an_attachment(slack: SlackWebhook, http: Http) -> None:
    """Not a block, for which Slack refuses the message when it cannot fetch it."""
    made = sent(slack, http, image_url="https://a.example/{{ status }}.png", thumb_url="nowhere")
    expected = {"color": "#d40e0d", "fallback": "picture", "image_url": "https://a.example/firing.png"}
    assert expected == made["attachments"][1]
    assert 1 == len(sent(slack, http, image_url="nowhere")["attachments"])


def test_what_fails_is_ours_and_is_told(slack: SlackWebhook, http: Http) -> None:
    """Field by field, in the message and in the receipt."""
    receipt = receipt_of(
        slack, http, notifications.seed(), title="{{ nothing.there }}", text="fine", footer="{{ 1 / 0 }}", color="mauve"
    )
    made = slack.messages[-1]
    assert ["title", "color", "footer"] == [each.partition(":")[0] for each in receipt.template_errors]
    assert made["text"].startswith("🔴 *[FIRING] KubePodCrashLooping*")
    assert ["fine"] == below(made)
    assert "#d40e0d" == made["attachments"][0]["color"]
    ours, failed = (each["elements"][0]["text"] for each in blocks(made, "context"))
    assert "alert-manager · on-call · 1 firing, 0 resolved" == ours
    assert failed.startswith("_templates that failed: title: ")


HOSTILE = "<!channel> <@U1> <https://evil.example|runbook> &lt; a&b"
SHOWN = "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|runbook&gt; &amp;lt; a&amp;b"


def test_pings_whom_the_user_names_and_nobody_else(slack: SlackWebhook, http: Http) -> None:
    """What stands in a template works, put together from a label as well; what a label holds is text."""
    labels = {"alertname": "A", "owner": "U42", "x": HOSTILE}
    told = notification(alert(labels, {"summary": HOSTILE, "url": "https://a.example/?a=b&c=d"}))
    own = "<!here> <@{{ common_labels.owner }}> <{{ common_annotations.url }}|R> {{ common_labels.x }} &amp; "
    own += "<@{{ common_labels.x }}>"
    made = sent(slack, http, told, text=own, pretext=own, footer=own, title=own, fields=[{"title": own, "value": own}])
    expected = f"<!here> <@U42> <https://a.example/?a=b&amp;c=d|R> {SHOWN} &amp; <@{SHOWN}>"
    assert expected == below(made)[0]
    assert made["text"].endswith(f"\n{expected}")
    assert {"<!here>", "<@U42>"} == set(slack.pings)


def test_a_label_in_a_url_is_as_it_is(slack: SlackWebhook, http: Http) -> None:
    """Also where the template encodes it."""
    told = notification(alert({"alertname": "A&<b>"}))
    own = "https://a.example/?q={{ common_labels.alertname | urlencode }}"
    made = sent(slack, http, told, title_link=own, actions=[{"type": "button", "text": "b", "url": own}])
    assert [("b", "https://a.example/?q=A%26%3Cb%3E")] == buttons(made)


def test_a_long_text_fits_with_all_else(slack: SlackWebhook, http: Http) -> None:
    """In several sections, each ending with a line; where there is no room for it, excerpts give way."""
    lines = [f"{at}: <https://a.example/{at}|link> &amp; more" for at in range(2_000)]
    made = sent(slack, http, notification(alert()), text="\n".join(lines))
    own = below(made)
    assert len(own) > 3
    for each in own[:-1]:
        assert each.split("\n")[-1] in lines
    assert 11_000 < block_characters(made["attachments"][0]["blocks"]) < MOST_BLOCK_CHARACTERS
    long = replace(LOG, lines=tuple(f"{at} {'<&>' * 200}" for at in range(10)))
    told = notification(alert(), findings=[replace(CPU, title="x" * 80, unit="y" * 200)] * 20 + [long] * 9)
    made = sent(slack, http, told, text="z" * 9_000, fields=[{"title": "t", "value": "v" * 500}] * 9)
    assert below(made)[0].startswith("z" * 1_000)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a&amp;b", 5, "a…"),
        ("a<https://x|y>b", 8, "a…"),
        ("a&amp;bc", 7, "a&amp;…"),
        ("<<<<", 3, "<<…"),
    ],
)
def test_a_cut_splits_nothing(text: str, limit: int, expected: str) -> None:
    """Neither an entity nor a link."""
    assert expected == shortened(text, limit)


def test_divides_at_the_ends_of_lines() -> None:
    """A line that is too long alone is cut, and blank parts are none."""
    assert ["aa\nbb", "cc", "ddd…"] == divided("aa\nbb\ncc\ndddddd", 5)[:2] + divided("dddddd", 4)
    assert [] == divided("\n \n", 5)


EVERYTHING: dict[str, Any] = {
    **dict.fromkeys(
        ("title", "pretext", "message_text", "footer", "fallback"), "{{ common_annotations }} {{ receiver }}"
    ),
    "text": "{% for a in alerts %}*{{ a.labels }}* <{{ a.generator_url }}|x> {{ a.annotations }}\n{% endfor %}",
    "color": "{{ status }}",
    "title_link": "{{ external_url }}",
    "image_url": "{{ external_url }}",
    "username": "{{ receiver }}",
    "fields": [{"title": "{{ receiver }}", "value": "{{ alerts[0].labels }}", "short": "true"}] * 12
    + [{"title": "t", "value": "{{ common_labels }}"}] * 12,
    "actions": [{"type": "button", "text": "{{ receiver }}", "url": "{{ external_url }}"}] * 3,
}


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """A channel that is posted to without a network."""
    with SlackWebhook() as far_side:
        connections = InProcess(far_side)
        yield connections
        connections.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification())
def test_no_group_is_refused(in_process: InProcess, told: Notification) -> None:
    """Whatever a group holds and wherever it is put, Slack takes the message, and nobody is pinged."""
    far_side = in_process.far_side
    assert isinstance(far_side, SlackWebhook)
    far_side.pings.clear()
    Action(Settings.model_validate({"api_url": far_side.url, **EVERYTHING}), in_process).send(told, Thread(), 1)
    assert [] == far_side.pings
    first = json.loads(in_process.body)["attachments"][0]
    urls = sum(len(url) for _, url in buttons({"attachments": [first]}))
    assert block_characters(first["blocks"]) + urls <= MOST_BLOCK_CHARACTERS


def test_what_a_template_prints_of_a_mapping_is_readable(slack: SlackWebhook, http: Http) -> None:
    """Marks leave no trace, and a letter that is one becomes no markup."""
    told = notification(alert({"alertname": "A", "x": "<a&b>\U000102a1!channel>"}))
    (text,) = below(sent(slack, http, told, text="{{ common_labels }}"))
    assert "alertname=A, x=&lt;a&amp;b&gt;\ufffd!channel&gt;" == text


def test_a_heading_counts_as_well(slack: SlackWebhook, http: Http) -> None:
    """The longest title with the longest link is within what one block takes."""
    own = {"title": "&" * 2_000, "title_link": "https://a.example/" + "x" * 980, "text": "y" * 13_000}
    made = sent(slack, http, notification(alert()), message_text="m", **own)
    assert 1_990 < len(sections(made)[0]) < 3_000
