"""PagerDuty: one incident for a group's life, told whole, within what its Events API takes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions._digest import numbers
from actions.pagerduty import Action, Settings
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.contract import HttpContract
from tests.actions.in_process import InProcess
from tests.actions.notifications import CPU, LOG, MEMORY, NO_MEMORY, alert, any_notification, notification
from tests.far_sides.http_server import Answer, Request
from tests.far_sides.pagerduty import Event, PagerDuty

SUCCESS = b'{"status":"success","message":"Event processed"}'
NOTHING_TOLD = Thread()
KEY = "0123456789abcdef0123456789abcdef"
SUBJECT = "customer/customer-rs-transformer-9b75b488c-cpfd7"


class TestPagerDutyContract(HttpContract):
    """What every action that speaks HTTP holds."""

    kind = "pagerduty"
    accepted = Answer(202, SUCCESS)
    not_accepted = (Answer(200, SUCCESS), Answer(201, SUCCESS), Answer(204))

    def judge(self) -> PagerDuty:
        """Returns a PagerDuty."""
        return PagerDuty()

    def settings(self, base_url: str) -> dict[str, Any]:
        """Returns settings with the routing key."""
        return {"url": f"{base_url}/v2/enqueue", "routing_key": KEY}

    def file_settings(self, base_url: str, path: Path) -> dict[str, Any]:
        """Returns settings with the routing key in a file."""
        return {"url": f"{base_url}/v2/enqueue", "routing_key_file": str(path)}

    def secret(self, base_url: str, number: int = 0) -> str:
        """Returns one of ten routing keys."""
        return KEY[number:] + KEY[:number]

    def secret_of(self, base_url: str, request: Request) -> str:
        """Returns the routing key of an event."""
        return str(request.json()["routing_key"])


@pytest.fixture
def pagerduty() -> Iterator[PagerDuty]:
    """A PagerDuty with nothing open."""
    with PagerDuty() as far_side:
        yield far_side


def send(
    pagerduty: PagerDuty, http: Http, told: Notification, thread: Thread = NOTHING_TOLD, **changes: Any
) -> Receipt:
    """Sends one notification."""
    made = Settings.model_validate({"url": pagerduty.url, "routing_key": KEY, **changes})
    return Action(made, http).send(told, thread, 5)


def event(pagerduty: PagerDuty, http: Http, told: Notification, **changes: Any) -> Event:
    """Sends one notification and returns the event that PagerDuty took."""
    send(pagerduty, http, told, **changes)
    return pagerduty.events[-1]


def test_tells_the_first_alert(pagerduty: PagerDuty, http: Http) -> None:
    """Everything the project was asked for is in the event of the alert it was asked with."""
    expected = {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": notifications.seed().key,
        "client": "alert-manager",
        "client_url": notifications.PAGE,
        "links": [
            {"href": notifications.RUNBOOK, "text": "Runbook"},
            {"href": notifications.PROMETHEUS, "text": "Prometheus"},
            {"href": notifications.ALERTMANAGER, "text": "Alertmanager"},
            {"href": notifications.PAGE, "text": "alert-manager"},
        ],
        "payload": {
            "summary": f"[FIRING] KubePodCrashLooping: Pod is crash looping. ({SUBJECT} · cluster-main · "
            "CPU 0.42 of 0.50 cores (84%), memory 220 MiB of 256 MiB (86%))",
            "source": SUBJECT,
            "severity": "critical",
            "timestamp": "2022-03-02T07:31:57.339000+00:00",
            "component": "rs-transformer",
            "group": "customer",
            "class": "KubePodCrashLooping",
            "custom_details": {
                "firing": f"KubePodCrashLooping {SUBJECT}: Pod is crash looping.\n"
                "  CPU: 0.42 of 0.50 cores (84%), request 0.25 cores\n"
                "  memory: 220 MiB of 256 MiB (86%)",
                "resolved": "",
                "num_firing": 1,
                "num_resolved": 0,
                "readings": {
                    "CPU": "0.42 of 0.50 cores (84%), request 0.25 cores",
                    "memory": "220 MiB of 256 MiB (86%)",
                },
                "cluster": "cluster-main",
                "namespace": "customer",
                "pod": "customer-rs-transformer-9b75b488c-cpfd7",
                "severity": "CRITICAL",
                **notifications.ANNOTATIONS,
            },
        },
    }
    assert expected == event(pagerduty, http, notifications.seed())


def test_tells_several_alerts(pagerduty: PagerDuty, http: Http) -> None:
    """Of a group all alerts are listed and counted, the worst first, and the details are the worst one's."""
    alerts = [
        alert(
            {"alertname": "PodTrouble", "cluster": "one", "namespace": "shop", "pod": f"p-{name}", "severity": name},
            {"summary": f"Summary of {name}.", "description": f"About {name}."},
            "resolved" if name == "P0" else "firing",
        )
        for name in ("P3", "P1", "P0", "P2")
    ]
    told = notification(*alerts, findings={alerts[1].fingerprint: (CPU, NO_MEMORY), alerts[0].fingerprint: (MEMORY,)})
    told = replace(told, group=replace(told.group, truncated_alerts=3))
    payload = event(pagerduty, http, told)["payload"]
    expected = {
        "firing": "PodTrouble shop/p-P1: Summary of P1.\n"
        "  CPU: 0.42 of 0.50 cores (84%), request 0.25 cores\n"
        "  memory: Prometheus timed out after 2s\n"
        "PodTrouble shop/p-P2: Summary of P2.\n"
        "PodTrouble shop/p-P3: Summary of P3.\n"
        "  memory: 220 MiB of 256 MiB (86%)",
        "resolved": "PodTrouble shop/p-P0: Summary of P0.",
        "num_firing": 3,
        "num_resolved": 1,
        "num_truncated": 3,
        "readings": {
            "CPU": "0.42 of 0.50 cores (84%), request 0.25 cores",
            "memory": "Prometheus timed out after 2s",
        },
        "cluster": "one",
        "namespace": "shop",
        "pod": "p-P1",
        "severity": "P1",
        "summary": "Summary of P1.",
        "description": "About P1.",
    }
    assert expected == payload["custom_details"]
    assert ("critical", "shop/p-P1") == (payload["severity"], payload["source"])
    summary = "[FIRING:3] PodTrouble: Summary of P1. (shop/p-P1 · one · CPU 0.42 of 0.50 cores (84%), memory unknown)"
    assert summary == payload["summary"]


