"""A dead man's switch outside is called while all is well: where the calls end, it tells somebody.

Sources: https://healthchecks.io/docs/http_api/ and https://deadmanssnitch.com/docs
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

import units
from config.base import SecretError
from config.watching import HeartbeatSettings
from outbound import Http, OutboundError
from outbox.database import StoreError
from outbox.store import Store
from pipeline.background import Background
from pipeline.running import Current

_LOOK_SECONDS = 2.0
# What was in vain is tried again after so much of the interval, by whoever looks first then.
_AGAIN_SHARE = 0.25
_MOST_BYTES = 64 * 1024
# healthchecks.io answers 200 to a call that it does not count: "OK (not found)", "OK (rate limited)".
_NOT_COUNTED = re.compile(rb"OK \(([a-z ]{1,40})\)")

_log = structlog.get_logger("heartbeat")


class Heartbeat(Background):
    """Makes the calls, in a thread of its own.

    Args:
        current: asked once a turn.
        ailing: what is wrong with this process, in words; "" where nothing is.
    """

    def __init__(
        self, current: Current, store: Store, clock: Callable[[], datetime], ailing: Callable[[], str] = lambda: ""
    ) -> None:
        super().__init__("heartbeat")
        self._current = current
        self._store = store
        self._clock = clock
        self._ailing = ailing
        self._problem = ""

    def look(self) -> bool:
        """Make a call, if it is time for one, all is well, and no other process makes it; whether it was made."""
        running = self._current()
        settings, http = running.configuration.file.heartbeat, running.heartbeat
        if settings is None or http is None:
            return False
        try:
            now = self._clock()
            if not self._store.heartbeats.due(settings.every, now):
                return False
            problem = self._ailing()
            if problem:
                # Others may be well: it is left to them.
                if problem != self._problem:
                    self._store.heartbeats.settle(now, problem)
            elif not self._store.heartbeats.claim(settings.every, now):
                return False
            else:
                problem = self._waiting(settings, now) or called(settings, http)
                again_seconds = settings.every * _AGAIN_SHARE if problem else settings.every
                self._store.heartbeats.settle(now, problem, now - timedelta(seconds=settings.every - again_seconds))
        except StoreError as error:
            problem = f"the storage cannot be used: {error}"
        self._log(problem)
        return not problem

    def _waiting(self, settings: HeartbeatSettings, now: datetime) -> str:
        """That something waits for too long, in words; "" where nothing does."""
        oldest = self._store.heartbeats.oldest_waiting()
        waited = (now - oldest).total_seconds() if oldest else 0.0
        if waited > settings.pending_for:
            allowed = units.duration(settings.pending_for)
            return f"what was accepted waits for longer than {allowed} to be told; /status and the page show where"
        return ""

    def _log(self, problem: str) -> None:
        if problem and problem != self._problem:
            _log.error("the heartbeat is not sent", reason=problem)
        elif self._problem and not problem:
            _log.info("the heartbeat is sent again")
        self._problem = problem

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:
                # Whatever it is, the next is to be sent all the same.
                _log.exception("the heartbeat was interrupted")
            self._stopping.wait(_LOOK_SECONDS)


def called(settings: HeartbeatSettings, http: Http) -> str:
    """Call the switch once; why that was in vain, without its URL and what it said, or "" where it was not."""
    try:
        url = settings.read_url()
        answer = http.send(settings.method, url, deadline_seconds=settings.timeout, most_bytes=_MOST_BYTES)
    except SecretError as error:
        return f"heartbeat: {error}"
    except OutboundError as error:
        return f"heartbeat: {error}"
    if 300 <= answer.status < 400:
        return f"heartbeat: status {answer.status}: a redirect is not followed; write the URL that it leads to"
    if not 200 <= answer.status < 300:
        return f"heartbeat: status {answer.status}"
    refused = _NOT_COUNTED.fullmatch(answer.body.strip())
    return f"heartbeat: it was not counted: {refused[1].decode()}" if refused else ""
