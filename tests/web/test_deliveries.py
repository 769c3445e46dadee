"""`/api/v1/deliveries` and `/destinations`: what waits, what died, and what a person may do about it."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

import telemetry
from outbox.listing import WORDS
from pipeline import Pipeline
from tests.deliveries import add, add_destination
from tests.pipeline.parts import Failing, Recorder
from tests.samples import NOW, model_alert, notification
from tests.service import eventually

LARGEST_ID = 2**63 - 1


def listed(client: FlaskClient, query: str = "") -> list[int]:
    """The ids that are listed."""
    response = client.get(f"/api/v1/deliveries{query}")
    assert 200 == response.status_code, response.json
    return [each["id"] for each in (response.json or {})["deliveries"]]


def answer(client: FlaskClient, path: str, **headers: str) -> tuple[int, object]:
    """What a POST is answered."""
    response = client.post(f"/api/v1/deliveries/{path}", headers=headers)
    return response.status_code, response.json


def refusal(error: str) -> dict[str, str]:
    """An error's document."""
    return {"status": "error", "error": error}


def test_lists_deliveries_by_state(client: FlaskClient, engine: Engine) -> None:
    """By one state, several, in either spelling, or none; by destination; page by page, the newest first."""
    added = {word: add(engine, word) for word in WORDS}
    other = add(engine, "dead", notification("group", "other"))
    assert {word: [added[word]] for word in WORDS if word != "dead"} == {
        word: listed(client, f"?state={word}") for word in WORDS if word != "dead"
    }
    assert [other, added["dead"], added["retrying"]] == listed(client, "?state=dead&state=retrying")
    assert [added["dead"], added["retrying"]] == listed(client, f"?state=dead,retrying&limit=2&before={other}")
    assert [other] == listed(client, "?destination=other/log/0")
    assert [other, *sorted(added.values(), reverse=True)] == listed(client)
    assert [] == listed(client, "?destination=nobody")


def test_tells_a_delivery(client: FlaskClient, engine: Engine) -> None:
    """All that a person asks of it: where to, what about, how often, what it said, and when it is tried next."""
    now = datetime.now(UTC)
    due_at = now + timedelta(seconds=60)
    said = notification("the group", "team", model_alert("A"), model_alert("B"))
    added = add(engine, "retrying", said, received_at=now - timedelta(seconds=90), due_at=due_at)
    document = client.get(f"/api/v1/deliveries/{added}").json
    assert document is not None
    assert 90 <= document.pop("age_seconds") < 100
    assert {
        "id": added,
        "event_id": 1,
        "destination": "team/log/0",
        "receiver": "team",
        "action": "log",
        "kind": "state",
        "state": "retrying",
        "attempts": 1,
        "detail": "Slack: status 500",
        "received_at": (now - timedelta(seconds=90)).isoformat(),
        "next_attempt_at": due_at.isoformat(),
        "settled_at": None,
        "successor_id": None,
        "group_key": "the group",
        "alerts": ["A", "B"],
    } == document
    (from_list,) = (client.get("/api/v1/deliveries").json or {})["deliveries"]
    assert document == {name: value for name, value in from_list.items() if name != "age_seconds"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=ded", f"state: 'ded' is none of {', '.join(WORDS)}"),
        ("state=", f"state: '' is none of {', '.join(WORDS)}"),
        ("state=dead,", f"state: '' is none of {', '.join(WORDS)}"),
        ("limit=0", "limit: '0' is no whole number from 1 to 1000"),
        ("limit=1001", "limit: '1001' is no whole number from 1 to 1000"),
        ("limit=-1", "limit: '-1' is no whole number from 1 to 1000"),
        ("limit=²", "limit: '²' is no whole number from 1 to 1000"),
        ("before=x", f"before: 'x' is no whole number from 1 to {LARGEST_ID}"),
        (f"before={LARGEST_ID + 1}", f"before: '{LARGEST_ID + 1}' is no whole number from 1 to {LARGEST_ID}"),
    ],
)
def test_says_what_cannot_be_asked(client: FlaskClient, query: str, expected: str) -> None:
    """In words, with what could be."""
    response = client.get(f"/api/v1/deliveries?{query}")
    assert (400, refusal(expected)) == (response.status_code, response.json)