def test_notes_are_read_aloud(pagerduty: PagerDuty, http: Http) -> None:
    """What else a reader should know is said right behind the name, and stands in the details."""
    payload = event(pagerduty, http, notifications.noted("4th time in 30m", "still firing, 4h"))["payload"]
    said = "4th time in 30m; still firing, 4h"
    assert payload["summary"].startswith(f"[FIRING] KubePodCrashLooping ({said}): Pod is crash looping. ({SUBJECT} · ")
    assert said == payload["custom_details"]["notes"]


@pytest.mark.parametrize(("characters", "aloud"), [(20, True), (2_000, False)])
def test_notes_push_nothing_out(pagerduty: PagerDuty, http: Http, characters: int, aloud: bool) -> None:
    """Where name, sentence and subject leave no room, notes are in the details only."""
    labels = {"alertname": "A", "namespace": "n" * 253, "pod": "p" * characters, "cluster": "c" * 255}
    told = notification(alert(labels, {"summary": "s" * 400}))
    plain = event(pagerduty, http, told)["payload"]["summary"]
    payload = event(pagerduty, http, replace(told, notes=("4th time in 30m",)))["payload"]
    assert (plain.replace("A:", "A (4th time in 30m):") if aloud else plain) == payload["summary"]
    assert "4th time in 30m" == payload["custom_details"]["notes"]


def test_tells_a_digest_as_well_as_it_can(pagerduty: PagerDuty, http: Http) -> None:
    """None is meant for PagerDuty, but one that comes is an event with the counts of the whole."""
    payload = event(pagerduty, http, notifications.storm())["payload"]
    expected = (
        "[DIGEST] 4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved. "
        "Worst: KubeNodeNotReady (shop/cart-0)"
    )
    assert (expected, "critical") == (payload["summary"], payload["severity"])
    details = payload["custom_details"]
    assert (4_204, 608, 10) == (details["num_firing"], details["num_resolved"], len(details["firing"].split("\n")))


