"""`POST /pagerduty/webhook`: who is believed, what is understood, and what becomes of it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from alerts import taken
from alerts.notification import Notification, Receipt, Thread
from alerts.timeline import Acknowledgement
from pipeline import Pipeline
from tests.far_sides.pagerduty import PagerDuty
from tests.pipeline.parts import Failing, Recorder, body, make_pipeline, settled, started
from tests.samples import webhook, wire_alert
from tests.service import Service, eventually

SECRET = "w" * 40
GROUP = '{}:{alertname="Crash"}'
AT = "2026-03-02T07:31:57.339Z"
ANN = {
    "html_url": "https://acme.pagerduty.com/users/PLH1HKV",
    "id": "PLH1HKV",
    "self": "https://api.pagerduty.com/users/PLH1HKV",
    "summary": "Ann",
    "type": "user_reference",
}
INTEGRATION = {"id": "PXMQRWJ", "summary": "Events API V2", "type": "inbound_integration_reference"}
RECEIVERS = """
route:
  receiver: team
  routes: [{receiver: other, continue: true}, {receiver: team}]
receivers:
- {name: team, pagerduty_configs: [{routing_key: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]}
- {name: other, log_configs: [{}]}
"""


class Keyed(Recorder):
    """An action that holds what it was told by the notification's own key, as PagerDuty's does."""

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends to the list."""
        super().send(notification, thread, deadline_seconds)
        return Receipt("sent", Thread(key=notification.key))


@pytest.fixture
def recorder() -> Keyed:
    """The action of the receiver "team"."""
    return Keyed()


@pytest.fixture
def yaml() -> str:
    """The configuration."""
    return f"web: {{max_body: 64KiB, pagerduty_webhook_secret: {SECRET}}}\n{RECEIVERS}"


@pytest.fixture
def pipeline(tmp_path: Path, failing: Failing, recorder: Keyed, yaml: str) -> Pipeline:
    """The pipeline behind the client, not started."""
    return make_pipeline(tmp_path, failing, {"team/pagerduty/0": recorder, "other/log/0": Keyed()}, yaml)


@pytest.fixture
def key(pipeline: Pipeline, recorder: Keyed) -> str:
    """The dedup_key of an incident that is open; the pipeline has ended since."""
    with started(pipeline):
        settled(pipeline, pipeline.accept(body(webhook(group_key=GROUP))))
    return recorder.sent[0].key


def event(kind: str = "incident.acknowledged", agent: Any = ANN, **data: Any) -> dict[str, Any]:
    """Returns a webhook's payload, as PagerDuty documents it."""
    return {
        "event": {
            "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": AT,
            "agent": agent,
            "client": {"name": "PagerDuty"},
            "data": {"id": "PGR0VU2", "type": "incident", "number": 2, "resolve_reason": None, **data},
        }
    }


def post(client: FlaskClient, payload: Any, secret: str = SECRET, **headers: str) -> Any:
    """Posts a webhook, signed unless a signature is given."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = headers or {"X-PagerDuty-Signature": signature(content, secret)}
    return client.post("/pagerduty/webhook", data=content, headers=headers)


def signature(content: bytes, secret: str = SECRET) -> str:
    """Returns PagerDuty's signature of a body."""
    return f"v1={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"


def kept(pipeline: Pipeline, answer: Any) -> list[tuple[str, Acknowledgement]]:
    """Returns what the events of an answer say."""
    assert 200 == answer.status_code
    bodies = [pipeline.store.body(each) for each in answer.get_json()["events"]]
    found = [(taken.group_of(each), taken.acknowledgement_of(each)) for each in bodies if each is not None]
    return [(group_key, each) for group_key, each in found if each is not None]


@pytest.mark.parametrize(("kind", "resolved"), [("incident.acknowledged", False), ("incident.resolved", True)])
def test_keeps_who_has_taken_it_over(
    client: FlaskClient, pipeline: Pipeline, key: str, kind: str, resolved: bool
) -> None:
    """For the group of the incident, with who and when."""
    at = datetime(2026, 3, 2, 7, 31, 57, 339_000, UTC)
    expected = [(GROUP, Acknowledgement("Ann", at, "pagerduty", resolved))]
    assert expected == kept(pipeline, post(client, event(kind, incident_key=key)))


@pytest.mark.parametrize("kind", ["incident.acknowledged", "incident.resolved"])
def test_one_of_several_incidents_is_not_the_group(
    client: FlaskClient, pipeline: Pipeline, key: str, kind: str
) -> None:
    """Who closes it has seen to the group, and has not closed it."""
    ((group, found),) = kept(pipeline, post(client, event(kind, incident_key=f"{key}:{'0' * 32}")))
    assert (GROUP, False) == (group, found.resolved)


@pytest.mark.parametrize("kind", ["incident.acknowledged", "incident.resolved"])
@pytest.mark.parametrize(
    "agent",
    [
        None,
        INTEGRATION,
        {**INTEGRATION, "type": "generic_events_api_inbound_integration_reference"},
        {"id": "PF9KMXH", "type": "service_reference", "summary": "API Service"},
        {"summary": "nobody knows"},
        "Ann",
    ],
)
def test_what_nobody_did_is_nothing(client: FlaskClient, pipeline: Pipeline, key: str, kind: str, agent: Any) -> None:
    """An integration is this service itself, whose own events come back; and PagerDuty closes by itself."""
    assert [] == kept(pipeline, post(client, event(kind, agent, incident_key=key)))


def test_a_merge_is_no_end(client: FlaskClient, pipeline: Pipeline, key: str) -> None:
    """The incident goes on as a part of another one, whoever merged them."""
    reason = {"type": "merge_resolve_reason", "incident": {"id": "P1", "type": "incident_reference"}}
    told = event("incident.resolved", incident_key=key, resolve_reason=reason)
    assert [] == kept(pipeline, post(client, told))


@pytest.mark.parametrize(
    "payload",
    [
        event(incident_key="of somebody else's"),
        event(incident_key=""),
        event(incident_key=None),
        event(incident_key=["a"]),
        event(incident_key="a\x00b"),
        event(incident_key="\ud800"),
        event(incident_key=":" * 9_000),
        event(),
        event("incident.unacknowledged", incident_key="KEY"),
        event("incident.reopened", incident_key="KEY"),
        event("incident.invented", incident_key="KEY"),
        {"event": {"event_type": "pagey.ping", "data": {"message": "Hello from your friend Pagey!", "type": "ping"}}},
        {"event": {"event_type": "service.updated", "data": None}},
    ],
)
def test_what_is_about_something_else_is_taken(
    client: FlaskClient, pipeline: Pipeline, key: str, payload: dict[str, Any]
) -> None:
    """PagerDuty disables a subscription whose webhooks are refused."""
    if payload["event"].get("data", {}) and payload["event"]["data"].get("incident_key") == "KEY":
        payload = event(payload["event"]["event_type"], incident_key=key)
    assert [] == kept(pipeline, post(client, payload))


def test_what_another_action_holds_is_none_of_its_incidents(client: FlaskClient, pipeline: Pipeline, key: str) -> None:
    """Though somebody were to write its handle."""
    (handle,) = [
        each.key
        for each in pipeline.running.actions["other/log/0"].sent  # type: ignore[attr-defined]
    ]
    assert key != handle
    assert [] == kept(pipeline, post(client, event(incident_key=handle)))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1=",
        "v1=" + "0" * 64,
        "v2={right}",
        "{right}",
        "V1={right}",
        "v1=é",
        "v1={right}0",
        "," * 1_000,
        ",".join(["v1=" + "0" * 64] * 21) + ",v1={right}",
    ],
)
def test_refuses_who_has_not_signed(client: FlaskClient, pipeline: Pipeline, key: str, header: str) -> None:
    """With 401, whatever stands in the header."""
    content = json.dumps(event(incident_key=key)).encode()
    header = header.replace("{right}", signature(content).removeprefix("v1="))
    answer = post(client, content, **{"X-PagerDuty-Signature": header})
    assert (401, "error") == (answer.status_code, answer.get_json()["status"])
    assert SECRET not in answer.get_data(as_text=True)
    assert 401 == client.post("/pagerduty/webhook", data=content).status_code
    assert 401 == post(client, content, secret="another" * 6).status_code


