"""Slack: one message for each state of a group, within what it takes, that pings nobody it should not."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from actions.slack import Action, Settings
from alerts.findings import Finding, Gap
from alerts.model import Status
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from alerts.timeline import Acknowledgement
from outbound import Http
from tests.actions import notifications
from tests.actions.contract import HttpContract
from tests.actions.in_process import InProcess
from tests.actions.notifications import CPU, LOG, MEMORY, NO_MEMORY, alert, any_notification, notification
from tests.far_sides.http_server import Answer, Request
from tests.far_sides.slack import Message, SlackWebhook
from tests.far_sides.slack_blocks import MOST_BLOCK_CHARACTERS, block_characters

SUBJECT = "customer/customer-rs-transformer-9b75b488c-cpfd7"


class TestSlackContract(HttpContract):
    """What every action that speaks HTTP holds."""

    kind = "slack"
    accepted = Answer(200, b"ok")
    not_accepted = (
        Answer(200, b'{"ok":false,"error":"channel_not_found"}'),
        Answer(200, b"<html>Sign in</html>"),
        Answer(200, b""),
        Answer(204, b""),
    )

    def judge(self) -> SlackWebhook:
        """Returns a webhook."""
        return SlackWebhook()

    def settings(self, base_url: str) -> dict[str, Any]:
        """Returns settings with the webhook's URL."""
        return {"api_url": self.secret(base_url)}

    def file_settings(self, base_url: str, path: Path) -> dict[str, Any]:
        """Returns settings with the webhook's URL in a file."""
        return {"api_url_file": str(path)}

    def secret(self, base_url: str, number: int = 0) -> str:
        """Returns the URL of one of several webhooks."""
        return f"{base_url}{SlackWebhook.path}" + f"-{number}" * bool(number)

    def secret_of(self, base_url: str, request: Request) -> str:
        """Returns the URL that was posted to."""
        return f"{base_url}{request.path}"

    def secret_parts(self, base_url: str) -> list[str]:
        """Returns the URL, its path, and the token at its end."""
        return [self.secret(base_url), SlackWebhook.path, SlackWebhook.path.rpartition("/")[2]]


@pytest.fixture
def slack() -> Iterator[SlackWebhook]:
    """An empty channel."""
    with SlackWebhook() as far_side:
        yield far_side


def message(slack: SlackWebhook, http: Http, told: Notification, **changes: Any) -> Message:
    """Sends one notification and returns the message that Slack took."""
    action = Action(Settings.model_validate({"api_url": slack.url, **changes}), http)
    thread = Thread(key="x")
    assert Receipt("posted", thread) == action.send(told, thread, 5)
    assert [] == slack.pings
    return slack.messages[-1]


def blocks(sent: Message, kind: str = "section") -> list[Any]:
    """Returns a message's blocks of one type."""
    return [each for each in sent["attachments"][0]["blocks"] if each["type"] == kind]


def sections(sent: Message) -> list[str]:
    """Returns the texts of a message's sections."""
    return [each["text"]["text"] for each in blocks(sent) if "text" in each]


def state(sent: Message) -> list[str]:
    """Returns the lines of the first section: how it stands, where, and who has taken it over."""
    return dated(sections(sent)[0]).split("\n")


def below(sent: Message) -> list[str]:
    """Returns the texts of the sections below that."""
    return list(map(dated, sections(sent)[1:]))


def small_print(sent: Message) -> list[str]:
    """Returns the texts of a message's contexts."""
    return [each["text"] for context in blocks(sent, "context") for each in context["elements"]]


def dated(text: str) -> str:
    """Returns a text with each date as a reader sees it whose Slack knows of none."""
    return re.sub(r"<!date\^\d+\^[^|<>]*\|([^<>]*)>", r"\1", text)


def fields(sent: Message) -> list[str]:
    """Returns a message's fields."""
    return [field["text"] for each in blocks(sent) for field in each.get("fields", [])]


def buttons(sent: Message) -> list[tuple[str, str]]:
    """Returns the words and URLs of a message's buttons."""
    found = [button for each in blocks(sent, "actions") for button in each["elements"]]
    return [(button["text"]["text"], button["url"]) for button in found]


