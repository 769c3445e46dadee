"""Silences from Slack: asked for, shown, confirmed, made."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from alertmanager import Alertmanager
from alerts.model import Alert, fingerprint, group_id
from alerts.silence import labels_key
from outbound import Http
from outbox.store import Store
from pipeline import Pipeline, silencing
from tests.far_sides import alertmanager as far_side
from tests.far_sides import trouble
from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.slack_blocks import block_errors
from tests.pipeline.parts import TEAM, Failing, application, make_pipeline
from tests.samples import model_alert
from tests.web.clicks import GROUP, KEY, SECRET, form, heard, kept, payload, post, told

PODS = tuple(model_alert("Crash", namespace="shop", pod=pod) for pod in ("a", "b"))
SHARED = '```\nalertname="Crash"\nnamespace="shop"\n```'


class Fake(HttpServer):
    """An Alertmanager that knows some alerts and takes silences, once the test lets it."""

    def __init__(self, *alerts: Alert) -> None:
        super().__init__()
        self.alerts = alerts
        self.silences: list[dict[str, Any]] = []
        self.tells_silences = True
        self.may_answer = threading.Event()
        self.may_answer.set()

    def take(self, request: Request) -> Answer | None:
        """Waits, then answers."""
        assert self.may_answer.wait(10)
        return super().take(request)

    def answer(self, request: Request) -> Answer:
        """Answers as the API does, without heeding filters."""
        if request.path.startswith("/api/v2/alerts?"):
            return Answer(200, json.dumps([{"fingerprint": each.fingerprint} for each in self.alerts]).encode())
        if request.method == "GET":
            return Answer(200, json.dumps(self.silences if self.tells_silences else []).encode())
        made = {**request.json(), "id": f"silence-{len(self.silences)}", "status": {"state": "active"}}
        self.silences.append(made)
        return Answer(200, json.dumps({"silenceID": made["id"]}).encode())


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One of one kind: that each keeps what it is given is tested elsewhere."""
    return sqlite_url


@pytest.fixture
def fake() -> Iterator[Fake]:
    """An Alertmanager that does as it is told."""
    with Fake(*PODS) as server:
        yield server


@pytest.fixture
def real(tmp_path: Path) -> Iterator[far_side.Alertmanager]:
    """A real one that tells nobody."""
    yaml = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    with far_side.Alertmanager(tmp_path, config_yaml=yaml) as running:
        yield running


@pytest.fixture
def failing(store: Store) -> Failing:
    """The store, which fails when it is told to; a group of two alerts fires."""
    heard(store, *PODS)
    return Failing(store)


@pytest.fixture
def pipeline(tmp_path: Path, failing: Failing) -> Pipeline:
    """The pipeline behind the client, which does not run, and has no Alertmanager yet."""
    yaml = f"web: {{slack_signing_secret: {SECRET}}}\nexternal_url: https://alerts.example\n{TEAM}"
    return make_pipeline(tmp_path, failing, {}, yaml)


@pytest.fixture
def client(pipeline: Pipeline, hooks: HttpServer) -> FlaskClient:
    """Asks the application."""
    return application(pipeline, [f"{hooks.base_url}/"]).test_client()


def use(pipeline: Pipeline, url: str) -> None:
    """Has an Alertmanager be the one that is configured."""
    pipeline.running = replace(pipeline.running, alertmanager=Alertmanager(url, Http()))


def click(client: FlaskClient, hooks: HttpServer, action_id: str, value: str, number: int = 0) -> int:
    """Clicks something, and returns the answer's status."""
    body = form(payload(action_id, value, f"{hooks.base_url}/actions/{action_id}", trigger_id=str(number)))
    response = post(client, body)
    assert b"" == response.data or response.status_code != 200
    return response.status_code