def test_tells_that_a_destination_fails(pagerduty: PagerDuty, http: Http) -> None:
    """Which destination fails is read aloud, and what was not told there is in the details, a line each."""
    told = notifications.delivery_failing()
    payload = event(pagerduty, http, told)["payload"]
    summary = "on-call/pagerduty/0 has taken nothing for 2m: 3 alerts are untold there."
    assert f"[FIRING] DeliveryFailing: {summary}" == payload["summary"]
    details = payload["custom_details"]
    assert told.group.alerts[0].annotations["description"] == details["description"]
    assert ("DeliveryFailing", "critical") == (payload["source"], payload["severity"])


def test_details_do_not_mix_labels_and_annotations(pagerduty: PagerDuty, http: Http) -> None:
    """An annotation named as a label is not taken for it, nor the other way about."""
    told = notification(
        alert({"alertname": "A", "severity": "page", "summary": "label"}, {"severity": "dull", "summary": "annotation"})
    )
    details = event(pagerduty, http, told)["payload"]["custom_details"]
    assert ("page", "annotation") == (details["severity"], details["summary"])


def test_resolves_through_the_same_key(pagerduty: PagerDuty, http: Http) -> None:
    """Trigger, update and resolve are one incident, whatever the receiver is called by then."""
    opened = send(pagerduty, http, notifications.mixed(), Thread())
    assert "trigger accepted" == opened.detail
    updated = send(pagerduty, http, notifications.mixed(), opened.thread)
    over = replace(notifications.seed("resolved"), receiver="renamed")
    resolved = send(pagerduty, http, over, updated.thread)
    assert "resolve accepted" == resolved.detail
    key = notifications.mixed().key
    assert {key} == {opened.thread.key, updated.thread.key, resolved.thread.key}
    incident = pagerduty.incident(key)
    assert ("resolved", ["trigger", "trigger", "resolve"]) == (
        incident.state,
        [each["event_action"] for each in incident.events],
    )


def test_a_resolve_without_a_thread_has_the_groups_key(pagerduty: PagerDuty, http: Http) -> None:
    """A trigger that timed out may have opened an incident: the resolve finds it all the same."""
    send(pagerduty, http, notifications.seed())
    told = event(pagerduty, http, notifications.seed("resolved"))
    expected = {"routing_key": KEY, "event_action": "resolve", "dedup_key": notifications.seed().key}
    assert expected == told
    assert "resolved" == pagerduty.incident(notifications.seed().key).state


def test_other_receivers_and_groups_have_other_keys(pagerduty: PagerDuty, http: Http) -> None:
    """Two receivers of a group, and two groups of a receiver, are incidents of their own."""
    told = notifications.seed()
    other_group = replace(told, group=replace(told.group, group_key="another"))
    for each in (told, replace(told, receiver="other"), other_group):
        send(pagerduty, http, each)
    assert 3 == len(pagerduty.incidents)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        *[(each, "critical") for each in ("critical", "CRITICAL", "Critical", "page", "PAGE", "p0", "P0", "P1", "p1")],
        *[(each, "error") for each in ("error", "Error", "high", "HIGH", "p2", "P2")],
        *[(each, "warning") for each in ("warning", "WARNING", "p3", "P3")],
        *[(each, "info") for each in ("info", "INFO", "none", "None")],
        *[(each, "error") for each in ("", "warn", "p4", "disaster", "🔥", "critical!")],
        (" critical ", "critical"),
    ],
)
def test_maps_the_severity(pagerduty: PagerDuty, http: Http, label: str, expected: str) -> None:
    """Every team's spelling is one of PagerDuty's four, in any letter case; what is unknown is an error."""
    told = notification(alert({"alertname": "A", "severity": label}))
    assert expected == event(pagerduty, http, told)["payload"]["severity"]