def test_tells_the_first_alert(slack: SlackWebhook, http: Http) -> None:
    """The alert the project was asked with, its readings, what it is about and where to go on."""
    sent = message(slack, http, notifications.seed())
    assert f"🔴 *[FIRING] KubePodCrashLooping* {SUBJECT} — Pod is crash looping." == sent["text"]
    (attachment,) = sent["attachments"]
    assert f"[FIRING] KubePodCrashLooping {SUBJECT} — Pod is crash looping." == attachment["fallback"]
    assert "#d40e0d" == attachment["color"]
    expected = [
        "*critical* · since 2022-03-02 07:31 UTC",
        "cluster *cluster-main* · namespace *customer* · container *rs-transformer*",
    ]
    assert expected == state(sent)
    assert [notifications.ANNOTATIONS["description"]] == below(sent)
    readings = [
        "*CPU* ▰▰▰▰▰▰▰▰▱▱ 84%\n0.42 of 0.50 cores, request 0.25 cores",
        "*memory* ▰▰▰▰▰▰▰▰▰▱ 86%\n220 MiB of 256 MiB",
    ]
    assert readings == fields(sent)
    links = [
        ("Runbook", notifications.RUNBOOK),
        ("Prometheus", notifications.PROMETHEUS),
        ("Alertmanager", notifications.ALERTMANAGER),
        ("Details", notifications.PAGE),
    ]
    silence = buttons(sent).pop(1)
    assert links == [each for each in buttons(sent) if each != silence]
    assert ("Silence", True) == (
        silence[0],
        silence[1].startswith(f"{notifications.ALERTMANAGER}/#/silences/new?filter="),
    )
    (context,) = blocks(sent, "context")
    assert "alert-manager · on-call · 1 firing, 0 resolved" == context["elements"][0]["text"]
    assert "channel" not in sent


def test_says_since_when_in_the_readers_own_time(slack: SlackWebhook, http: Http) -> None:
    """As a date that Slack writes, with how long it has been; what a phone shows of it has none."""
    sent = message(slack, http, notifications.seed())
    assert "<!date^1646206317^{date_short_pretty} {time} ({ago})|2022-03-02 07:31 UTC>" in sections(sent)[0]
    assert "<!date" not in sent["text"] + sent["attachments"][0]["fallback"]


@pytest.mark.parametrize(
    ("severity", "status", "sign", "colour"),
    [
        ("critical", "firing", "🔴", "#d40e0d"),
        ("PAGE", "firing", "🔴", "#d40e0d"),
        ("P2", "firing", "🟠", "#e8590c"),
        ("unheard of", "firing", "🟠", "#e8590c"),
        ("Warning", "firing", "🟡", "#ecb22e"),
        ("none", "firing", "🔵", "#3a7bd5"),
        ("critical", "resolved", "✅", "#2eb67d"),
        ("none", "resolved", "✅", "#2eb67d"),
    ],
)
def test_colours_by_severity_and_state(
    slack: SlackWebhook, http: Http, severity: str, status: Status, sign: str, colour: str
) -> None:
    """How bad it is shows before a word is read, and that it is over too."""
    sent = message(slack, http, notification(alert({"alertname": "A", "severity": severity}, status=status)))
    over = " resolved after 12m" * (status == "resolved")
    assert f"{sign} *[{status.upper()}] A*{over}" == sent["text"]
    assert colour == sent["attachments"][0]["color"]


def test_shows_gaps_beside_readings(slack: SlackWebhook, http: Http) -> None:
    """What could not be had stands there with its reason."""
    sent = message(slack, http, notification(alert(), findings=[CPU, NO_MEMORY]))
    assert ["*CPU* ▰▰▰▰▰▰▰▰▱▱ 84%\n0.42 of 0.50 cores, request 0.25 cores"] == fields(sent)
    assert "_memory: Prometheus timed out after 2s_" == small_print(sent)[0]


def test_notes_are_behind_the_summary_and_at_the_end(slack: SlackWebhook, http: Http) -> None:
    """What else a reader should know is where a phone shows it, and below the message in full."""
    sent = message(slack, http, notifications.noted("4th time in 30m", "still firing, 4h"))
    said = "4th time in 30m; still firing, 4h"
    assert f"🔴 *[FIRING] KubePodCrashLooping* {SUBJECT} — Pod is crash looping. _({said})_" == sent["text"]
    (context,) = blocks(sent, "context")
    expected = [f"_{said}_", "alert-manager · on-call · 1 firing, 0 resolved"]
    assert expected == [each["text"] for each in context["elements"]]