def test_a_changed_body_is_not_signed(client: FlaskClient, key: str) -> None:
    """By a single byte."""
    content = json.dumps(event(incident_key=key)).encode()
    assert 401 == post(client, content + b" ", **{"X-PagerDuty-Signature": signature(content)}).status_code


def test_one_of_several_signatures_is_enough(client: FlaskClient, pipeline: Pipeline, key: str) -> None:
    """PagerDuty signs with two secrets while one is replaced."""
    content = json.dumps(event(incident_key=key)).encode()
    header = f"v1={'0' * 64},{signature(content, 'old')}, {signature(content)}"
    assert 1 == len(kept(pipeline, post(client, content, **{"X-PagerDuty-Signature": header})))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff", "the body is not JSON"),
        (b"[" * 60_000, "the body is not JSON"),
        (b"[]", "event: should be a mapping"),
        (b"{}", "event: should be a mapping"),
        (b'{"event": []}', "event: should be a mapping"),
        (b'{"event": {"event_type": 7}}', "event.event_type: should be text"),
        (b'{"event": {"event_type": "incident.resolved", "data": "x"}}', "event.data: should be a mapping"),
    ],
)
def test_refuses_what_is_malformed(client: FlaskClient, content: bytes, expected: str) -> None:
    """And says where."""
    answer = post(client, content)
    assert (400, expected) == (answer.status_code, answer.get_json()["error"])