@pytest.mark.parametrize(
    ("labels", "changes", "expected"),
    [
        ([{"severity": "info"}, {"severity": "p2"}], {}, "error"),
        ([{"severity": "warning"}, {"severity": "critical", "over": "yes"}], {}, "warning"),
        ([{}], {}, "error"),
        ([{"severity": "info"}], {"severity": "PAGE"}, "critical"),
    ],
)
def test_a_group_is_as_bad_as_its_worst_alert(
    pagerduty: PagerDuty, http: Http, labels: list[dict[str, str]], changes: dict[str, Any], expected: str
) -> None:
    """The worst that fires counts, and a setting goes before all labels."""
    told = notification(*[alert(each, status="resolved" if "over" in each else "firing") for each in labels])
    assert expected == event(pagerduty, http, told, **changes)["payload"]["severity"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"pod": "p", "namespace": "n", "cluster": "c"}, {"source": "n/p", "group": "n"}),
        ({"instance": "i", "cluster": "c", "job": "j"}, {"source": "i", "group": "c", "component": "j"}),
        ({"cluster": "c", "service": "s", "job": "j"}, {"source": "c", "group": "c", "component": "s"}),
        ({"alertname": "A"}, {"source": "A", "class": "A"}),
        ({}, {"source": "alert", "class": "alert"}),
    ],
)
def test_says_what_it_is_about(
    pagerduty: PagerDuty, http: Http, labels: dict[str, str], expected: Mapping[str, str]
) -> None:
    """Source, component, group and class are what the labels say, and are left out where they say nothing."""
    payload = event(pagerduty, http, notification(alert(labels)))["payload"]
    found = {key: payload[key] for key in ("source", "component", "group", "class") if key in payload}
    assert {"class": "alert", **expected} == found


@pytest.mark.parametrize(("name", "expected"), [("A", "A"), ("\u2003", "alert")])
def test_a_blank_source_is_none(pagerduty: PagerDuty, http: Http, name: str, expected: str) -> None:
    """Labels of white space would have the whole event refused as one without a source."""
    told = notification(alert({"alertname": name, "pod": " ", "cluster": "\n"}))
    assert expected == event(pagerduty, http, told)["payload"]["source"]


def test_the_incident_began_with_the_oldest_alert_that_fires(pagerduty: PagerDuty, http: Http) -> None:
    """The timestamp is the first start among what fires."""
    later = notifications.START.replace(year=2023)
    told = notification(
        alert({"alertname": "A"}, start=later.replace(year=2024)),
        alert({"alertname": "B"}, start=later),
        alert({"alertname": "C"}, status="resolved"),
    )
    assert later.isoformat() == event(pagerduty, http, told)["payload"]["timestamp"]


def test_shows_only_links_that_lead_somewhere(pagerduty: PagerDuty, http: Http) -> None:
    """What is no http(s) URL is no link; without a page of our own the incident leads to Alertmanager."""
    told = notification(alert({}, {"runbook_url": "javascript:alert(1)"}, generator_url="/graph?g0.expr=up"))
    sent = event(pagerduty, http, told)
    assert [{"href": notifications.ALERTMANAGER, "text": "Alertmanager"}] == sent["links"]
    assert notifications.ALERTMANAGER == sent["client_url"]
    none = replace(told, group=replace(told.group, external_url="http://"))
    sent = event(pagerduty, http, none)
    assert ([], False) == (sent["links"], "client_url" in sent)


def test_a_refused_event_says_why(pagerduty: PagerDuty, http: Http) -> None:
    """PagerDuty's own words reach the operator, and the event is not sent again."""
    with pytest.raises(SendError, match=r"Length of 'routing_key' is incorrect") as raised:
        send(pagerduty, http, notifications.seed(), routing_key="short")
    assert raised.value.permanent


@pytest.fixture(scope="module")
def in_process() -> Iterator[InProcess]:
    """A PagerDuty that judges without being listened to."""
    with PagerDuty() as far_side:
        connections = InProcess(far_side)
        yield connections
        connections.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification(), severity=st.none() | st.text(max_size=10))
