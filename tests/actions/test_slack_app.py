"""Slack as an app: `chat.postMessage` with a token."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actions.slack import Action, Settings
from alerts.notification import Receipt, SendError, Thread
from config.schema import Configuration
from outbound import Http
from tests.actions import notifications
from tests.actions.contract import HttpContract
from tests.config.conftest import load_file
from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.slack import SlackApi

TOKEN = "xoxb-not-a-real-token"
OK = b'{"ok":true,"channel":"C1","ts":"1.2"}'
JSON = {"Content-Type": "application/json; charset=utf-8"}


class TestSlackAppContract(HttpContract):
    """What every action that speaks HTTP holds."""

    kind = "slack"
    says_itself_who_it_is = True
    accepted = Answer(200, OK)
    not_accepted = (
        Answer(200, b"ok"),
        Answer(200, b"<html>Sign in</html>"),
        Answer(200, b""),
        Answer(200, b"[]"),
        Answer(200, b'{"ok":false}'),
        Answer(200, b'{"ok":"true"}'),
        Answer(204, b""),
    )

    def judge(self) -> SlackApi:
        """Returns a Slack."""
        return SlackApi()

    def settings(self, base_url: str) -> dict[str, Any]:
        """Returns settings with the token."""
        return {"app_token": self.secret(base_url), "app_url": f"{base_url}{SlackApi.path}", "channel": "#ops"}

    def file_settings(self, base_url: str, path: Path) -> dict[str, Any]:
        """Returns settings with the token in a file."""
        return {"app_token_file": str(path), "app_url": f"{base_url}{SlackApi.path}", "channel": "#ops"}

    def secret(self, base_url: str, number: int = 0) -> str:
        """Returns one of several tokens."""
        return f"{TOKEN}{number or ''}"

    def secret_of(self, base_url: str, request: Request) -> str:
        """Returns the token of a request."""
        return request.headers["Authorization"].removeprefix("Bearer ")


def settings(base_url: str, **changes: Any) -> Settings:
    """Returns settings of an app."""
    return Settings.model_validate(
        {"app_token": TOKEN, "app_url": f"{base_url}{SlackApi.path}", "channel": "#{{ receiver }}", **changes}
    )


def refused(http: Http, answer: dict[str, Any], headers: dict[str, str]) -> SendError:
    """Returns the error of a message that is answered so."""
    with HttpServer() as server:
        # To each size of it the same.
        for _ in range(5):
            server.answer_next(200, json.dumps(answer).encode(), headers)
        with pytest.raises(SendError) as raised:
            Action(settings(server.base_url), http).send(notifications.seed(), Thread(), 5)
    return raised.value


def test_posts_into_the_channel(http: Http) -> None:
    """The same message as a webhook's, with the token in a header and nowhere else."""
    with SlackApi() as slack:
        receipt = Action(settings(slack.base_url, update_message=False), http).send(
            notifications.seed(), Thread(key="x"), 5
        )
        (message,) = slack.messages
        (request,) = slack.requests
    assert Receipt("posted", Thread(key="x")) == receipt
    assert "#on-call" == message["channel"]
    assert message["text"].startswith("🔴 *[FIRING] KubePodCrashLooping*")
    assert TOKEN not in request.body.decode()


@pytest.mark.parametrize(
    ("error", "permanent", "throttled"),
    [
        ("channel_not_found", True, False),
        ("not_in_channel", True, False),
        ("invalid_auth", True, False),
        ("token_revoked", True, False),
        ("msg_too_long", True, False),
        ("invalid_blocks", True, False),
        ("ratelimited", False, True),
        ("rate_limited", False, True),
        ("internal_error", False, False),
        ("fatal_error", False, False),
        ("service_unavailable", False, False),
        ("request_timeout", False, False),
    ],
)
def test_judges_an_error(http: Http, error: str, permanent: bool, throttled: bool) -> None:
    """Whether sending the same again can help, and how long Slack wants to be left alone."""
    raised = refused(http, {"ok": False, "error": error}, {**JSON, "Retry-After": "7"})
    told = (str(raised), raised.permanent, raised.throttled, raised.retry_after_seconds)
    assert (f"Slack: {error}", permanent, throttled, 7.0) == told


def test_says_what_is_wrong_with_blocks(http: Http) -> None:
    """Slack's reasons reach the operator, the token does not."""
    answer = {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [f"[ERROR] no {TOKEN} here"]}}
    assert 'Slack: invalid_blocks: ["[ERROR] no *** here"]' == str(refused(http, answer, JSON))