def confirmation(hooks: HttpServer) -> str:
    """Returns the value of the button that confirms what is asked, once it is."""
    hooks.wait_for(1)
    document = hooks.requests[-1].json()
    assert [] == block_errors({"blocks": document["blocks"]})
    confirm, cancel = document["blocks"][-1]["elements"]
    assert ("silence-confirm", "silence-cancel") == (confirm["action_id"], cancel["action_id"])
    return str(confirm["value"])


def test_silences(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, real: far_side.Alertmanager
) -> None:
    """What is shown is what is silenced by the real one, and all hear of it who hold something of the group."""
    other = model_alert("Crash", namespace="shop", pod="of another group")
    foreign = model_alert("Crash", namespace="another")
    real.post_alerts([{"labels": dict(each.labels)} for each in (*PODS, other, foreign)])
    use(pipeline, real.url)
    assert 200 == click(client, hooks, "silence", f"4h:{GROUP}")
    asked = told(hooks)
    assert asked.startswith("Silence for 4 hours, until <!date^")
    assert SHARED in asked
    assert asked.endswith("It hides 3 alerts that fire now, 1 of them not of this group.")
    assert [] == kept(store)
    assert 200 == click(client, hooks, "silence-confirm", confirmation(hooks))
    hooks.wait_for(2)
    done = told(hooks, instead=True)
    assert done.startswith("Silenced until <!date^")
    there = requests.get(f"{real.url}/api/v2/alerts", timeout=5).json()
    assert {each.fingerprint: "suppressed" for each in (*PODS, other)} | {foreign.fingerprint: "active"} == {
        each["fingerprint"]: each["status"]["state"] for each in there
    }
    (silence,) = requests.get(f"{real.url}/api/v2/silences", timeout=5).json()
    assert f"<{real.url}/#/silences/{silence['id']}|" in done
    assert "jane" == silence["createdBy"]
    page = f"https://alerts.example/#{PODS[0].fingerprint}", f"https://alerts.example/#{PODS[1].fingerprint}"
    assert silence["comment"] in [f"Silenced from Slack by jane (U012AB): Crash, {each}" for each in page]
    ends_at = datetime.fromisoformat(silence["endsAt"])
    assert abs(ends_at - datetime.now(UTC) - timedelta(hours=4)) < timedelta(minutes=1)
    ((key, acknowledgement),) = kept(store)
    assert (KEY, "jane", "slack") == (key, acknowledgement.by, acknowledgement.via)
    assert acknowledgement.silenced_until is not None
    assert abs(acknowledgement.silenced_until - ends_at) < timedelta(seconds=1)


