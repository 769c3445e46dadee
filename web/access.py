"""Who may do what, by `web.auth`: asked of each request before anything else.

What has a signature of its own (`/slack/interactions`, `/pagerduty/webhook`, `/charts/`) is open here, and so is what
asks whether the service lives.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Response, g, request
from werkzeug.exceptions import HTTPException

import telemetry
from config.access import AuthSettings, CredentialSettings, Permission, TrustedProxySettings
from config.base import SecretError
from config.logins import LONGEST_NAME
from pipeline import Pipeline
from web.addresses import asked_here, is_among, is_loopback
from web.answers import error, from_elsewhere
from web.body import whole_body
from web.logins import Logins
from web.passwords import Passwords, Slowed

OPEN = frozenset(
    ("static", "ops.healthz", "ops.readyz", "charts.chart", "slack.interactions", "pagerduty.webhook"),
)
"""The endpoints that are for everybody, or that look at a signature."""

_NEEDS: dict[str, Permission] = {
    "alert.post": "alert",
    "api.explain": "read",
    "remediation_pages.login": "change",
}
# Whatever the files say would hold in a second anyway, as they are looked at: so it is no change until somebody says
# who may change something.
_OPEN_AT_FIRST = frozenset(("status.reload",))
_HARMLESS = frozenset(("GET", "HEAD", "OPTIONS"))
_KEPT_EVERY_SECONDS = 10.0
_REJECTED = (
    "it came without a log-in that web.auth.alert knows; set http_config.authorization, or basic_auth,"
    " of Alertmanager's webhook_configs"
)
_NOBODY = (
    "nobody may change anything here until web.auth.change says who may; or have the service listen to its own"
    " machine alone (LISTEN_ADDRESS=127.0.0.1) and ask from there"
)

_log = structlog.get_logger("access")


@dataclass(frozen=True, slots=True)
class Person:
    """Who changes something.

    Attributes:
        who: what they are logged in as; "" where nobody has to log in, for it is done on the service's own machine.
    """

    who: str

    @property
    def name(self) -> str:
        """For people."""
        return self.who or "somebody on the service's own machine"


class Access:
    """Lets a request pass, or answers it.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, pipeline: Pipeline, clock: Callable[[], float] = time.monotonic) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._logins = Logins(Passwords(clock))
        self._loopback = False
        self._kept_at = -math.inf
        self._turn = threading.Lock()

    def listens_at(self, addresses: Sequence[Any]) -> None:
        """Know what the service listens at, as sockets name it: whether anybody else than its own machine hears it."""
        hosts = [each[0] if isinstance(each, tuple) else "" for each in addresses]
        self._loopback = bool(hosts) and all(is_loopback(str(each)) for each in hosts)

    @property
    def _auth(self) -> AuthSettings:
        return self._pipeline.configuration.file.web.auth

    def refused(self) -> Response | None:
        """The answer to a request that may not be; None where it may."""
        needed = self._needed(request.endpoint or "", request.method)
        if needed is None:
            return None
        try:
            refused = self._refused(needed)
        except SecretError as unread:
            _log.error("log-ins cannot be checked", error=str(unread))
            return error("log-ins cannot be checked; the log says why", 503)
        except Slowed as slowed:
            # Of what is answered with 429 Alertmanager does not tell again.
            answer = error(str(slowed), 503 if needed == "alert" else 429)
            answer.headers["Retry-After"] = str(math.ceil(slowed.seconds))
            return answer
        if refused is None and needed == "change" and request.method not in _HARMLESS:
            refused = from_elsewhere()
            if refused is None and (person := self.person()):
                _log.info("somebody changes something", who=person.name, path=request.path[:200])
        return refused

    def person(self) -> Person | None:
        """Who asks, where they may change something; None where they may not, or did not say who they are."""
        if "person" not in g:
            try:
                _, g.person = self._changer()
            except (SecretError, Slowed):
                g.person = None
        found: Person | None = g.person
        return found

    @property
    def asks(self) -> bool:
        """Whether anybody may log in to change something."""
        return self._auth.changers

    def _needed(self, endpoint: str, method: str) -> Permission | None:
        if endpoint in OPEN or (endpoint in _OPEN_AT_FIRST and not self._auth.changers):
            return None
        return _NEEDS.get(endpoint, "read" if method in _HARMLESS else "change")

    def _refused(self, needed: Permission) -> Response | None:
        auth = self._auth
        if needed == "alert":
            if auth.alert is None or self._found([auth.alert]):
                return None
            return self._rejected(auth.alert)
        if needed == "read":
            kinds = [each for each in (auth.read, auth.change) if each is not None]
            closed = auth.read is not None or auth.trusted_proxy is not None
            if not closed or self._proxied() or self._found(kinds):
                return None
            return _log_in(kinds)
        who, g.person = self._changer()
        if g.person is not None:
            return None
        if not auth.changers:
            return error(_NOBODY, 403)
        if who:
            return error("this log-in may look, and change nothing (web.auth)", 403)
        return _log_in([auth.change] if auth.change else [])

    def _changer(self) -> tuple[str, Person | None]:
        """Who it is, and the same where they may change something."""
        auth = self._auth
        if not auth.changers:
            return "", Person("") if self._loopback and asked_here() else None
        if proxied := self._proxied():
            may = auth.trusted_proxy is not None and _may_change(proxied, auth.trusted_proxy)
            return proxied, Person(proxied) if may else None
        # Among all, for who may only look did not fail to log in.
        kinds = [each for each in (auth.change, auth.read) if each is not None]
        found = self._found(kinds)
        if found is None:
            return "", None
        return found[0], Person(found[0]) if found[1] is auth.change else None

    def _found(self, kinds: Sequence[CredentialSettings]) -> tuple[str, CredentialSettings] | None:
        given = request.authorization
        found = self._logins.find(kinds, given, request.remote_addr or "")
        if given is not None and found is None:
            _log.warning("a log-in failed", scheme=given.type[:20], address=request.remote_addr)
        return found

    def _proxied(self) -> str:
        """Who a trusted proxy says it is; "" where there is none, or it does not."""
        proxy = self._auth.trusted_proxy
        if proxy is None or not is_among(request.remote_addr or "", proxy.addresses):
            return ""
        # As PEP 3333 has it, the bytes of a header are Latin-1.
        name = request.headers.get(proxy.header, "").encode("latin-1", "replace").decode(errors="replace").strip()
        # What is there twice is joined with a comma: one of the two was another's.
        return name if name.isprintable() and "," not in name and len(name) <= LONGEST_NAME else ""

    def _rejected(self, settings: CredentialSettings) -> Response:
        """It may have been a page, and Alertmanager will not send it again: so it is kept, if not each of a flood."""
        try:
            body = whole_body(request, self._pipeline.configuration.file.web.max_body)
        except HTTPException:
            body = b""
        with self._turn:
            keeps = self._clock() - self._kept_at >= _KEPT_EVERY_SECONDS
            if keeps:
                self._kept_at = self._clock()
        if keeps:
            self._pipeline.reject(_REJECTED, body)
        else:
            telemetry.EVENTS.labels("rejected").inc()
        return _log_in([settings])


def _log_in(kinds: Sequence[CredentialSettings]) -> Response:
    if not kinds:
        return error("log in at the proxy in front of this service (web.auth.trusted_proxy)", 403)
    answer = error("a log-in is needed for this (web.auth)", 401)
    if any(each.users_file is not None for each in kinds):
        answer.headers.add("WWW-Authenticate", 'Basic realm="alert-manager", charset="UTF-8"')
    if any(each.tokens or each.tokens_file is not None for each in kinds):
        answer.headers.add("WWW-Authenticate", 'Bearer realm="alert-manager"')
    return answer


def _may_change(name: str, proxy: TrustedProxySettings) -> bool:
    return "*" in proxy.may_change or name in proxy.may_change
