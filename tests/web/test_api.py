"""`/api/v1`: what the service knows, as JSON."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Failing, Recorder, body
from tests.samples import NOW, SEED, wire_alert


def test_tells_what_became_of_an_event(client: FlaskClient, running: Pipeline) -> None:
    """The place that an acceptance names has the event, its state and each of its deliveries."""
    location = client.post("/alert?wait=5s", data=SEED).headers["Location"]
    response = client.get(location)
    assert 200 == response.status_code
    document = response.json
    assert document is not None
    (delivery,) = document.pop("deliveries")
    assert document.pop("received_at").endswith("+00:00")
    assert ["team"] == document.pop("trace")["groups"][0]["alerts"][0]["receivers"]
    assert {"id": 1, "state": "planned", "error": None, "duplicate_of": None} == document
    for moment in ("received_at", "settled_at"):
        assert delivery.pop(moment).endswith("+00:00")
    assert 0 < delivery.pop("age_seconds") < 5
    told = {
        "id": 1,
        "event_id": 1,
        "destination": "team/log/0",
        "receiver": "team",
        "action": "log",
        "kind": "state",
        "state": "delivered",
        "attempts": 1,
        "detail": "sent",
        "next_attempt_at": None,
        "successor_id": None,
    }
    assert told == delivery


def test_tells_what_has_not_been_done_yet(client: FlaskClient) -> None:
    """An event that only was accepted has no deliveries."""
    response = client.get(client.post("/alert", data=SEED).headers["Location"])
    document = response.json
    assert document is not None
    assert ("accepted", []) == (document["state"], document["deliveries"])


def test_tells_what_waits(client: FlaskClient, running: Pipeline, recorder: Recorder) -> None:
    """A delivery that failed says why, that it is tried again, and has no end."""
    recorder.failures.extend([RuntimeError("s3cret")] * 20)
    location = client.post("/alert?wait=5s", data=body(wire_alert("half a pair \ud83d"))).headers["Location"]
    (delivery,) = (client.get(location).json or {})["deliveries"]
    told = {"state": "retrying", "detail": "the action failed: RuntimeError", "settled_at": None}
    assert told == {name: delivery[name] for name in told}


def test_tells_why_an_event_is_dead(client: FlaskClient, running: Pipeline, store: Store) -> None:
    """An event that cannot be planned says so."""
    event_id = store.accept(b"{}", NOW)
    running.wait(event_id, 5)
    document = client.get(f"/api/v1/events/{event_id}").json
    assert document is not None
    assert ("dead", True) == (document["state"], document["error"].startswith("cannot be read any more: "))


@pytest.mark.parametrize("event_id", ["0", "2", "9223372036854775807", "9223372036854775808", "9" * 1000])
def test_there_is_no_such_event(client: FlaskClient, event_id: str) -> None:
    """An id of any size that was never given is a 404."""
    response = client.get(f"/api/v1/events/{event_id}")
    assert (404, {"status": "error", "error": f"there is no event {event_id}"}) == (response.status_code, response.json)


def test_a_failing_storage_is_503(client: FlaskClient, failing: Failing, engine: Engine) -> None:
    """Whoever asks while the storage fails may ask again, and hears nothing of its insides."""
    failing.failures["event"] = 1
    expected = {"status": "error", "error": "the storage is failing"}
    response = client.get("/api/v1/events/1")
    assert (503, expected) == (response.status_code, response.json)
    assert 404 == client.get("/api/v1/events/1").status_code
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO other"))
    response = client.get("/api/v1/events/1")
    assert (503, expected) == (response.status_code, response.json)


def test_explains(client: FlaskClient) -> None:
    """What would become of a payload, at a time; nothing is kept."""
    response = client.post("/api/v1/explain?at=2026-03-02T07:00:00Z", data=SEED)
    assert 200 == response.status_code
    document = response.json
    assert document is not None
    assert "2026-03-02T07:00:00+00:00" == document["at"]
    (delivery,) = document["groups"][0]["deliveries"]
    assert ("team/log/0", True, ["KubePodCrashLooping"]) == (
        delivery["destination"],
        delivery["told"],
        delivery["message"],
    )
    assert 404 == client.get("/api/v1/events/1").status_code


@pytest.mark.parametrize(
    ("query", "data", "status", "said"),
    [
        ("", b"{", 400, "is not JSON"),
        ("?at=soon", SEED, 400, "at: should be a time such as"),
        ("", b"[" + b" " * 70_000, 413, "longer than 65536 bytes"),
    ],
)
def test_explains_no_nonsense(client: FlaskClient, query: str, data: bytes, status: int, said: str) -> None:
    """What `/alert` would refuse, a time that is none, and what is too long."""
    response = client.post(f"/api/v1/explain{query}", data=data)
    assert status == response.status_code
    assert said in (response.json or {})["error"]


def test_explains_nothing_while_the_storage_fails(client: FlaskClient, failing: Failing) -> None:
    """It needs what is known."""
    failing.failures["histories"] = 1
    assert 503 == client.post("/api/v1/explain", data=SEED).status_code