def test_a_webhooks_url_of_the_web_api_is_judged_as_such(http: Http) -> None:
    """The token may be in `http_config`, as was usual before Alertmanager knew of apps."""
    with SlackApi() as slack:
        wanted = {"api_url": slack.url, "channel": "#ops", "http_config": {"authorization": {"credentials": TOKEN}}}
        made = Settings.model_validate(wanted)
        assert made.http_config is not None
        connections = made.http_config.connect()
        assert "posted" == Action(made, connections).send(notifications.seed(), Thread(), 5).detail
        slack.token = "another"
        with pytest.raises(SendError, match="invalid_auth") as raised:
            Action(made, connections).send(notifications.seed(), Thread(), 5)
        connections.close()
    assert raised.value.permanent


def test_a_channel_that_comes_to_nothing_is_an_error(http: Http) -> None:
    """There is nowhere to post to, now or later."""
    with SlackApi() as slack:
        for channel, expected in (("{{ nothing.there }}", "channel: "), ("{{ '' }}", "channel: is empty")):
            with pytest.raises(SendError, match=expected) as raised:
                Action(settings(slack.base_url, channel=channel), http).send(notifications.seed(), Thread(), 5)
            assert raised.value.permanent
        assert [] == slack.requests


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"channel": " "}, "needs a channel"),
        ({"http_config": {"authorization": {"credentials": "x"}}}, "has both an app_token and an http_config"),
        (
            {"http_config": {"basic_auth": {"username": "x", "password": "y"}}},
            "has both an app_token and an http_config",
        ),
        ({"api_url": "https://a.example"}, "has both api_url and app_token"),
        ({"app_token_file": "/x"}, "has both app_token and app_token_file"),
        ({"link_names": "true"}, "<!subteam"),
        ({"actions": [{"type": "select", "text": "a", "url": "b"}]}, "'button'"),
    ],
)
def test_a_token_and_another_identity_are_refused(changes: dict[str, Any], expected: str) -> None:
    """As Alertmanager does; and what would let a label ping."""
    with pytest.raises(ValidationError, match=expected):
        settings("https://a.example", **changes)


RECEIVER = "route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n  - "
TOKEN_AND_CHANNEL = "global: {slack_app_token: t, slack_app_url: 'https://app.example'}\n"
URL = "global: {slack_api_url: 'https://global.example'}\n"
BOTH = "global: {slack_app_token: t, slack_api_url: 'https://slack.com/api/chat.postMessage'}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{TOKEN_AND_CHANNEL}{RECEIVER}{{channel: c}}", ("t", None, "https://app.example")),
        (
            f"{TOKEN_AND_CHANNEL}{RECEIVER}{{channel: c, app_url: 'https://o.example'}}",
            ("t", None, "https://o.example"),
        ),
        (f"{TOKEN_AND_CHANNEL}{RECEIVER}{{api_url: 'https://o'}}", (None, "https://o", "https://app.example")),
        (f"{TOKEN_AND_CHANNEL}{RECEIVER}{{app_token: own, channel: c}}", ("own", None, "https://app.example")),
        (f"{URL}{RECEIVER}{{app_token: own, channel: c}}", ("own", None, "https://slack.com/api/chat.postMessage")),
        (f"{BOTH}{RECEIVER}{{channel: c}}", ("t", None, "https://slack.com/api/chat.postMessage")),
        (
            f"{BOTH}{RECEIVER}{{channel: c, http_config: {{authorization: {{credentials: x}}}}}}",
            (None, "https://slack.com/api/chat.postMessage", "https://slack.com/api/chat.postMessage"),
        ),
    ],
)
def test_one_way_is_taken_from_global(tmp_path: Path, text: str, expected: tuple[str | None, ...]) -> None:
    """The action's own, whichever it is; the variable's only where there is none."""
    path = tmp_path / "f.yml"
    path.write_text(text)
    made: Configuration = load_file(path, {"SLACK_WEBHOOK_URL": "https://variable.example"})
    (only,) = made.receivers[0].actions
    assert isinstance(only.settings, Settings)
    token, url = only.settings.app_token, only.settings.api_url
    assert expected == (token and token.get_secret_value(), url and url.get_secret_value(), only.settings.app_url)


def test_a_webhook_cannot_edit(tmp_path: Path) -> None:
    """It is said where that is wanted, and where it can be done it is not."""
    path = tmp_path / "f.yml"
    for way, wanted, count in (
        ("api_url: 'https://a.example'", "true", 1),
        ("api_url: 'https://a.example'", "false", 0),
        ("app_token: t", "true", 0),
    ):
        path.write_text(f"{RECEIVER}{{{way}, channel: c, update_message: {wanted}}}")
        warnings = load_file(path).warnings
        assert count == len([each for each in warnings if "update_message: has no effect" in each])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, True)),
        ({"send_resolved": False}, (False, False)),
        ({"update_message": False}, (False, False)),
        ({"update_message": False, "send_resolved": True}, (True, False)),
    ],
)
def test_a_kept_message_hears_of_ends(changes: dict[str, Any], expected: tuple[bool, bool]) -> None:
    """Unless it is not wanted; then each change is a message."""
    made = settings("https://a.example", **changes)
    assert expected == (made.send_resolved, made.timeline)
