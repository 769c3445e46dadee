"""What every action holds: `ActionContract` for all, `HttpContract` for those that speak HTTP."""

import json
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from actions import Action, find
from alerts.notification import Digest, Notification, Receipt, SendError, Thread
from cluster import Cluster, ClusterError, Identity
from config.base import ActionSettings
from outbound import Http
from tests.actions import notifications
from tests.far_sides import trouble
from tests.far_sides.http_server import Answer, HttpServer, Request

# Seconds for a send to a far side in trouble, and how much longer than that it may take on a busy machine.
DEADLINE_SECONDS = 0.3
GRACE_SECONDS = 0.7
PERMANENT = (400, 401, 403, 404, 405, 410, 413, 422)
RETRYABLE = (408, 425, 429, 500, 502, 503, 504, 507, 599)
REDIRECTS = (300, 301, 302, 303, 304, 307, 308)
TROUBLES = (
    trouble.hanging,
    trouble.refusing,
    trouble.nonsense,
    trouble.unavailable,
    trouble.dripping_headers,
    trouble.dripping_body,
    trouble.endless_body,
    trouble.closing,
)
TOLD: dict[str, Callable[[], Notification]] = {
    "firing": notifications.seed,
    "resolved": lambda: notifications.seed("resolved"),
    "mixed": notifications.mixed,
    "huge": notifications.huge,
    "hostile notes": notifications.noted,
    "hostile notes at the end": lambda: notifications.noted(status="resolved"),
    "digest": notifications.storm,
    "digest of ends": lambda: notifications.digest(notifications.alert(status="resolved"), groups=1, resolved=1),
    "digest of one": lambda: notifications.digest(notifications.alert(), groups=1, firing={"error": 1}),
    "digest of the huge": lambda: replace(
        notifications.huge(10), digest=Digest(9, {"<!channel>": 5, "critical": 0}, 5), notes=notifications.noted().notes
    ),
    "digest without counts": lambda: notifications.digest(notifications.alert(), groups=0),
    "delivery failing": lambda: notifications.delivery_failing(1_000),
    "without any label": lambda: notifications.notification(notifications.alert({})),
}


def _nowhere() -> Identity:
    raise ClusterError("is not around")


class ActionContract(ABC):
    """Inherited by `tests/actions/test_<kind>.py` of each action."""

    kind: ClassVar[str]

    @property
    def module(self) -> ModuleType:
        """The action's module."""
        return find()[self.kind]

    @pytest.fixture
    def action(self, http: Http) -> Iterator[Action]:
        """The action as it is to work; here with the settings of its example."""
        yield self.made(self.module.Settings.example, http)  # noqa: PT022  # HttpContract's has a teardown

    def made(self, settings: Mapping[str, Any], http: Http) -> Action:
        """Returns an action with these settings."""
        beside = (Cluster(_nowhere),) if self.module.Settings.remedies else ()
        made: Action = self.module.Action(self.module.Settings.model_validate(settings), http, *beside)
        return made

    def test_settings_have_an_example(self) -> None:
        """The example is a whole element of the configuration."""
        settings = self.module.Settings.model_validate(self.module.Settings.example)
        assert isinstance(settings, ActionSettings)

    def test_settings_refuse_unknown_keys(self) -> None:
        """A key that does not exist is refused, with its name and without any value."""
        with pytest.raises(ValidationError) as raised:
            self.module.Settings.model_validate({**self.module.Settings.example, "colour": "hunter2"})
        assert [("colour",)] == [each["loc"] for each in raised.value.errors()]
        assert "hunter2" not in str(raised.value)

    def test_settings_are_frozen(self) -> None:
        """No setting changes once it is read."""
        settings = self.module.Settings.model_validate(self.module.Settings.example)
        for name in self.module.Settings.model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(settings, name, None)

    @pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
    def test_tells_every_kind_of_group(self, action: Action, told: Callable[[], Notification]) -> None:
        """A group that fires, is over, or both, a huge and hostile one and a bare one end in a receipt."""
        thread = Thread(open_fingerprints=("a",), opened_at=notifications.START)
        receipt = action.send(told(), thread, 10)
        assert isinstance(receipt, Receipt)
        assert 1 <= len(receipt.detail) <= 200
        # Who heard of what is for the pipeline to say.
        assert (thread.open_fingerprints, thread.opened_at) == (
            receipt.thread.open_fingerprints,
            receipt.thread.opened_at,
        )

    @pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
    def test_shows_what_it_would_send(self, action: Action, told: Callable[[], Notification]) -> None:
        """As JSON has it, of every kind of group."""
        assert json.loads(json.dumps(action.preview(told()).message))


