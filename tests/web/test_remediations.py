"""`/api/v1/remediations`."""

from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from outbox.store import Store
from tests.pipeline.remedy_world import OPEN
from tests.samples import NOW, model_alert
from tests.web.remedies import CHANGE, application, approved_by, kept, office


@pytest.fixture
def client(tmp_path: Path, store: Store) -> FlaskClient:
    """Asks the application; the rule is approved with the token that may change something."""
    rule = OPEN.replace("settle: 1s", "settle: 1s, approval: page, approvers: [jane, 'token:6c1fd468']")
    return application(office(tmp_path, store, rule)).test_client()


def said(response: TestResponse) -> str:
    """Returns what is wrong."""
    return str((response.json or {})["error"])


def listed(client: FlaskClient, query: str = "") -> list[int]:
    """Returns the ids of what is listed."""
    return [each["id"] for each in (client.get(f"/api/v1/remediations{query}").json or {})["remediations"]]


def test_tells_all_that_is_known(client: FlaskClient, engine: Engine) -> None:
    """Of one, by its id and by its token, with times that RFC 3339 has."""
    token = kept(engine)
    (found,) = (client.get("/api/v1/remediations").json or {})["remediations"]
    assert found == client.get("/api/v1/remediations/1").json == client.get(f"/api/v1/remediations/{token}").json
    assert (1, token, "restarts", "restart", False) == tuple(
        found[name] for name in ("id", "token", "rule", "verb", "dry_run")
    )
    target = {"key": "deployment/shop/cart", "kind": "Deployment", "namespace": "shop", "name": "cart"}
    assert (target, {"replicas": 3, "restarted_at": None}) == (found["target"], found["before"])
    assert ("approval", None, None, None) == tuple(found[name] for name in ("state", "result", "after", "approved_by"))
    assert ["namespaces", "cooldown"] == [each["guard"] for each in found["verdicts"]]
    assert {"guard": "cooldown", "passed": False, "why": "touched a minute ago", "at": NOW.isoformat()} == found[
        "verdicts"
    ][1]
    assert ["taken up", "asked for approval"] == [each["what"] for each in found["steps"]]
    assert "resourceVersion" not in str(found)
    for moment in (found["proposed_at"], found["next_at"], found["alert"]["starts_at"], found["steps"][0]["at"]):
        assert datetime.fromisoformat(moment).tzinfo is not None


def test_lists_the_newest_first(client: FlaskClient, engine: Engine) -> None:
    """Page by page, and by what is asked for."""
    for number in range(1, 6):
        kept(engine, number, state="done" if number % 2 else "approval", target=f"deployment/shop/{number}")
    assert [5, 4, 3, 2, 1] == listed(client)
    assert [5, 4] == listed(client, "?limit=2")
    assert [3, 2] == listed(client, "?limit=2&before=4")
    assert [4, 2] == listed(client, "?state=approval")
    assert [2] == listed(client, "?target=deployment/shop/2")
    assert ([5, 4, 3, 2, 1], []) == (listed(client, "?rule=restarts"), listed(client, "?rule=other%00"))
    fingerprint = model_alert(deployment="cart", number="3").fingerprint
    assert [3] == listed(client, f"?fingerprint={fingerprint}")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=x", "before=99999999999999999999", "state=odd"])
def test_refuses_nonsense(client: FlaskClient, query: str) -> None:
    """With the name of what is wrong."""
    response = client.get(f"/api/v1/remediations?{query}")
    assert (400, query.partition("=")[0]) == (response.status_code, said(response).partition(":")[0])


@pytest.mark.parametrize("which", ["7", "9" * 30, "r" + "0" * 20, "é", "%00", "x" * 300, "../../secrets/x"])
def test_there_is_none(client: FlaskClient, which: str) -> None:
    """Whatever stands there."""
    assert 404 == client.get(f"/api/v1/remediations/{which}").status_code
    assert 404 == client.post(f"/api/v1/remediations/{which}/approve", headers=CHANGE).status_code


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_takes_a_word(client: FlaskClient, engine: Engine, verb: str) -> None:
    """Of who is logged in, once; by id or token."""
    token = kept(engine)
    which = "1" if verb == "approve" else token
    assert 401 == client.post(f"/api/v1/remediations/{which}/{verb}").status_code
    assert 404 == client.post(f"/api/v1/remediations/{which}/run", headers=CHANGE).status_code
    done = client.post(f"/api/v1/remediations/{which}/{verb}", headers=CHANGE)
    assert (200, {"status": "success"}) == (done.status_code, done.json)
    assert "token:6c1fd468" == approved_by(engine, token)
    again = client.post(f"/api/v1/remediations/{which}/{verb}", headers=CHANGE)
    assert (409, "It does not wait for approval any more") == (again.status_code, said(again).partition(":")[0])


def test_says_who_may_not(tmp_path: Path, store: Store, engine: Engine) -> None:
    """Though they may change other things."""
    rule = OPEN.replace("settle: 1s", "settle: 1s, approval: page, approvers: [jane]")
    client = application(office(tmp_path, store, rule)).test_client()
    token = kept(engine)
    refused = client.post(f"/api/v1/remediations/{token}/approve", headers=CHANGE)
    assert (409, "You are not one of the approvers of this rule.") == (refused.status_code, said(refused))
    assert approved_by(engine, token) is None


def test_switches(client: FlaskClient, store: Store) -> None:
    """All of it off, and on again, with who did so."""
    path = "/api/v1/remediation/switch"
    assert {"on": True, "by": None, "at": None} == client.get(path).json
    assert 401 == client.post(path, json={"on": False}).status_code
    off = client.post(path, json={"on": False}, headers=CHANGE).json or {}
    assert (False, "token:6c1fd468") == (off["on"], off["by"])
    assert off == (client.get("/api/v1/remediations").json or {})["switch"] == client.get(path).json
    assert not store.remediations.switch().on
    assert (client.post(path, json={"on": True}, headers=CHANGE).json or {})["on"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"on": "false"}', b'{"on": 0}', b"[" * 1_000, b"\xff"])
def test_switches_by_nothing_else(client: FlaskClient, store: Store, body: bytes) -> None:
    """What cannot be understood switches nothing."""
    assert 400 == client.post("/api/v1/remediation/switch", data=body, headers=CHANGE).status_code
    assert 413 == client.post("/api/v1/remediation/switch", data=b" " * 2_000, headers=CHANGE).status_code
    assert store.remediations.switch().on


@pytest.mark.parametrize("path", ["remediations", "remediations/1", "remediation/switch"])
def test_says_that_the_storage_fails(client: FlaskClient, engine: Engine, path: str) -> None:
    """And asks to come again."""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE remediations"))
        connection.execute(text("DROP TABLE remediation_control"))
    response = client.get(f"/api/v1/{path}")
    assert (503, "the storage is failing; try again") == (response.status_code, said(response))
    assert 503 == client.post("/api/v1/remediation/switch", json={"on": False}, headers=CHANGE).status_code