@pytest.mark.parametrize("at", ["yesterday", 7, "", {"a": 1}, "0001-01-01T00:00:00+14:00"])
def test_refuses_a_time_that_is_none(client: FlaskClient, key: str, at: Any) -> None:
    """It would be told as when it was."""
    payload = event(incident_key=key)
    payload["event"]["occurred_at"] = at
    answer = post(client, payload)
    assert (400, "event.occurred_at: should be a time of ISO 8601") == (answer.status_code, answer.get_json()["error"])


def test_a_time_may_be_missing(client: FlaskClient, pipeline: Pipeline, key: str) -> None:
    """Then it is now; without a zone it is UTC's."""
    payload = event(incident_key=key)
    del payload["event"]["occurred_at"]
    ((_, found),) = kept(pipeline, post(client, payload))
    assert abs((datetime.now(UTC) - found.at).total_seconds()) < 60
    payload["event"]["occurred_at"] = "2026-03-02T07:31:57"
    ((_, found),) = kept(pipeline, post(client, payload))
    assert datetime(2026, 3, 2, 7, 31, 57, tzinfo=UTC) == found.at


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ({**ANN, "summary": "  A\nn\t\u202en  "}, "A n \u202en"),
        ({**ANN, "summary": "x" * 60_000}, "x" * 200),
        ({**ANN, "summary": " "}, "somebody"),
        ({**ANN, "summary": {"a": "b"}}, "somebody"),
        ({**ANN, "summary": None}, "PLH1HKV"),
        ({"type": "user_reference"}, "somebody"),
        ({**ANN, "summary": "<!channel>"}, "<!channel>"),
        ({**ANN, "summary": "\ud800"}, "?"),
    ],
)
def test_a_name_is_anybodys_text(
    client: FlaskClient, pipeline: Pipeline, key: str, agent: dict[str, Any], expected: str
) -> None:
    """On one line and cut; whoever shows it sees to what is in it."""
    ((_, found),) = kept(pipeline, post(client, event(agent=agent, incident_key=key)))
    assert expected == found.by


