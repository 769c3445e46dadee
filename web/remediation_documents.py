"""What was done about an alert, or was not, as JSON has it: the audit of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alerts.remediation import Target
from outbox.records import Remediation, Switch

Document = dict[str, Any]


def document(remediation: Remediation) -> Document:
    """All that is known of one; times by RFC 3339."""
    proposal, performed, alert = remediation.proposal, remediation.performed, remediation.alert
    done = remediation.state == "done"
    return {
        "id": remediation.id,
        "token": remediation.token,
        "rule": remediation.rule,
        "destination": remediation.destination,
        "state": remediation.state,
        "result": remediation.result,
        "detail": remediation.detail,
        "dry_run": remediation.dry_run,
        "alert": {
            "name": alert.name,
            "fingerprint": alert.fingerprint,
            "labels": dict(alert.labels),
            "starts_at": alert.starts_at.isoformat(),
        },
        "group_key": remediation.group_key,
        "event_id": remediation.event_id,
        "verb": proposal.verb if proposal else remediation.verb,
        "target": _target(proposal.target) if proposal else None,
        "does": proposal.does if proposal else None,
        "before": dict(proposal.before) if proposal else None,
        "after": dict(performed.after) if performed else None,
        "performed": performed.detail if performed else None,
        "verdicts": [
            {"guard": each.guard, "passed": each.passed, "why": each.why, "at": _moment(each.at)}
            for each in remediation.verdicts
        ],
        "steps": [{"at": each.at.isoformat(), "what": each.what} for each in remediation.steps],
        "proposed_at": remediation.proposed_at.isoformat(),
        "next_at": None if done else remediation.due_at.isoformat(),
        "acted_at": _moment(remediation.acted_at),
        "approved_at": _moment(remediation.approved_at),
        "approved_by": remediation.approved_by or None,
    }


def switch_document(switch: Switch) -> Document:
    """Whether anything is done at all, and who said so."""
    return {"on": switch.on, "by": switch.by or None, "at": _moment(switch.at)}


def _target(target: Target) -> Document:
    return {"key": target.key, "kind": target.kind, "namespace": target.namespace or None, "name": target.name}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
