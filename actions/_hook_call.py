"""A hook that is called: a signed POST, of which the far side is known to have heard, not to have, or perhaps to have.

Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (`Idempotency-Key`, and its 409)
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import SecretStr

from actions._base import cut, json_bytes, said
from actions._hook_target import told
from actions._url_secrets import secrets_of
from alerts.model import Alert
from alerts.remediation import NotPerformed, Performed, Proposal, Ready, Target
from config.base import SecretError, http_url, read_secret
from outbound import Answer, Http, OutboundError, OutboundUnsent, redacted

SHORTEST_SECRET = 16
"""A shorter one can be found out from one signature."""

_VERSION = "1"
_FAR_SIDE = "the hook"
_TOKEN = re.compile(r"\{\{\s*token\s*\}\}")
# Another redirect may come of what was done with the first request, as 303 does.
_ELSEWHERE = (301, 307, 308)
# That somebody else deals with it just now, or that nobody knows how much of it came.
_UNCERTAIN = (408, 409)
_MAX_STATUS_BYTES = 64 * 1024
_MAX_DETAIL = 200
_NO_STATUS = "the hook says nothing of that"


def check_status_url(text: str) -> None:
    """Check a URL in which the token stands as `{{ token }}`.

    Raises:
        ValueError: it is none; the message does not repeat it, for it may hold a secret.
    """
    plain = _TOKEN.sub("r0", text)
    if plain == text or "{{" in plain or "{%" in plain:
        raise ValueError("should hold {{ token }}, and nothing else in braces")
    http_url(plain)


@dataclass(frozen=True, slots=True)
class Call:
    """One rule's hook.

    Attributes:
        rule: its name.
        timeout_seconds: how long one call may take at most.
    """

    http: Http
    rule: str
    url: tuple[SecretStr | None, Path | None]
    secret: tuple[SecretStr | None, Path | None]
    status_url: SecretStr | None
    timeout_seconds: float
    verb: ClassVar[str] = "hook"

    def propose(self, alert: Alert, target: Target) -> Proposal:
        """What would be done; nothing of it says where."""
        return Proposal(self.verb, target, f"call the hook about {told(target)}")

    def perform(self, proposal: Proposal, alert: Alert, token: str, deadline_seconds: float) -> Performed:
        """Call it once; see `Remedy`."""
        body = json_bytes(document(proposal, alert, token, self.rule))
        try:
            url = http_url(read_secret(*self.url))
            key = self._key()
        except (SecretError, ValueError) as error:
            words = error if isinstance(error, SecretError) else f"its URL {error}"
            raise NotPerformed(f"{_FAR_SIDE}: {words}", in_doubt=False) from None
        headers = {"Content-Type": "application/json", "Idempotency-Key": token, **signature(key, body)}
        secrets = [*secrets_of(url), key]
        try:
            answer = self.http.post(url, data=body, headers=headers, deadline_seconds=self._within(deadline_seconds))
        except OutboundError as error:
            words, unsent = redacted(f"{_FAR_SIDE}: {error}", secrets), isinstance(error, OutboundUnsent)
            if 200 <= error.status < 300:
                return _performed(f"status {error.status}, and no whole answer", token)
            raise NotPerformed(words, in_doubt=not unsent and not _refused(error.status)) from None
        words = cut(f"status {answer.status}: {said(answer, secrets)}", _MAX_DETAIL)
        if 200 <= answer.status < 300:
            return _performed(words, token)
        raise NotPerformed(f"{_FAR_SIDE}: {words}", in_doubt=not _refused(answer.status))

    def happened(self, proposal: Proposal, token: str, deadline_seconds: float) -> Performed | None:
        """Ask its status URL; see `Remedy`."""
        status, detail = self._status(token, deadline_seconds)
        if status in ("done", "running", "failed"):
            return _performed(detail, token)
        if status == "unknown":
            return None
        raise NotPerformed(f"whether it was done is not known: {detail}", in_doubt=True)

    def ready(self, performed: Performed, deadline_seconds: float) -> Ready:
        """Ask the same; see `Remedy`."""
        status, detail = self._status(str(performed.after.get("token")), deadline_seconds)
        return Ready({"done": True, "failed": False}.get(status), detail)

    def _status(self, token: str, deadline_seconds: float) -> tuple[str, str]:
        """What became of a call: "done", "running", "failed", "unknown" to the hook, "" if nobody says; in words."""
        if self.status_url is None:
            return "", _NO_STATUS
        url = _TOKEN.sub(lambda _: quote(token, safe=""), self.status_url.get_secret_value())
        secrets = secrets_of(url)
        try:
            key = self._key()
            secrets.append(key)
            answer = self.http.get(
                url,
                headers=signature(key, b""),
                deadline_seconds=self._within(deadline_seconds),
                most_bytes=_MAX_STATUS_BYTES,
            )
        except (SecretError, OutboundError) as error:
            return "", redacted(f"{_FAR_SIDE}: {error}", secrets)
        if answer.status == 404:
            return "unknown", "the hook does not know of it"
        return _read(answer, secrets)

    def _key(self) -> str:
        key = read_secret(*self.secret)
        if len(key) < SHORTEST_SECRET:
            raise SecretError(f"{self.secret[1]}: should have {SHORTEST_SECRET} characters or more")
        return key

    def _within(self, deadline_seconds: float) -> float:
        return min(deadline_seconds, self.timeout_seconds) if self.timeout_seconds else deadline_seconds


def document(proposal: Proposal, alert: Alert, token: str, rule: str) -> dict[str, Any]:
    """What is posted."""
    return {
        "version": _VERSION,
        "token": token,
        "rule": rule,
        "verb": proposal.verb,
        "target": asdict(proposal.target),
        "alert": {
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "startsAt": _time(alert.starts_at),
            "generatorURL": alert.generator_url,
            "fingerprint": alert.fingerprint,
        },
    }


def signature(key: str, body: bytes) -> dict[str, str]:
    """When it was signed, and the HMAC-SHA256 of the version, that, and the body."""
    timestamp = str(int(time.time()))
    digest = hmac.new(key.encode(), f"v1:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Alert-Manager-Timestamp": timestamp, "X-Alert-Manager-Signature": f"v1={digest}"}


def _performed(detail: str, token: str) -> Performed:
    return Performed(detail, {"token": token})


def _read(answer: Answer, secrets: list[str]) -> tuple[str, str]:
    words = cut(f"status {answer.status}: {said(answer, secrets)}", _MAX_DETAIL)
    try:
        found = answer.json() if answer.status == 200 else None
    except ValueError:
        found = None
    status = found.get("status") if isinstance(found, dict) else None
    if not isinstance(found, dict) or status not in ("done", "running", "failed"):
        return "", f"{_FAR_SIDE}: {words}"
    told = " ".join(redacted(str(found.get("detail") or ""), [*secrets, *answer.secrets]).split())
    plain = {"done": "the hook says that it is done", "running": "the hook still runs", "failed": "the hook has failed"}
    return str(status), cut(": ".join(filter(None, (plain[str(status)], told))), _MAX_DETAIL)


def _refused(status: int) -> bool:
    """Whether a far side that answers so has done nothing."""
    return (400 <= status < 500 and status not in _UNCERTAIN) or status in _ELSEWHERE


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