@pytest.mark.parametrize("number", [0, 1, LARGEST_ID, LARGEST_ID + 1, 10**400])
def test_there_is_no_such_delivery(client: FlaskClient, number: int) -> None:
    """An id of any size that was never given is a 404, whatever is asked of it."""
    expected = 404, refusal(f"there is no delivery {number}")
    found = client.get(f"/api/v1/deliveries/{number}")
    assert [expected] * 3 == [
        (found.status_code, found.json),
        answer(client, f"{number}/retry"),
        answer(client, f"{number}/drop"),
    ]


def test_a_dead_delivery_is_tried_again(
    client: FlaskClient, engine: Engine, running: Pipeline, recorder: Recorder
) -> None:
    """It is sent at once, and ends as any other."""
    added = add(engine, "dead", untold=1)
    assert (200, {"status": "success"}) == answer(client, f"{added}/retry")
    eventually(lambda: listed(client, "?state=delivered") == [added], "it is delivered")
    assert ["Crash"] == recorder.names()
    assert (409, refusal(f"delivery {added}: it is delivered")) == answer(client, f"{added}/retry")


def test_a_dropped_delivery_is_never_sent(client: FlaskClient, engine: Engine, pipeline: Pipeline) -> None:
    """It is suppressed, which counts; once."""
    added = add(engine)
    suppressed = telemetry.DELIVERIES.labels("team", "log", "suppressed")
    before = suppressed._value.get()
    assert (200, {"status": "success"}) == answer(client, f"{added}/drop")
    assert (409, refusal(f"delivery {added}: it is suppressed")) == answer(client, f"{added}/drop")
    assert before + 1 == suppressed._value.get()
    assert [added] == listed(client, "?state=suppressed")
    assert [] == pipeline.store.queue.waiting(datetime.now(UTC), 30)


def test_another_sites_page_steers_nothing(client: FlaskClient, engine: Engine) -> None:
    """What a browser sends on behalf of a page from elsewhere is refused; its own address bar and our page are not."""
    added = add(engine, "dead")
    expected = 403, refusal("another site may not ask for this")
    for site in ("cross-site", "same-site"):
        assert expected == answer(client, f"{added}/drop", **{"Sec-Fetch-Site": site})
    assert 200 == answer(client, f"{added}/retry", **{"Sec-Fetch-Site": "same-origin"})[0]


def test_tells_how_destinations_stand(client: FlaskClient, engine: Engine) -> None:
    """Those that are configured are told of even when nothing is known of them."""
    paused_until = datetime.now(UTC) + timedelta(seconds=30)
    add_destination(
        engine, "other/log/0", failures=4, failing_since=NOW, paused_until=paused_until, error="Slack: status 500"
    )
    add(engine, "retrying", notification("group", "other"))
    other, team = (client.get("/api/v1/destinations").json or {})["destinations"]
    assert {
        "name": "other/log/0",
        "failing": True,
        "failures": 4,
        "failing_since": NOW.isoformat(),
        "paused_until": paused_until.isoformat(),
        "throttled_until": None,
        "error": "Slack: status 500",
        "waiting": 1,
        "retrying": 1,
        "oldest_at": NOW.isoformat(),
        "untold": 0,
    } == other
    assert ("team/log/0", False, None, 0) == (team["name"], team["failing"], team["paused_until"], team["waiting"])


@pytest.mark.parametrize(
    ("method", "path", "failure"),
    [
        ("GET", "deliveries", "deliveries"),
        ("GET", "deliveries/1", "delivery"),
        ("GET", "destinations", "destinations"),
        ("POST", "deliveries/1/retry", "queue"),
        ("POST", "deliveries/1/drop", "queue"),
    ],
)
def test_a_failing_storage_is_503(
    client: FlaskClient, engine: Engine, failing: Failing, method: str, path: str, failure: str
) -> None:
    """Whoever asks may ask again, and nothing has been done."""
    add(engine, "dead")
    failing.failures[failure] = 1
    response = client.open(f"/api/v1/{path}", method=method)
    assert (503, refusal("the storage is failing")) == (response.status_code, response.json)
    assert [1] == listed(client, "?state=dead")
    assert 200 == client.open(f"/api/v1/{path}", method=method).status_code