def test_notes_leave_the_headline_whole(slack: SlackWebhook, http: Http) -> None:
    """However long and hostile notes are, all that stands there without them stands there with them."""
    plain, noted = (message(slack, http, told) for told in (notifications.seed(), notifications.noted()))
    assert noted["text"].startswith(f"{plain['text']} _(&lt;!channel&gt; &lt;https://evil.example|x&gt; &amp; *_`; xxx")
    assert len(noted["text"]) < len(plain["text"]) + 160
    assert sections(plain) == sections(noted)
    assert fields(plain) == fields(noted)


def test_tells_a_digest(slack: SlackWebhook, http: Http) -> None:
    """Of a storm: how much it is, the worst of it by name, how much more there is, and where all of it stands."""
    sent = message(slack, http, notifications.storm())
    title = "[DIGEST] 4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved"
    assert f"🔴 *{title}* — worst: KubeNodeNotReady shop/cart-0" == sent["text"]
    assert "#d40e0d" == sent["attachments"][0]["color"]
    lines = [f"🔴 *{'KubePodCrashLooping' if at > 1 else 'KubeNodeNotReady'}* shop/cart-{at}" for at in range(10)]
    assert ["\n".join([*lines, "… and 4,802 more"])] == sections(sent)
    assert [("All of them", notifications.DIGEST_PAGE)] == buttons(sent)
    (context,) = blocks(sent, "context")
    assert "alert-manager · on-call · more came than can be told one by one" == context["elements"][0]["text"]


def test_a_digest_of_ends_is_green(slack: SlackWebhook, http: Http) -> None:
    """Where nothing fires any more, a digest looks like an end, and without a page has no button."""
    over = [alert({"alertname": "A", "severity": "critical", "pod": f"p-{at}"}, status="resolved") for at in range(2)]
    sent = message(slack, http, notifications.digest(*over, groups=2, resolved=2, page_url=""))
    assert "✅ *[DIGEST] 2 alerts in 2 groups, all resolved*" == sent["text"]
    assert "#2eb67d" == sent["attachments"][0]["color"]
    assert ["✅ *A* p-0\n✅ *A* p-1"] == sections(sent)
    assert [] == buttons(sent)


def test_a_digest_says_what_is_about_nothing(slack: SlackWebhook, http: Http) -> None:
    """An alert that names no pod and no instance has its sentence instead."""
    told = alert({"alertname": "KubeNodeNotReady", "node": "n1"}, {"summary": "Node n1 is not ready."})
    sent = message(slack, http, notifications.digest(told, groups=1, firing={"error": 1}))
    assert ["🟠 *KubeNodeNotReady* Node n1 is not ready."] == sections(sent)


def test_a_digest_of_one_alert_names_it(slack: SlackWebhook, http: Http) -> None:
    """One alert in one group is written as one, in the colour of its severity, with its notes."""
    told = notifications.digest(alert({"alertname": "A", "severity": "info", "pod": "p"}), groups=1, firing={"info": 1})
    sent = message(slack, http, replace(told, notes=("still firing, 4h",)))
    assert "🔵 *[DIGEST] 1 alert in 1 group: 1 info firing* — A p _(still firing, 4h)_" == sent["text"]
    assert "#3a7bd5" == sent["attachments"][0]["color"]
    assert ["🔵 *A* p"] == sections(sent)


def test_tells_that_a_destination_fails(slack: SlackWebhook, http: Http) -> None:
    """What was not told elsewhere is listed here, a line each."""
    sent = message(slack, http, notifications.delivery_failing())
    summary = "on-call/pagerduty/0 has taken nothing for 2m: 3 alerts are untold there."
    assert f"🔴 *[FIRING] DeliveryFailing* {summary}" == sent["text"]
    untold = [f"[FIRING] KubePodCrashLooping customer/web-{at}: Pod is crash looping." for at in range(3)]
    assert ["\n".join(["PagerDuty: status 503: &lt;html&gt; &amp; such", *untold])] == below(sent)


def test_counts_the_lines_that_do_not_fit(slack: SlackWebhook, http: Http) -> None:
    """A description of too many lines ends with a whole one, and says how many it left out."""
    (text,) = below(message(slack, http, notifications.delivery_failing(1_000)))
    lines = text.split("\n")
    assert f"[FIRING] KubePodCrashLooping customer/web-{len(lines) - 3}: Pod is crash looping." == lines[-2]
    assert f"… and {1_001 - len(lines) + 1} more" == lines[-1]


def test_a_long_description_of_one_line_is_cut(slack: SlackWebhook, http: Http) -> None:
    """Prose has as much of its one line as fits."""
    told = notification(alert({"alertname": "A"}, {"summary": "s", "description": "word " * 1_000}))
    assert [("word " * 300)[:1_499] + "…"] == below(message(slack, http, told))