class HttpContract(ActionContract):
    """What an action that speaks HTTP holds as well."""

    # What the far side says when it took something, and what sounds like it and is not.
    accepted: ClassVar[Answer]
    not_accepted: ClassVar[tuple[Answer, ...]]
    # Whether the action says who it is by itself, so that an `http_config` may not.
    says_itself_who_it_is: ClassVar[bool] = False

    @abstractmethod
    def judge(self) -> HttpServer:
        """Returns the far side that judges requests as the real one documents it."""

    @abstractmethod
    def settings(self, base_url: str) -> dict[str, Any]:
        """Returns settings that lead to a server, with a secret in them."""

    @abstractmethod
    def file_settings(self, base_url: str, path: Path) -> dict[str, Any]:
        """Returns settings that lead to a server, with the secret in that file."""

    @abstractmethod
    def secret(self, base_url: str, number: int = 0) -> str:
        """Returns one of several secrets as it is written in a setting or a file; 0 is the one of `settings`."""

    @abstractmethod
    def secret_of(self, base_url: str, request: Request) -> str:
        """Returns the secret that a request was made with."""

    def secret_parts(self, base_url: str) -> list[str]:
        """Returns what must not be told of the secret; longest first."""
        return [self.secret(base_url)]

    @pytest.fixture
    def action(self, http: Http) -> Iterator[Action]:
        """The action at the far side that judges."""
        with self.judge() as far_side:
            yield self.made(self.settings(far_side.base_url), http)

    @pytest.fixture
    def server(self) -> Iterator[HttpServer]:
        """A far side that answers what the test sets."""
        with HttpServer() as far_side:
            yield far_side

    def error(
        self, settings: Mapping[str, Any], http: Http, deadline_seconds: float = 5.0, thread: Thread | None = None
    ) -> SendError:
        """Returns the error of a send that fails."""
        with pytest.raises(SendError) as raised:
            self.made(settings, http).send(notifications.seed(), thread or Thread(), deadline_seconds)
        return raised.value

    def test_what_is_accepted_is_a_receipt(self, server: HttpServer, http: Http) -> None:
        """The answer that the far side documents is a receipt, of one request."""
        server.answer_next(self.accepted.status, self.accepted.body)
        self.made(self.settings(server.base_url), http).send(notifications.seed(), Thread(), 5)
        (request,) = server.requests
        assert ("POST", "application/json") == (request.method, request.headers["Content-Type"])
        assert self.secret(server.base_url) == self.secret_of(server.base_url, request)

    def test_shows_no_secret(self, server: HttpServer, http: Http) -> None:
        """What it would send is shown without sending it, and without what it would be sent with."""
        shown = json.dumps(self.made(self.settings(server.base_url), http).preview(notifications.seed()).message)
        assert [] == server.requests
        assert not [part for part in self.secret_parts(server.base_url) if part in shown]

    def test_what_only_sounds_accepted_is_none(self, server: HttpServer, http: Http) -> None:
        """A 2xx that the far side does not document may be a proxy's page: it is tried again."""
        for answer in self.not_accepted:
            server.answer_next(answer.status, answer.body)
            error = self.error(self.settings(server.base_url), http)
            assert not error.permanent, answer

    @pytest.mark.parametrize(
        ("status", "permanent"), [(each, True) for each in PERMANENT] + [(each, False) for each in RETRYABLE]
    )
    def test_judges_the_status(self, server: HttpServer, http: Http, status: int, permanent: bool) -> None:
        """A status says whether sending the same again can help, and the error tells it with the answer's words."""
        server.answer_next(status, b"because\n of <that>")
        error = self.error(self.settings(server.base_url), http)
        assert (permanent, None, 1) == (error.permanent, error.retry_after_seconds, len(server.requests))
        assert (status == 429) == error.throttled
        assert str(error).endswith(f": status {status}: because of <that>")

    @pytest.mark.parametrize("status", REDIRECTS)
    def test_follows_no_redirect(self, server: HttpServer, http: Http, status: int) -> None:
        """A redirect would hand the secret to somebody else: it is permanent and not followed."""
        with HttpServer() as elsewhere:
            server.answer_next(status, headers={"Location": f"{elsewhere.url}/services/x"})
            error = self.error(self.settings(server.base_url), http)
            assert [] == elsewhere.requests
        assert error.permanent
        assert f"status {status}" in str(error)

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("7", 7),
            ("0", 0),
            ("in an hour", 3600),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
            ("soon", None),
            ("-5", None),
            ("7.5", None),
            ("9" * 40, None),
            ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ],
    )
    def test_hears_how_long_to_wait(
        self, server: HttpServer, http: Http, status: int, value: str, expected: float | None
    ) -> None:
        """Retry-After is understood in seconds and as a date, and nonsense is passed over."""
        if value == "in an hour":
            value = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        server.answer_next(status, headers={"Retry-After": value})
        error = self.error(self.settings(server.base_url), http)
        assert not error.permanent
        wanted = None if expected is None else pytest.approx(expected, abs=90 if expected > 600 else 0)
        assert wanted == error.retry_after_seconds

    @pytest.mark.parametrize("far_side", TROUBLES, ids=lambda each: str(each.__name__))
    def test_trouble_is_retryable_in_time(self, far_side: Any, http: Http) -> None:
        """Whatever the far side does, a send ends by its deadline with an error that may be tried again."""
        serving: AbstractContextManager[str] = far_side()
        with serving as url:
            before = time.monotonic()
            error = self.error(self.settings(url), http, DEADLINE_SECONDS)
            assert time.monotonic() - before < DEADLINE_SECONDS + GRACE_SECONDS
        assert not error.permanent
        assert 5 < len(str(error)) <= 400
        self._keeps_secrets(error, url)

    @pytest.mark.parametrize("status", [200, 202, 302, 400, 404, 429, 500])
    @pytest.mark.parametrize("echo", ["plain", "as JSON", "slashes escaped", "cut in two"])
    def test_tells_no_secret(self, http: Http, status: int, echo: str) -> None:
        """Neither receipt nor error holds the secret or a part of it, though the far side sends all it got back."""
        with _Echo(status, echo) as server:
            server.secret = self.secret_parts(server.base_url)[-1]
            action = self.made(self.settings(server.base_url), http)
            try:
                result: Receipt | SendError = action.send(notifications.seed(), Thread(), 5)
            except SendError as error:
                result = error
            assert server.requests
            self._keeps_secrets(result, server.base_url)

    def test_tells_no_secret_in_settings(self) -> None:
        """Settings that are printed or dumped show no secret."""
        settings = self.module.Settings.model_validate(self.settings("http://127.0.0.1:1"))
        for told in (str(settings), repr(settings), settings.model_dump_json(), str(settings.model_dump())):
            for secret in self.secret_parts("http://127.0.0.1:1"):
                assert secret not in told

    def test_reads_a_secrets_file_at_each_send(self, server: HttpServer, http: Http, tmp_path: Path) -> None:
        """A secret that was rotated is used from the next send on, without white space around it."""
        path = tmp_path / "secret"
        action = self.made(self.file_settings(server.base_url, path), http)
        for number in (1, 2):
            path.write_text(f"{self.secret(server.base_url, number)}\n")
            server.answer_next(self.accepted.status, self.accepted.body)
            action.send(notifications.seed(), Thread(), 5)
        sent = [self.secret_of(server.base_url, request) for request in server.requests]
        assert [self.secret(server.base_url, number) for number in (1, 2)] == sent

    @pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
    def test_a_missing_secret_is_retryable(
        self, server: HttpServer, http: Http, tmp_path: Path, content: bytes | None
    ) -> None:
        """A file that is not there, empty or no text is named, and may be better next time."""
        path = tmp_path / "secret"
        if content is not None:
            path.write_bytes(content)
        error = self.error(self.file_settings(server.base_url, path), http)
        assert not error.permanent
        assert str(path) in str(error)
        assert [] == server.requests

    def test_settings_want_one_secret(self, tmp_path: Path) -> None:
        """Neither a secret nor its file, or both, is refused, and the refusal names the keys."""
        given, from_file = self.settings("http://127.0.0.1:1"), self.file_settings("http://127.0.0.1:1", tmp_path)
        keys = given.keys() ^ from_file.keys()
        shared = {key: value for key, value in given.items() if key not in keys}
        for wrong in (shared, {**given, **from_file}):
            with pytest.raises(ValidationError) as raised:
                self.module.Settings.model_validate(wrong)
            assert all(key in str(raised.value) for key in keys)
            assert self.secret("http://127.0.0.1:1") not in str(raised.value)

    def _connected(self, settings: Mapping[str, Any], http_config: Mapping[str, Any]) -> tuple[Action, Http]:
        """Returns the action and connections as they are with an `http_config`, to be closed."""
        made = self.module.Settings.model_validate({**settings, "http_config": http_config})
        connections: Http = made.http_config.connect()
        action: Action = self.module.Action(made, connections)
        return action, connections

    def test_says_who_it_is(self, server: HttpServer, tmp_path: Path) -> None:
        """`http_config` goes along with each request; a file of it that cannot be read may be there next time."""
        token = tmp_path / "token"
        wanted: dict[str, Any] = {"http_headers": {"X-Key": {"files": [str(token)]}, "X-Team": {"values": ["a"]}}}
        if not self.says_itself_who_it_is:
            wanted["authorization"] = {"credentials_file": str(token)}
        action, connections = self._connected(self.settings(server.base_url), wanted)
        with pytest.raises(SendError, match="token: No such file") as raised:
            action.send(notifications.seed(), Thread(), 5)
        assert (False, []) == (raised.value.permanent, server.requests)
        token.write_text("s3cret-token")
        server.answer_next(self.accepted.status, self.accepted.body)
        action.send(notifications.seed(), Thread(), 5)
        (request,) = server.requests
        assert ("s3cret-token", "a") == (request.headers["X-Key"], request.headers["X-Team"])
        assert self.says_itself_who_it_is or request.headers["Authorization"] == "Bearer s3cret-token"
        connections.close()

    @pytest.mark.parametrize("status", [200, 202, 400, 500])
    @pytest.mark.parametrize("echo", ["plain", "as JSON"])
    def test_tells_no_secret_of_who_it_is(self, status: int, echo: str) -> None:
        """Though the far side sends it back, neither password nor header is in receipt or error."""
        wanted: dict[str, Any] = {"http_headers": {"X-Key": {"secrets": ["s3cret-header"]}}}
        if not self.says_itself_who_it_is:
            wanted["basic_auth"] = {"username": "us", "password": "s3cret-password"}
        with _Echo(status, echo) as server:
            action, connections = self._connected(self.settings(server.base_url), wanted)
            try:
                told = repr(action.send(notifications.seed(), Thread(), 5))
            except SendError as error:
                told = f"{error}{error!r}"
            (request,) = server.requests
            connections.close()
        pair = request.headers.get("Authorization", "Basic s3cret").removeprefix("Basic ")
        assert "s3cret-header" == request.headers["X-Key"]
        assert [] == [each for each in ("s3cret-password", "s3cret-header", pair) if each in told]

    def test_an_attempt_ends_with_its_timeout(self) -> None:
        """One that is shorter than the deadline counts."""
        with trouble.hanging() as url:
            begun = time.monotonic()
            error = self.error({**self.settings(url), "timeout": "300ms"}, Http(), deadline_seconds=30)
            assert time.monotonic() - begun < 10
        assert not error.permanent

    def _keeps_secrets(self, result: Receipt | SendError, base_url: str) -> None:
        told = repr(result)
        if isinstance(result, SendError):
            told += "".join((str(result), *traceback.format_exception(result)))
        for secret in self.secret_parts(base_url):
            assert secret not in told


class _Echo(HttpServer):
    """A far side that sends back the whole request, in one of several ways."""

    def __init__(self, status: int, how: str) -> None:
        super().__init__()
        self.status = status
        self.how = how
        self.secret = ""

    def answer(self, request: Request) -> Answer:
        """Returns what came."""
        body = request.body.decode()
        text = f"{request.method} {request.path} {request.path[1:]} {self.base_url}{request.path} {body[:120]}"
        text += f" {dict(request.headers)} {body}"
        if self.how == "as JSON":
            text = json.dumps({"error": text})
        if self.how == "slashes escaped":
            text = json.dumps({"error": text}).replace("/", "\\/")
        if self.how == "cut in two":
            # Wherever a reader of the first so many bytes stops, it stops within a secret.
            text = " " * (10_000 - len(self.secret) // 2) + self.secret * 2_000
        return Answer(self.status, text.encode())
