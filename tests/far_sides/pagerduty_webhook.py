"""What PagerDuty's v3 webhooks look like and how they are signed.

Source: https://github.com/PagerDuty/developer-docs, docs/webhooks/01-Overview.md and 04-Signatures.md
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.far_sides.pagerduty_incidents import Incident

_SITE = "https://far-side.pagerduty.com"
_API = "https://api.pagerduty.com"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as it is sent, and sent again: its body and headers."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants to hear: where, and the secrets to sign with, of which there are two while one is replaced."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)

    def delivery(self, event_type: str, incident: Incident, person: str | None, now: datetime) -> Delivery:
        """Returns the webhook that tells of an incident; without a person it was done by an integration."""
        body = json.dumps({"event": _event(event_type, incident, person, now)}, ensure_ascii=False).encode()
        return Delivery(
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": "PagerDuty-Webhook/V3.0",
                "X-PagerDuty-Signature": signature(body, self.secrets),
                "X-Webhook-Id": str(uuid.uuid4()),
            },
        )


def signature(body: bytes, secrets: Sequence[str]) -> str:
    """Returns the header's value: one signature for each secret."""
    return ",".join("v1=" + hmac.new(each.encode(), body, hashlib.sha256).hexdigest() for each in secrets)


def _event(event_type: str, incident: Incident, person: str | None, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex[:26].upper(),
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "agent": None if person is None else _reference("user", "PPERSON", person),
        "client": None if person is None else {"name": "PagerDuty"},
        "data": {
            **_reference("incident", f"PINCIDENT{incident.number}", ""),
            "type": "incident",
            "number": incident.number,
            "status": incident.state,
            "incident_key": incident.dedup_key,
            "title": incident.events[0]["payload"]["summary"],
            "service": _reference("service", "PSERVICE", "Far side"),
            "assignees": [_reference("user", "PONCALL", "Person on call")],
            "urgency": "high",
            "resolve_reason": None,
        },
    }


def _reference(kind: str, name: str, summary: str) -> dict[str, Any]:
    made = {
        "id": name,
        "type": f"{kind}_reference",
        "self": f"{_API}/{kind}s/{name}",
        "html_url": f"{_SITE}/{kind}s/{name}",
    }
    return made | ({"summary": summary} if summary else {})