def test_an_end_is_short(slack: SlackWebhook, http: Http) -> None:
    """It says how long it took; what was found is not so any more, and the alert's own words are not either."""
    told = replace(notifications.seed("resolved"), images=(Image("https://a.example/1.png", "memory"),))
    findings = {told.group.alerts[0].fingerprint: (CPU, NO_MEMORY, LOG)}
    sent = message(slack, http, replace(told, findings=findings))
    assert f"✅ *[RESOLVED] KubePodCrashLooping* {SUBJECT} — resolved after 12m" == sent["text"]
    assert "*resolved* after *12m* · 2022-03-02 07:31 UTC to 2022-03-02 07:43 UTC" == state(sent)[0]
    assert ([], [], 1) == (below(sent), fields(sent), len(sent["attachments"]))
    assert ["alert-manager · on-call · 0 firing, 1 resolved"] == small_print(sent)


def test_the_end_of_several_says_how_long_each_took(slack: SlackWebhook, http: Http) -> None:
    """And how long all of them did."""
    start = notifications.START - timedelta(minutes=30)
    told = notification(
        alert({"alertname": "A", "pod": "p-0"}, {"summary": "Slow."}, "resolved"),
        alert({"alertname": "A", "pod": "p-1"}, {"summary": "Slow."}, "resolved", start=start),
        findings=[CPU],
    )
    sent = message(slack, http, told)
    assert "✅ *[RESOLVED] A* p-1 and 1 more — resolved after 42m" == sent["text"]
    assert "*all 2 resolved* after *42m* · 2022-03-02 07:01 UTC to 2022-03-02 07:43 UTC" == state(sent)[0]
    assert ["✅ p-1 — over after 12m\n✅ p-0 — over after 12m"] == below(sent)
    assert [] == fields(sent)


@pytest.mark.parametrize(
    ("alerts", "truncated", "listed", "more"),
    [
        (1, 0, 0, ""),
        (2, 0, 2, ""),
        (10, 0, 10, ""),
        (11, 0, 10, "1"),
        (12, 30, 10, "32"),
        (1, 1, 1, "1"),
        (2, 5, 2, "5"),
    ],
)
def test_lists_the_alerts_of_a_group(
    slack: SlackWebhook, http: Http, alerts: int, truncated: int, listed: int, more: str
) -> None:
    """Of a group ten alerts are told, one a line, and all others are counted, those that never came too."""
    told = notification(*[alert({"alertname": "A", "pod": f"p-{at:02}"}) for at in range(alerts)])
    sent = message(slack, http, replace(told, group=replace(told.group, truncated_alerts=truncated)))
    lines = [f"🟠 p-{at:02}" for at in range(listed)] + [f"… and {more} more"] * bool(more)
    assert ["\n".join(lines)] * bool(lines) == below(sent)


def test_lists_the_worst_first_with_their_readings(slack: SlackWebhook, http: Http) -> None:
    """What fires goes before what is over, the worst first, each with its sentence and what was found."""
    alerts = [
        alert({"alertname": "A", "severity": "info"}, {"summary": "Mild."}),
        alert({"alertname": "A", "severity": "critical", "pod": "p"}, {"summary": "Over."}, "resolved"),
        alert({"alertname": "A", "severity": "critical", "namespace": "n", "pod": "p"}, {"summary": "Bad."}),
    ]
    told = notification(*alerts, findings={alerts[2].fingerprint: (CPU, NO_MEMORY), alerts[0].fingerprint: (MEMORY,)})
    expected = "🔴 n/p — CPU 84%\n🔵 A — memory 86% — Mild.\n✅ p — over after 12m"
    sent = message(slack, http, told)
    assert [expected, "*n/p*"] == below(sent)
    assert ["*CPU* ▰▰▰▰▰▰▰▰▱▱ 84%\n0.42 of 0.50 cores, request 0.25 cores"] == fields(sent)
    assert "🔴 *[FIRING:2] A* n/p and 1 more — Bad." == sent["text"]
    assert ["*2 firing* (1 critical, 1 info), 1 resolved · since 2022-03-02 07:31 UTC"] == state(sent)


