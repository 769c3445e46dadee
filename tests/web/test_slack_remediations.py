"""`POST /slack/interactions`: Run it, and Leave it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

import telemetry
from actions import slack_controls
from outbox.store import Store
from pipeline.service import utc_now
from tests.far_sides.http_server import HttpServer
from tests.pipeline.remedy_world import OPEN
from tests.web.clicks import form, payload, post
from tests.web.remedies import application, approved_by, asked, changed, kept, office

RULE = OPEN.replace("settle: 1s", "settle: 1s, approval: slack, approvers: [U012AB]")
SECRET = "of-tests-alone"


@pytest.fixture
def client(tmp_path: Path, store: Store, hooks: HttpServer) -> FlaskClient:
    """Asks the application; the rule is approved in Slack."""
    return application(office(tmp_path, store, RULE), (f"{hooks.base_url}/",)).test_client()


def click(hooks: HttpServer, value: str, kind: str = slack_controls.RUN, **keys: Any) -> bytes:
    """Returns what Slack tells of a click of one of the two buttons of a message that also asks something else."""
    other = f"r{'1' * 20}:{'1' * 16}"
    blocks = [
        {"type": "section", "block_id": "a", "text": {"type": "mrkdwn", "text": "restart deployment shop/cart?"}},
        {"type": "actions", "block_id": "b", "elements": slack_controls.approval(value)},
        {"type": "actions", "block_id": "c", "elements": slack_controls.approval(other)},
    ]
    message = {"type": "message", "text": "restart deployment shop/cart?", "blocks": blocks}
    return form(payload(f"{kind}:{value}", value, f"{hooks.base_url}/a", **{"message": message, **keys}))


def count(outcome: str) -> float:
    """Returns how many clicks came to that."""
    return float(telemetry.SLACK_CLICKS.labels(outcome)._value.get())


@pytest.mark.parametrize(("kind", "state"), [(slack_controls.RUN, "considered"), (slack_controls.LEAVE, "done")])
def test_keeps_what_is_said(
    client: FlaskClient, engine: Engine, store: Store, hooks: HttpServer, kind: str, state: str
) -> None:
    """Before it is answered, with who it was; the message asks no more, and says what it said."""
    token = kept(engine)
    before = count(kind)
    response = post(client, click(hooks, asked(engine, token), kind), secret=SECRET)
    assert (200, b"") == (response.status_code, response.data)
    found = store.remediations.by_token(token)
    assert found is not None
    assert (state, "jane (U012AB)") == (found.state, found.approved_by)
    assert before + 1 == count(kind)
    (told,) = hooks.wait_for(1)
    document = told.json()
    assert (True, "restart deployment shop/cart?") == (document["replace_original"], document["text"])
    assert ["a", "c"] == [each["block_id"] for each in document["blocks"]]


@pytest.mark.parametrize("user_id", ["U099ZZ", ""])
def test_heeds_approvers_alone(client: FlaskClient, engine: Engine, hooks: HttpServer, user_id: str) -> None:
    """By Slack's id, whatever they call themselves; who is none is told so, and the message goes on asking."""
    token = kept(engine)
    user = {"id": user_id, "name": "jane", "username": "U012AB"}
    assert 200 == post(client, click(hooks, asked(engine, token), user=user), secret=SECRET).status_code
    (told,) = hooks.wait_for(1)
    expected = "You are not one of the approvers of this rule." if user_id else "This button is of another version"
    assert told.json()["text"].startswith(expected)
    assert ("ephemeral", False) == (told.json()["response_type"], told.json()["replace_original"])
    assert approved_by(engine, token) is None


def test_says_what_is_decided_already(client: FlaskClient, engine: Engine, hooks: HttpServer) -> None:
    """And the buttons that still stand there go."""
    token = kept(engine, state="done", result="expired", detail="nobody approved it")
    assert 200 == post(client, click(hooks, asked(engine, token)), secret=SECRET).status_code
    told = sorted(str(each.json()["text"]) for each in hooks.wait_for(2))
    assert ["It does not wait for approval any more: nobody approved it.", "restart deployment shop/cart?"] == told


def test_says_that_it_was_asked_anew(client: FlaskClient, engine: Engine, hooks: HttpServer) -> None:
    """What an older message shows may be something else; its buttons go, and decide nothing."""
    token = kept(engine)
    before = asked(engine, token)
    changed(engine, token, due_at=utc_now() + timedelta(minutes=40))
    assert 200 == post(client, click(hooks, before), secret=SECRET).status_code
    told = sorted(str(each.json()["text"]) for each in hooks.wait_for(2))
    assert told[0].startswith("It was asked anew since then")
    assert "restart deployment shop/cart?" == told[1]
    assert approved_by(engine, token) is None


@pytest.mark.parametrize(
    "value", ["", "x", "r" + "0" * 20, f"r{'0' * 19}:{'0' * 16}", f"R{'0' * 20}:{'0' * 16}", "' OR 1=1 --" * 100]
)
def test_knows_its_own_values(client: FlaskClient, hooks: HttpServer, value: str) -> None:
    """A button of another version does nothing, and says so."""
    document = payload("remediation-run:x", value, f"{hooks.base_url}/a")
    assert 200 == post(client, form(document), secret=SECRET).status_code
    assert hooks.wait_for(1)[0].json()["text"].startswith("This button is of another version")


@pytest.mark.parametrize("message", [None, "x", {}, {"text": "x"}, {"text": "x", "blocks": [1, None, {}]}])
def test_leaves_a_message_that_it_does_not_know(
    client: FlaskClient, engine: Engine, hooks: HttpServer, message: Any
) -> None:
    """What was decided is kept all the same."""
    token = kept(engine)
    assert 200 == post(client, click(hooks, asked(engine, token), message=message), secret=SECRET).status_code
    assert "jane (U012AB)" == approved_by(engine, token)
    assert [] == hooks.requests


def test_says_what_is_not_kept(client: FlaskClient, engine: Engine, hooks: HttpServer) -> None:
    """Slack shows that it failed, and the person is told why."""
    value = asked(engine, kept(engine))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE remediations"))
    response = post(client, click(hooks, value), secret=SECRET)
    assert 503 == response.status_code
    assert "that is not kept. Try again." in hooks.wait_for(1)[0].json()["text"]