def test_a_double_click_makes_one(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """Whoever comes second finds what the first has made, though Alertmanager does not say so yet."""
    use(pipeline, fake.url)
    click(client, hooks, "silence", f"1h:{GROUP}")
    value = confirmation(hooks)
    fake.tells_silences = False
    fake.may_answer.clear()
    assert [200] * 4 == [click(client, hooks, "silence-confirm", value, number) for number in range(4)]
    fake.may_answer.set()
    answers = [request.json()["text"].partition(" until")[0] for request in hooks.wait_for(5)[1:]]
    assert ["It was silenced already, by jane,"] * 3 + ["Silenced"] == sorted(answers)
    assert 1 == len(fake.silences)
    assert 1 == len(kept(store))


def test_another_process_makes_no_second(
    client: FlaskClient, pipeline: Pipeline, hooks: HttpServer, fake: Fake
) -> None:
    """It asks Alertmanager for what there is; a longer one is another."""
    use(pipeline, fake.url)
    for duration, answer, silences in (("1h", "Silenced until", 1), ("1h", "silenced already, by jane", 1)):
        other = application(pipeline, [f"{hooks.base_url}/"]).test_client()
        hooks.requests.clear()
        click(other, hooks, "silence", f"{duration}:{GROUP}")
        click(other, hooks, "silence-confirm", confirmation(hooks))
        hooks.wait_for(2)
        assert answer in told(hooks, instead=True)
        assert silences == len(fake.silences)
    hooks.requests.clear()
    click(client, hooks, "silence-confirm", f"4h:{GROUP}:{labels_key({'alertname': 'Crash', 'namespace': 'shop'})}")
    assert "Silenced until" in told(hooks, instead=True)
    assert 2 == len(fake.silences)


def test_asks_anew_what_has_changed(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """What fires by now shares less than what was shown: nobody has agreed to that yet."""
    use(pipeline, fake.url)
    click(client, hooks, "silence", f"1h:{GROUP}")
    value = confirmation(hooks)
    heard(store, model_alert("Slow", namespace="shop"))
    click(client, hooks, "silence-confirm", value)
    hooks.wait_for(2)
    asked = told(hooks, instead=True)
    assert asked.startswith("What fires has changed meanwhile. Silence for 1 hour, until")
    assert '```\nnamespace="shop"\n```' in asked
    assert ([], []) == (fake.silences, kept(store))
    click(client, hooks, "silence-confirm", confirmation(hooks))
    hooks.wait_for(3)
    assert "Silenced until" in told(hooks, instead=True)
    assert [["namespace"]] == [[each["name"] for each in silence["matchers"]] for silence in fake.silences]


def test_hides_nothing_that_shares_nothing(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """A silence without a label would hide everything."""
    use(pipeline, fake.url)
    heard(store, model_alert("Slow", namespace="another"))
    click(client, hooks, "silence", f"1h:{GROUP}")
    assert "Its firing alerts have no label in common: a silence would hide everything." == told(hooks)
    hooks.requests.clear()
    click(client, hooks, "silence-confirm", f"1h:{GROUP}:{'0' * 16}")
    assert "no label in common" in told(hooks, instead=True)
    assert [] == fake.requests


@pytest.mark.parametrize(("action_id", "value"), [("silence", "1h:"), ("silence-confirm", f"1h:{GROUP}:{'0' * 16}")])
def test_needs_an_alertmanager(client: FlaskClient, hooks: HttpServer, action_id: str, value: str) -> None:
    """Without one a click says so: an older message may have the menu."""
    click(client, hooks, action_id, value if action_id != "silence" else f"{value}{GROUP}")
    assert "No Alertmanager is configured" in told(hooks, instead=action_id != "silence")


@pytest.mark.parametrize("value", ["", GROUP, f"2h:{GROUP}", f"1h:{GROUP}0", "1h:' OR 1=1"])
def test_knows_its_own_values(
    client: FlaskClient, pipeline: Pipeline, hooks: HttpServer, fake: Fake, value: str
) -> None:
    """A button of another version does nothing, and says so."""
    use(pipeline, fake.url)
    click(client, hooks, "silence", value)
    assert "another version" in told(hooks)
    assert [] == fake.requests


def test_confirms_nothing_unseen(client: FlaskClient, pipeline: Pipeline, hooks: HttpServer, fake: Fake) -> None:
    """A confirmation that says nothing of what was shown is asked anew."""
    use(pipeline, fake.url)
    click(client, hooks, "silence-confirm", f"1h:{GROUP}")
    assert "What fires has changed meanwhile." in told(hooks, instead=True)
    assert [] == fake.silences


def test_silences_nothing_that_is_over(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """Nor what nobody heard of."""
    use(pipeline, fake.url)
    heard(store, *(replace(each, status="resolved") for each in PODS))
    click(client, hooks, "silence", f"1h:{GROUP}")
    assert "Nothing of this group fires any more." == told(hooks)
    hooks.requests.clear()
    click(client, hooks, "silence", f"1h:{'0' * 32}")
    assert "Nothing of this group fires any more." == told(hooks)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((), "Alertmanager knows of none that fires with these labels: it would hide nothing now."),
        (PODS[:1], "It hides 1 alert that fires now."),
        (PODS, "It hides 2 alerts that fire now."),
    ],
)
def test_says_how_much_it_hides(
    client: FlaskClient, pipeline: Pipeline, hooks: HttpServer, fake: Fake, known: tuple[Alert, ...], expected: str
) -> None:
    """As Alertmanager knows it now."""
    fake.alerts = known
    use(pipeline, fake.url)
    click(client, hooks, "silence", f"tomorrow:{GROUP}")
    asked = told(hooks)
    assert asked.startswith("Silence until tomorrow morning, until <!date^")
    assert asked.endswith(f"\n{expected}")


def test_hostile_labels_ping_nobody(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """What labels hold is shown as it is, and ends no block of it."""
    use(pipeline, fake.url)
    labels = {"alertname": "<!channel>", "x": "```*a*\n<@U1>", "ü": '"\\'}
    heard(store, *(replace(each, labels=labels, fingerprint=fingerprint(labels)) for each in PODS), key="hostile")
    body = form(payload("silence", f"1h:{group_id('hostile')}", f"{hooks.base_url}/a", user={"name": "<!here>"}))
    post(client, body)
    asked = told(hooks)
    assert "<!channel>" not in asked
    assert "<@U1>" not in asked
    shown = [r'ü="\"\\"', 'alertname="&lt;!channel&gt;"', "x=\"'''*a*\\n&lt;@U1&gt;\""]
    assert sorted(shown) == sorted(asked.split("```")[1].strip().splitlines())
    fake.silences.append(_silence(labels, "<!here> *jane*"))
    click(client, hooks, "silence-confirm", confirmation(hooks))
    hooks.wait_for(2)
    assert "silenced already, by &lt;!here&gt; *jane*, until" in told(hooks, instead=True)


def _silence(labels: dict[str, str], by: str) -> dict[str, Any]:
    matchers = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()]
    return {
        "id": "a-1",
        "status": {"state": "active"},
        "matchers": matchers,
        "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": by,
    }


def test_silences_nothing_unseen(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """Labels that are too long to be shown whole are not asked about."""
    use(pipeline, fake.url)
    heard(store, model_alert(long="x" * 3_000), key="long")
    click(client, hooks, "silence", f"1h:{group_id('long')}")
    assert "nothing is silenced unseen" in told(hooks)


def test_a_very_large_group_is_for_alertmanager(
    client: FlaskClient, pipeline: Pipeline, hooks: HttpServer, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What not all alerts of it are known to share is not asked about."""
    monkeypatch.setattr(silencing, "_MOST_ALERTS", 1)
    use(pipeline, fake.url)
    click(client, hooks, "silence", f"1h:{GROUP}")
    assert "More than 1 of its alerts fire: silence them in Alertmanager." == told(hooks)


def test_does_not_wait_for_alertmanager(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """Slack is answered while it hangs, only so much is asked at once, and who acknowledges is not held up."""
    use(pipeline, fake.url)
    fake.may_answer.clear()
    assert [200] * 36 == [click(client, hooks, "silence", f"1h:{GROUP}", number) for number in range(36)]
    assert 503 == click(client, hooks, "silence", f"1h:{GROUP}", 36)
    assert 200 == click(client, hooks, "acknowledge", GROUP)
    assert 1 == len(kept(store))
    assert [] == hooks.requests
    fake.may_answer.set()
    assert 36 == len(hooks.wait_for(36))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (trouble.refusing, "connection refused"),
        (trouble.nonsense, "something that is not its API's"),
        (lambda: trouble.unavailable(500, b"<!channel> the disk is full"), "status 500: &lt;!channel&gt; the disk"),
    ],
)
def test_says_what_is_wrong_with_alertmanager(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake, made: Any, expected: str
) -> None:
    """It cannot be asked how much is hidden, or fails when it is to be silenced: nothing is kept then."""
    with made() as url:
        use(pipeline, url)
        click(client, hooks, "silence", f"1h:{GROUP}")
        asked = told(hooks)
        assert "How many alerts that hides now is not known: Alertmanager" in asked
        assert expected in asked
        click(client, hooks, "silence-confirm", confirmation(hooks))
        hooks.wait_for(2)
        assert expected in told(hooks, instead=True)
    assert [] == kept(store)


@pytest.mark.parametrize("method", ["group_key", "firing"])
@pytest.mark.parametrize("action_id", ["silence", "silence-confirm"])
def test_says_that_the_storage_fails(
    client: FlaskClient,
    pipeline: Pipeline,
    failing: Failing,
    hooks: HttpServer,
    fake: Fake,
    method: str,
    action_id: str,
) -> None:
    """Nothing is asked of Alertmanager then."""
    use(pipeline, fake.url)
    failing.failures[method] = 1
    click(client, hooks, action_id, f"1h:{GROUP}")
    expected = "The storage is failing just now: nothing is silenced. Try again."
    assert expected == told(hooks, instead=action_id != "silence")
    assert [] == fake.requests


def test_says_that_nobody_else_hears(
    client: FlaskClient, pipeline: Pipeline, store: Store, failing: Failing, hooks: HttpServer, fake: Fake
) -> None:
    """There is a silence, and the storage does not keep that; whoever clicks again has it kept."""
    use(pipeline, fake.url)
    click(client, hooks, "silence", f"1h:{GROUP}")
    value = confirmation(hooks)
    failing.failures["accept"] = 1
    click(client, hooks, "silence-confirm", value)
    hooks.wait_for(2)
    done = told(hooks, instead=True)
    assert done.startswith("Silenced until")
    assert done.endswith("nobody else hears of it.")
    assert ([], 1) == (kept(store), len(fake.silences))
    click(client, hooks, "silence-confirm", value, 1)
    hooks.wait_for(3)
    assert "silenced already" in told(hooks, instead=True)
    assert (1, 1) == (len(kept(store)), len(fake.silences))


def test_has_others_hear_of_what_is_there(
    client: FlaskClient, pipeline: Pipeline, store: Store, hooks: HttpServer, fake: Fake
) -> None:
    """A silence that was made though nobody lived to hear of it; where it is known it is not told again."""
    use(pipeline, fake.url)
    fake.silences.append(_silence({"alertname": "Crash", "namespace": "shop"}, "jane"))
    click(client, hooks, "silence", f"1h:{GROUP}")
    value = confirmation(hooks)
    click(client, hooks, "silence-confirm", value)
    hooks.wait_for(2)
    assert "silenced already, by jane" in told(hooks, instead=True)
    ((_, acknowledgement),) = kept(store)
    assert ("jane", datetime(2099, 1, 1, tzinfo=UTC)) == (acknowledgement.by, acknowledgement.silenced_until)
    other = application(pipeline, [f"{hooks.base_url}/"]).test_client()
    heard(store, *PODS, silenced=acknowledgement)
    click(other, hooks, "silence-confirm", value)
    hooks.wait_for(3)
    assert ([], 1) == (kept(store), len(fake.silences))


def test_survives_a_defect(
    client: FlaskClient, pipeline: Pipeline, hooks: HttpServer, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails unforeseen, the person hears of it."""
    use(pipeline, fake.url)

    def fails(*_: object) -> None:
        raise RuntimeError("s3cret")

    monkeypatch.setattr(silencing.Silencing, "propose", fails)
    click(client, hooks, "silence", f"1h:{GROUP}")
    assert "That failed, for no reason that was foreseen; the log has it." == told(hooks)


def test_takes_the_question_away(client: FlaskClient, hooks: HttpServer) -> None:
    """Who cancels sees nothing of it any more."""
    assert 200 == click(client, hooks, "silence-cancel", GROUP)
    assert [{"delete_original": True}] == [each.json() for each in hooks.wait_for(1)]