def test_no_group_is_refused(in_process: InProcess, told: Notification, severity: str | None) -> None:
    """Whatever a group holds, PagerDuty takes the event, which counts its alerts."""
    action = Action(Settings.model_validate({"routing_key": KEY, "severity": severity}), in_process)
    action.send(told, Thread(), 1)
    sent = json.loads(in_process.body)
    assert len(in_process.body) <= 512_000
    if told.group.status == "firing":
        details = sent["payload"]["custom_details"]
        assert numbers(told) == (details["num_firing"], details["num_resolved"])


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("x", []),
        # Between 512,000 bytes and 512 KiB: nobody says which kilobytes are meant.
        ('"', ["resolved"]),
        ("é", ["resolved"]),
        ("\ufffd", ["resolved", "readings"]),
        ("🔥", ["resolved", "readings"]),
        ("\x00", ["resolved", "readings"]),
    ],
)
def test_a_large_event_shrinks_and_says_so(
    pagerduty: PagerDuty, http: Http, character: str, expected: list[str]
) -> None:
    """What is too large for PagerDuty is left out by name, the least important first, and the rest arrives."""
    text = character * 20_000
    alerts = [
        alert(
            {"alertname": "A", "pod": f"p-{at}", "cluster": text, "severity": "critical"},
            {"summary": text, "description": text},
            "resolved" if at % 2 else "firing",
        )
        for at in range(200)
    ]
    readings = [replace(NO_MEMORY, title=f"{at}", reason=f"{at} {text}") for at in range(42)]
    sent = event(pagerduty, http, notification(*alerts, findings=readings))
    details = sent["payload"]["custom_details"]
    assert expected == details.get("dropped_for_size", [])
    assert len(pagerduty.requests[-1].body) <= 512_000
    assert (100, 100, "critical") == (details["num_firing"], details["num_resolved"], details["severity"])
    whole = {"firing", "resolved", "readings", "summary", "description"}
    assert whole - set(expected) == whole & details.keys()


def test_shows_pictures_at_the_top_level(pagerduty: PagerDuty, http: Http) -> None:
    """Each with what it says in words, leading to the page; only such as PagerDuty takes, and none of what is over."""
    images = (
        Image("https://alerts.example/charts/a.png", "CPU over the hour"),
        Image("http://alerts.example/charts/b.png", "not by https"),
        Image("https://alerts.example/charts/c.png", "x" * 9_999),
        Image("javascript:alert(1)", "x"),
        Image("https://alerts.example/charts/d.png", " "),
    )
    sent = event(pagerduty, http, replace(notifications.seed(), images=images))
    first, second, third = sent["images"]
    expected = {"src": "https://alerts.example/charts/a.png", "href": notifications.PAGE, "alt": "CPU over the hour"}
    assert expected == first
    assert 500 == len(second["alt"])
    assert {"src", "href"} == set(third)
    assert "images" not in event(pagerduty, http, notifications.seed())
    over = event(pagerduty, http, replace(notifications.seed("resolved"), images=images))
    assert ("resolve", False) == (over["event_action"], "images" in over)


def test_drops_as_much_as_it_must(pagerduty: PagerDuty, http: Http) -> None:
    """Where everything is as long as it may be, written six times as long, the event fits and its links stay."""
    text = "\x00" * 20_000
    annotations = {"summary": text, "description": text, "runbook_url": text}
    labels = dict.fromkeys(("cluster", "namespace", "pod", "container", "alertname"), text)
    link = "https://a.example/" + "ü" * 2_900
    alerts = [
        alert({**labels, "n": str(at)}, {**annotations, "runbook_url": link}, "resolved" if at % 2 else "firing", link)
        for at in range(200)
    ]
    told = notification(
        *alerts, findings=[replace(NO_MEMORY, title=f"{at}", reason=f"{at} {text}") for at in range(40)]
    )
    sent = event(pagerduty, http, replace(told, page_url=link))
    assert len(pagerduty.requests[-1].body) <= 512_000
    assert 4 == len(sent["links"])
    assert sent["payload"]["custom_details"]["dropped_for_size"]


def test_excerpts_are_in_the_details_alone(pagerduty: PagerDuty, http: Http) -> None:
    """Of the alert that stands for all; nobody has them read aloud."""
    alerts = [alert({"alertname": "A", "pod": f"cart-{at}"}) for at in range(2)]
    payload = event(pagerduty, http, notification(*alerts, findings=[CPU, LOG]))["payload"]
    details = payload["custom_details"]
    assert "starting <b>\npanic: ``` & out of memory" == details["readings"]["log of app before it ended"]
    assert "panic" not in payload["summary"] + details["firing"]
    assert "CPU" in payload["summary"]