def test_says_when_each_began_where_that_differs(slack: SlackWebhook, http: Http) -> None:
    """In a group whose alerts did not begin at once; and the namespace that all share is said once."""
    alerts = [
        alert(
            {"alertname": "A", "namespace": "shop", "pod": f"p-{at}"},
            start=notifications.START + timedelta(minutes=5 * at),
        )
        for at in range(2)
    ]
    sent = message(slack, http, notification(*alerts))
    assert ["*2 firing* (2 error) · since 2022-03-02 07:31 UTC", "namespace *shop*"] == state(sent)
    assert ["🟠 p-0 · 2022-03-02 07:31 UTC\n🟠 p-1 · 2022-03-02 07:36 UTC"] == below(sent)
    assert "p-1 · <!date^1646206617^{ago}|2022-03-02 07:36 UTC>" in sections(sent)[1]


def test_a_group_shows_only_labels_that_all_share(slack: SlackWebhook, http: Http) -> None:
    """What is true of some of the alerts only is not told of the group."""
    told = notification(*[alert({"alertname": "A", "namespace": "shop", "pod": f"p-{at}"}) for at in range(2)])
    assert "namespace *shop*" == state(message(slack, http, told))[1]


@pytest.mark.parametrize(
    ("runbook", "generator", "expected"),
    [
        ("https://runbooks.example/", "http://prometheus:9090/graph", ["Runbook", "Prometheus", "Alertmanager"]),
        ("javascript:alert(1)", "", ["Alertmanager"]),
        ("runbooks/a.md", "/graph?g0.expr=up", ["Alertmanager"]),
        ("<https://evil.example|x>", "https://a.example/two words", ["Alertmanager"]),
        ("\x01https://a.example/", "https://a.example/\x00", ["Alertmanager"]),
        ("https://a.example/" + "x" * 3_000, "https://b.example/", ["Prometheus", "Alertmanager"]),
        ("https://a.example/", "https://b.example/" + "x" * 2_970, ["Runbook", "Alertmanager"]),
    ],
)
def test_buttons_lead_somewhere(
    slack: SlackWebhook, http: Http, runbook: str, generator: str, expected: list[str]
) -> None:
    """Only a whole http or https URL is a button, and one that is too long takes away no other."""
    sent = message(slack, http, notification(alert({}, {"runbook_url": runbook}, generator_url=generator)))
    assert expected == [word for word, _ in buttons(sent)]


def test_no_links_make_no_buttons(slack: SlackWebhook, http: Http) -> None:
    """A message without any link has no row of buttons, which Slack would refuse."""
    told = notification(alert())
    sent = message(slack, http, replace(told, group=replace(told.group, external_url="")))
    assert [] == blocks(sent, "actions")


PINGS = "<!channel> <!here|x> <@U1> <!subteam^S1> <https://evil.example|runbook> a&b &lt;"
ESCAPED = (
    "&lt;!channel&gt; &lt;!here|x&gt; &lt;@U1&gt; &lt;!subteam^S1&gt; &lt;https://evil.example|runbook&gt; "
    "a&amp;b &amp;lt;"
)


@pytest.mark.parametrize("count", [1, 2])
def test_pings_nobody(slack: SlackWebhook, http: Http, count: int) -> None:
    """Wherever an alert says it, what would ping a channel or look like a link is plain text."""
    labels = dict.fromkeys(("alertname", "severity", "cluster", "namespace", "pod", "container", "instance"), PINGS)
    alerts = [alert({**labels, "n": str(at)}, {"summary": PINGS, "description": f"{PINGS}!"}) for at in range(count)]
    findings: list[Finding] = [replace(CPU, title=PINGS, unit=PINGS), replace(NO_MEMORY, title=PINGS, reason=PINGS)]
    taken = Acknowledgement(PINGS, notifications.START, "slack")
    told = replace(notification(*alerts, findings=findings), receiver=PINGS, notes=(PINGS,), acknowledged=taken)
    text = dated(json.dumps(message(slack, http, told), ensure_ascii=False))
    for raw in ("<", ">", "&lt;;", "a&b", "&;"):
        assert raw not in text
    assert text.count(ESCAPED) >= 10


def test_a_cut_never_splits_an_entity(slack: SlackWebhook, http: Http) -> None:
    """A text of nothing but `&` is cut between two of them."""
    for length in range(250, 254):
        sent = message(slack, http, notification(alert({"alertname": "x" * (length % 4) + "&" * length})))
        title = sent["text"].removeprefix("🟠 *").removesuffix("*")
        assert title.endswith("&amp;…")
        assert "" == title.removeprefix("[FIRING] ").lstrip("x").replace("&amp;", "").removesuffix("…")


def test_names_the_channel_of_an_old_webhook(slack: SlackWebhook, http: Http) -> None:
    """A channel that is set is asked for."""
    assert "#ops" == message(slack, http, notifications.seed(), channel="#ops")["channel"]


