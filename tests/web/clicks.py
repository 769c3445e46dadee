"""What Slack sends when somebody clicks, signed as it signs."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from alerts import taken
from alerts.history import History
from alerts.model import Alert, group_id
from alerts.timeline import Acknowledgement
from outbox.records import Plan
from outbox.store import Store
from tests.far_sides.http_server import HttpServer
from tests.samples import NOW

KEY = '{}:{alertname="Crash"}'
GROUP = group_id(KEY)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def payload(action_id: str, value: str, response_url: str, **keys: Any) -> dict[str, Any]:
    """Returns what Slack tells of a click."""
    option = {"text": {"type": "plain_text", "text": "…"}, "value": value}
    chosen = {"type": "overflow", "selected_option": option} if action_id == "silence" else {"type": "button"}
    action = {"action_id": action_id, "block_id": "b", "action_ts": "1.2", **chosen}
    return {
        "type": "block_actions",
        "user": {"id": "U012AB", "username": "jane.doe", "name": "jane", "team_id": "T1"},
        "container": {"type": "message", "message_ts": "1772436717.000100", "channel_id": "C1"},
        "trigger_id": "1.2.3",
        "response_url": response_url,
        "actions": [action if action_id == "silence" else {**action, "value": value}],
        **keys,
    }


def form(document: Any) -> bytes:
    """Returns a payload as the body of a request."""
    return urlencode({"payload": json.dumps(document)}).encode()


def signature(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    """Signs a body."""
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def post(
    client: FlaskClient,
    body: bytes,
    age_seconds: float = 0.0,
    headers: Mapping[str, str | None] | None = None,
    secret: str = SECRET,
) -> TestResponse:
    """Posts a body as Slack does.

    Args:
        client: the service's.
        body: the form.
        age_seconds: how long ago Slack says that it was.
        headers: `timestamp` and `signature` instead of what is right; None is left out.
        secret: what it is signed with.
    """
    headers = headers or {}
    timestamp = headers.get("timestamp", str(int(time.time() - age_seconds)))
    signed = headers.get("signature", signature(body, timestamp or "", secret))
    named = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed}
    return client.post(
        "/slack/interactions",
        data=body,
        headers={name: value for name, value in named.items() if value is not None},
        content_type="application/x-www-form-urlencoded",
    )


def heard(store: Store, *alerts: Alert, key: str = KEY, silenced: Acknowledgement | None = None) -> None:
    """Keeps the alerts of a group as a plan does, none of it to be told."""
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, 30)
    history = History("hash", claimed.id, NOW, any(each.firing for each in alerts), NOW, silenced=silenced)
    store.plan([Plan(claimed, alerts=tuple((key, each, ()) for each in alerts), histories={key: history})])


def kept(store: Store) -> list[tuple[str, Acknowledgement]]:
    """Returns what was kept since: who has taken which group over."""
    events = store.claim_events(datetime.now(UTC), 30)
    assert {"taken"} >= {each.kind for each in events}
    store.plan([Plan(each) for each in events])
    found = [(taken.group_of(each.body), taken.acknowledgement_of(each.body)) for each in events]
    return [(key, acknowledgement) for key, acknowledgement in found if acknowledgement is not None]


def told(hooks: HttpServer, instead: bool = False) -> str:
    """Returns what the person was told, once they are, in the order in which they read it."""
    document = hooks.wait_for(1)[-1].json()
    assert ("ephemeral", instead) == (document["response_type"], document["replace_original"])
    blocks = document.get("blocks", ())
    assert not blocks or blocks[0]["text"]["text"] == document["text"]
    return "\n".join(each["text"]["text"] for each in blocks if "text" in each) or str(document["text"])
