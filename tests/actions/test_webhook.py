"""Webhook: Alertmanager's body with what was found, or the user's own, signed where there is a secret."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from actions.webhook import Action, Settings
from alerts.findings import Reading
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from alerts.payload import parse
from outbound import Http
from tests.actions import notifications
from tests.actions.contract import TROUBLES, HttpContract
from tests.actions.in_process import InProcess
from tests.actions.notifications import LOG, NO_MEMORY, START, alert, any_notification, notification
from tests.far_sides import trouble
from tests.far_sides.http_server import Answer, HttpServer, Request

PATH = "/hooks/0f3c9a7e51d24b8e"


class Webhook(HttpServer):
    """Takes what Alertmanager's receivers take."""

    def answer(self, request: Request) -> Answer:
        """Says yes to JSON, and no to all else."""
        try:
            json.loads(request.body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        except ValueError:
            return Answer(400, b"no JSON")
        return Answer(200, b"ok")


class TestWebhookContract(HttpContract):
    """What every action that speaks HTTP holds."""

    kind = "webhook"
    accepted = Answer(204)
    not_accepted = ()

    def judge(self) -> Webhook:
        """Returns a receiver."""
        return Webhook()

    def settings(self, base_url: str) -> dict[str, Any]:
        """Returns settings with the URL."""
        return {"url": self.secret(base_url)}

    def file_settings(self, base_url: str, path: Path) -> dict[str, Any]:
        """Returns settings with the URL in a file."""
        return {"url_file": str(path)}

    def secret(self, base_url: str, number: int = 0) -> str:
        """Returns one of several URLs."""
        return f"{base_url}{PATH}" + f"-{number}" * bool(number)

    def secret_of(self, base_url: str, request: Request) -> str:
        """Returns the URL that was posted to."""
        return f"{base_url}{request.path}"

    def secret_parts(self, base_url: str) -> list[str]:
        """Returns the URL, its path, and the token at its end."""
        return [self.secret(base_url), PATH, PATH.rpartition("/")[2]]

    @pytest.mark.parametrize("far_side", [each for each in TROUBLES if each is not trouble.nonsense])
    def test_trouble_is_retryable_in_time(self, far_side: Any, http: Http) -> None:
        """Whatever the far side does but answer 2xx, which is a yes, whatever it says with it."""
        super().test_trouble_is_retryable_in_time(far_side, http)

    def test_any_2xx_is_a_yes(self, http: Http) -> None:
        """Alertmanager's receivers answer what they like."""
        with trouble.nonsense() as url:
            receipt = self.made(self.settings(url), http).send(notifications.seed(), Thread(), 5)
        assert Receipt("posted, status 200", Thread()) == receipt


@pytest.fixture
def receiver() -> Iterator[Webhook]:
    """One that has got nothing yet."""
    with Webhook() as far_side:
        yield far_side


def posted(receiver: Webhook, http: Http, told: Notification, **changes: Any) -> Request:
    """Sends one notification and returns the request that came."""
    action = Action(Settings.model_validate({"url": f"{receiver.base_url}/a", **changes}), http)
    assert Receipt("posted, status 200", Thread(key="x")) == action.send(told, Thread(key="x"), 5)
    return receiver.requests[-1]


def test_posts_what_alertmanager_posts(receiver: Webhook, http: Http) -> None:
    """The first alert as Alertmanager's receivers know it, key by key, with its readings beside it."""
    request = posted(receiver, http, notifications.seed())
    sent = request.json()
    findings = sent["alerts"][0].pop("enrichment")["findings"]
    expected = {
        "version": "4",
        "groupKey": '{}:{alertname="PodTrouble"}',
        "truncatedAlerts": 0,
        "receiver": "on-call",
        "status": "firing",
        "notification_reason": "",
        "groupLabels": {},
        "commonLabels": notifications.LABELS,
        "commonAnnotations": notifications.ANNOTATIONS,
        "externalURL": notifications.ALERTMANAGER,
        "alerts": [
            {
                "status": "firing",
                "labels": notifications.LABELS,
                "annotations": notifications.ANNOTATIONS,
                "startsAt": "2022-03-02T07:31:57.339000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": notifications.PROMETHEUS,
                "fingerprint": "7fc7f2dba047ac87",
            }
        ],
        "enrichment": {"page_url": notifications.PAGE, "notes": []},
    }
    assert expected == sent
    reading = {
        "kind": "reading",
        "name": "cpu",
        "title": "CPU",
        "text": "0.42 of 0.50 cores (84%), request 0.25 cores",
        "unit": "cores",
        "value": 0.42,
        "request": 0.25,
        "limit": 0.5,
        "share": 0.84,
        "threshold": None,
        "note": "",
        "at": "2022-03-02T07:31:57.339000Z",
        "query": "the query",
    }
    assert (reading, "memory") == (findings[0], findings[1]["name"])


def test_is_read_by_what_reads_alertmanager(receiver: Webhook, http: Http) -> None:
    """Our own door takes it for Alertmanager's: the same alerts, group and counts."""
    told = notifications.mixed()
    told = replace(told, group=replace(told.group, truncated_alerts=3, notification_reason="group interval"))
    request = posted(receiver, http, told)
    (group,) = parse(request.body, START)
    assert replace(told.group, receiver="on-call") == group


def test_tells_each_kind_of_finding(receiver: Webhook, http: Http) -> None:
    """A gap has its reason, an excerpt its lines, and what is no number is none in JSON either."""
    broken = Reading("x", "x", float("nan"), "", START, "q", limit=float("inf"))
    told = notification(alert(), findings=[NO_MEMORY, LOG, broken])
    gap, excerpt, reading = posted(receiver, http, told).json()["alerts"][0]["enrichment"]["findings"]
    reason = "Prometheus timed out after 2s"
    assert {"kind": "gap", "name": "memory", "title": "memory", "text": reason, "reason": reason} == gap
    assert (list(LOG.lines), "kubectl") == (excerpt["lines"], excerpt["source"])
    assert (None, None) == (reading["value"], reading["limit"])


def test_tells_pictures_notes_and_a_digest(receiver: Webhook, http: Http) -> None:
    """What else is known of the whole stands beside the group."""
    told = replace(notifications.storm(), notes=("4th time in 30m",), images=(Image("https://a.example/x.png", "CPU"),))
    sent = posted(receiver, http, told).json()
    expected = {
        "page_url": notifications.DIGEST_PAGE,
        "notes": ["4th time in 30m"],
        "images": [{"src": "https://a.example/x.png", "alt": "CPU"}],
        "digest": {"groups": 4_800, "firing": {"warning": 3_000, "critical": 1_204}, "resolved": 608},
    }
    assert expected == sent["enrichment"]
    assert (4_802, 10, "firing") == (sent["truncatedAlerts"], len(sent["alerts"]), sent["status"])


def test_quotes_its_name_as_alertmanager_does(receiver: Webhook, http: Http) -> None:
    """There a receiver's name is a regular expression that fits it."""
    told = replace(notifications.seed(), receiver="a.b-c (d)")
    assert r"a\.b-c \(d\)" == posted(receiver, http, told).json()["receiver"]


def test_keeps_the_worst_alerts(receiver: Webhook, http: Http) -> None:
    """Of more than `max_alerts` those that fire stay, in their order, and the others are counted."""
    alerts = [alert({"n": str(at)}, status="firing" if at in (1, 3) else "resolved") for at in range(5)]
    told = notification(*alerts)
    told = replace(told, group=replace(told.group, truncated_alerts=7))
    sent = posted(receiver, http, told, max_alerts="2").json()
    assert ["1", "3"] == [each["labels"]["n"] for each in sent["alerts"]]
    assert (10, "firing") == (sent["truncatedAlerts"], sent["status"])
    assert 5 == len(posted(receiver, http, told, max_alerts="0").json()["alerts"])


def test_signs_what_it_sends(receiver: Webhook, http: Http, tmp_path: Path) -> None:
    """Whoever knows the secret can check that body and time are ours; the secret is read anew each time."""
    (tmp_path / "secret").write_text("s3cret\n")
    for changes in ({"secret": "s3cret"}, {"secret_file": str(tmp_path / "secret")}):
        request = posted(receiver, http, notifications.seed(), **changes)
        signed = request.headers["X-Signature-Timestamp"].encode() + b"." + request.body
        expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
        assert f"sha256={expected}" == request.headers["X-Signature"]
    assert "X-Signature" not in posted(receiver, http, notifications.seed()).headers


def test_names_a_delivery_the_same_each_time(receiver: Webhook, http: Http) -> None:
    """Each attempt has the delivery's key, and no other delivery has: neither a repeat nor another destination's."""
    told = replace(notifications.seed(), delivery_id=7)
    others = (
        replace(told, delivery_id=8),
        replace(told, index=1),
        replace(notifications.seed("resolved"), delivery_id=7),
    )
    first, again, *more = (posted(receiver, http, each).headers["Idempotency-Key"] for each in (told, told, *others))
    assert first == again
    assert 4 == len({first, *more})


def test_posts_a_payload_of_the_users_own(receiver: Webhook, http: Http) -> None:
    """Texts and keys are templates; what they render as JSON is what it says, and what alerts hold stays text."""
    told = notification(alert({"alertname": "A", "id": "007", "n": "5", "yaml": "a: b"}))
    payload = {
        "text": "{{ status }}: {{ common_labels.alertname }}",
        "{{ status }}": ["3", "true", None, {"deep": "x"}],
        "labels": "{{ common_labels | tojson }}",
        "id": "{{ common_labels.id }}",
        "n": "{{ common_labels.n }}",
        "yaml": "{{ common_labels.yaml }}",
        "quoted": '"x"',
        "infinite": "1e999",
    }
    expected = {
        "text": "firing: A",
        "firing": [3, True, None, {"deep": "x"}],
        "labels": dict(told.group.common_labels),
        "id": "007",
        "n": 5,
        "yaml": "a: b",
        "quoted": '"x"',
        "infinite": "1e999",
    }
    assert expected == posted(receiver, http, told, payload=payload).json()
    assert ["A"] == posted(receiver, http, told, payload=["{{ common_labels.alertname }}"]).json()
    assert {"a": 1} == posted(receiver, http, told, payload='{"a": {{ alerts | length }}}').json()


def test_a_payload_sees_no_more_alerts_than_are_told(receiver: Webhook, http: Http) -> None:
    """`max_alerts` holds for it, too."""
    told = notification(*[alert({"n": str(at)}) for at in range(5)])
    assert [2] == posted(receiver, http, told, payload=["{{ alerts | length }}"], max_alerts=2).json()


def test_says_something_plain_where_a_payload_fails(receiver: Webhook, http: Http) -> None:
    """The rest is told as it is to be, and the receipt says which text failed."""
    payload = {"a": ["{{ nonesuch }}"], "b": "{{ status }}"}
    made = Settings.model_validate({"url": receiver.base_url, "payload": payload})
    receipt = Action(made, http).send(notifications.seed(), Thread(), 5)
    plain = "[FIRING] KubePodCrashLooping customer/customer-rs-transformer-9b75b488c-cpfd7"
    (error,) = receipt.template_errors
    assert error.startswith("payload.a[0]: ")
    assert {"a": [f"{plain} (template failed: {error})"], "b": "firing"} == receiver.requests[0].json()


def test_posts_to_a_url_that_is_a_template(receiver: Webhook, http: Http, tmp_path: Path) -> None:
    """So one element serves many teams, be it in the file or beside it."""
    url = f"{receiver.base_url}/teams/{{{{ common_labels.namespace }}}}"
    (tmp_path / "url").write_text(f"{url}\n")
    for changes in ({"url": url}, {"url": None, "url_file": str(tmp_path / "url")}):
        assert "/teams/customer" == posted(receiver, http, notifications.seed(), **changes).path


@pytest.mark.parametrize("url", ["{{ common_labels.nonesuch }}", "{{ status }}", "{{ 'http://' }}"])
def test_a_url_that_is_none_is_an_error(http: Http, url: str) -> None:
    """What a template makes of it is looked at, and not told."""
    with pytest.raises(SendError, match="webhook: its URL") as raised:
        Action(Settings.model_validate({"url": url}), http).send(notifications.seed(), Thread(), 5)
    assert "firing" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"url": "hooks.example/s3cret"}, "is not an http:// or https:// URL"),
        ({"url": "https://a.example/{{ s3cret"}, "is a template that cannot be read"),
        ({"url": None}, "needs url or url_file"),
        ({"url_file": "/x"}, "has both url and url_file"),
        ({"secret": "s3cret", "secret_file": "/x"}, "has both secret and secret_file"),
        ({"secret": ""}, "at least 1"),
        ({"max_alerts": -1}, "greater than or equal to 0"),
        ({"max_alerts": "many"}, "valid integer"),
        ({"timeout": "soon"}, "duration"),
        ({"payload": {"a": ["{{ nothing"]}}, "line 1"),
    ],
)
def test_refuses_nonsense(changes: dict[str, Any], message: str) -> None:
    """Each setting says what is wrong with it, and tells no secret."""
    with pytest.raises(ValidationError, match=message) as raised:
        Settings.model_validate({**Settings.example, **changes})
    assert "s3cret" not in str(raised.value)


def test_tells_no_password_of_a_url(http: Http) -> None:
    """What is sent as basic auth may be sent back, too."""
    with HttpServer() as server:
        url = server.base_url.replace("://", "://us:p4ssw0rd@") + "/x?token=0123456789abcdef"
        server.answer_next(400, b"dXM6cDRzc3cwcmQ= p4ssw0rd 0123456789abcdef")
        with pytest.raises(SendError) as raised:
            Action(Settings.model_validate({"url": url}), http).send(notifications.seed(), Thread(), 5)
    assert str(raised.value).endswith("status 400: *** *** ***")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=any_notification())
def test_posts_json_of_anything(receiver: Webhook, told: Notification) -> None:
    """Whatever stands in a notification, what is posted is JSON, of the same alerts."""
    connections = InProcess(receiver)
    Action(Settings.model_validate({"url": "http://a.example/"}), connections).send(told, Thread(), 5)
    sent = json.loads(connections.body)
    assert [each.fingerprint for each in told.group.alerts] == [each["fingerprint"] for each in sent["alerts"]]