def test_a_long_body_is_refused(client: FlaskClient) -> None:
    """Before anything is made of it."""
    assert 413 == post(client, b" " * 70_000).status_code


def test_storage_trouble_is_503(client: FlaskClient, failing: Failing, pipeline: Pipeline, key: str) -> None:
    """PagerDuty tries again."""
    for method in ("held_by", "accept"):
        failing.failures[method] = 1
        assert 503 == post(client, event(incident_key=key)).status_code
    assert 1 == len(kept(pipeline, post(client, event(incident_key=key))))


def test_only_a_post_is_taken(client: FlaskClient) -> None:
    """As the error says."""
    assert 405 == client.get("/pagerduty/webhook").status_code


class TestWithoutASecret:
    """Where none is set."""

    @pytest.fixture
    def yaml(self) -> str:
        """The configuration."""
        return RECEIVERS

    def test_takes_nothing(self, client: FlaskClient) -> None:
        """And names the setting."""
        answer = post(client, event(incident_key="x"))
        assert 404 == answer.status_code
        assert "web.pagerduty_webhook_secret is not set" in answer.get_json()["error"]


class TestWithAFile:
    """Where the secret is in a file."""

    @pytest.fixture
    def yaml(self, tmp_path: Path) -> str:
        """The configuration."""
        return f"web: {{pagerduty_webhook_secret_file: {tmp_path / 'secret'}}}\n{RECEIVERS}"

    def test_reads_it_each_time(self, client: FlaskClient, pipeline: Pipeline, key: str, tmp_path: Path) -> None:
        """So that it can be rotated; one that is not there may be there next time."""
        assert 503 == post(client, event(incident_key=key)).status_code
        for secret in (SECRET, "r" * 40):
            (tmp_path / "secret").write_text(f"{secret}\n")
            assert 1 == len(kept(pipeline, post(client, event(incident_key=key), secret)))
        assert 401 == post(client, event(incident_key=key), SECRET).status_code


def test_a_person_at_pagerduty(tmp_path: Path) -> None:
    """Who acknowledges one of a group's incidents there has it, is not told so again, and its end comes from here."""
    with PagerDuty() as pagerduty:
        receiver = f"{{routing_key: {'a' * 32}, url: '{pagerduty.url}', dedup: alert}}"
        config = f"route: {{receiver: team}}\nreceivers: [{{name: team, pagerduty_configs: [{receiver}]}}]\n"
        with Service(tmp_path, {"PAGERDUTY_WEBHOOK_SECRET": SECRET}, config) as service:
            pagerduty.subscribe(f"{service.url}/pagerduty/webhook", "old", SECRET)
            service.post(webhook(wire_alert("A"), wire_alert("B"), group_key=GROUP), "?wait=5s")
            first, second = pagerduty.opened
            assert 200 == pagerduty.acknowledge_by("Jane", first.dedup_key)

            def said() -> bool:
                # Each time another alert, for what is told is what is new.
                alerts = [wire_alert(f"C{at}") for at in range(len(pagerduty.opened) - 1)]
                service.post(webhook(wire_alert("A"), wire_alert("B"), *alerts, group_key=GROUP), "?wait=5s")
                return "acknowledged" in pagerduty.events[-1]["payload"]["custom_details"]

            eventually(said, "who has it in what is told", 10)
            assert pagerduty.events[-1]["payload"]["custom_details"]["acknowledged"].startswith(
                "by Jane (pagerduty) at "
            )
            assert {"trigger"} == {each["event_action"] for each in pagerduty.events}
            over = [wire_alert(str(each.events[0]["payload"]["class"]), "resolved") for each in pagerduty.opened]
            service.post(webhook(*over, group_key=GROUP), "?wait=5s")
            assert {"resolved"} == {each.state for each in pagerduty.opened}
            # PagerDuty tells what came from here.
            assert 200 == pagerduty.tell("incident.resolved", second.dedup_key)
            assert [] == pagerduty.refused