def test_a_refused_message_says_why(slack: SlackWebhook, http: Http) -> None:
    """Slack's own word reaches the operator, without the URL, and the message is not sent again."""
    with pytest.raises(SendError) as raised:
        message(slack, http, notifications.seed(), api_url=f"{slack.url}-revoked")
    assert ("Slack: status 404: no_service", True) == (str(raised.value), raised.value.permanent)


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """A channel that is posted to without a network."""
    with SlackWebhook() as far_side:
        connections = InProcess(far_side)
        yield connections
        connections.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification())
def test_no_group_is_refused(in_process: InProcess, told: Notification) -> None:
    """Whatever a group holds, Slack takes the message, and nobody is pinged."""
    far_side = in_process.far_side
    assert isinstance(far_side, SlackWebhook)
    far_side.pings.clear()
    Action(Settings.model_validate({"api_url": far_side.url}), in_process).send(told, Thread(), 1)
    assert [] == far_side.pings
    sent = json.loads(in_process.body)["attachments"][0]
    # URLs as well: it is not documented whether they count.
    urls = sum(len(url) for _, url in buttons({"attachments": [sent]}))
    assert block_characters(sent["blocks"]) + urls <= MOST_BLOCK_CHARACTERS
    assert sent["fallback"].strip()


def test_names_what_could_not_be_found_of_whom(slack: SlackWebhook, http: Http) -> None:
    """Of several alerts, each reason for a gap stands there once: with its alert, or with how many it is about."""
    alerts = [alert({"alertname": "A", "severity": "critical", "namespace": "n", "pod": pod}) for pod in ("a", "b")]
    no_cpu = Gap("cpu", "CPU", "Prometheus at loopback: connection refused")
    findings: dict[str, tuple[Finding, ...]] = {
        alerts[0].fingerprint: (no_cpu, NO_MEMORY),
        alerts[1].fingerprint: (no_cpu, MEMORY),
    }
    sent = message(slack, http, notification(*alerts, findings=findings))
    expected = f"_CPU of 2 alerts: {no_cpu.reason}_\n_memory of n/a: {NO_MEMORY.reason}_"
    assert expected == small_print(sent)[0]


def test_counts_what_does_not_fit(slack: SlackWebhook, http: Http) -> None:
    """Of more gaps than a section holds, the rest is counted."""
    alerts = [alert({"alertname": "A", "namespace": "n", "pod": f"p-{number}"}) for number in range(30)]
    findings = {each.fingerprint: (Gap("cpu", "CPU", f"{number} " + "x" * 200),) for number, each in enumerate(alerts)}
    lines = small_print(message(slack, http, notification(*alerts, findings=findings)))[0].split("\n")
    assert f"… and {30 - len(lines) + 1} more" == lines[-1]


def test_shows_an_excerpt_as_it_is(slack: SlackWebhook, http: Http) -> None:
    """In a block of its own behind the readings, which nothing in it ends; and nowhere else."""
    sent = message(slack, http, notification(alert(), findings=[CPU, LOG]))
    block = "*log of app before it ended*\n```\nstarting &lt;b&gt;\npanic: ''' &amp; out of memory\n```"
    assert [block] == below(sent)


def test_shows_the_excerpts_of_the_worst_alert(slack: SlackWebhook, http: Http) -> None:
    """Of a group those of one alert, and whose they are."""
    alerts = [alert({"alertname": "A", "namespace": "shop", "pod": f"cart-{at}"}) for at in range(20)]
    shown = sections(message(slack, http, notification(*alerts, findings=[LOG])))
    assert 1 == len([each for each in shown if "```" in each])
    assert "*log of app before it ended* of shop/cart-0\n```\n" in shown[-1]
    assert "panic" not in shown[0]


def test_long_excerpts_keep_every_line(slack: SlackWebhook, http: Http) -> None:
    """Each is cut, for the last one may tell most; and of many excerpts there are a few."""
    long = replace(LOG, lines=tuple(f"{at} {'<&>' * 200}" for at in range(10)))
    many = [replace(long, title=f"log {at}") for at in range(9)]
    told = notification(alert(), findings=[*[CPU] * 20, *many])
    shown = [each for each in sections(message(slack, http, told)) if "```" in each]
    assert (3, []) == (len(shown), slack.refused)
    for each in shown:
        assert [str(at) for at in range(10)] == [line.split()[0] for line in each.splitlines()[2:-1]]
