"""Who one is to a far side: headers, a user or a token, whose secrets may be in files."""

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.base import SecretError
from config.http import HeadedSettings
from outbound import OutboundError
from tests.far_sides.http_server import HttpServer


def headers(**given: Any) -> dict[str, str]:
    """Returns what is sent along."""
    return HeadedSettings.model_validate(given).request_headers()


def test_nothing_is_sent_along_that_was_not_said() -> None:
    """Without anything there are no headers."""
    assert {} == headers()


def test_sends_headers_and_a_user(tmp_path: Path) -> None:
    """Headers as they are, beside a user with a password, which a file may hold."""
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    expected = {"X-Scope-OrgID": "team-a", "Authorization": "Basic " + base64.b64encode(b"us:s3cret").decode()}
    for password in ({"password": "s3cret"}, {"password_file": str(file)}):
        assert expected == headers(headers={"X-Scope-OrgID": "team-a"}, basic_auth={"username": "us", **password})


def test_a_token_is_read_anew(tmp_path: Path) -> None:
    """A file that is rotated counts with the next request; one that is away is an error that names it."""
    file = tmp_path / "token"
    settings = HeadedSettings.model_validate({"authorization": {"credentials_file": str(file)}})
    with pytest.raises(SecretError, match="token: No such file"):
        settings.request_headers()
    for token in ("one", "two"):
        file.write_text(token)
        assert {"Authorization": f"Bearer {token}"} == settings.request_headers()
    assert {"Authorization": "Token x"} == headers(authorization={"type": "Token", "credentials": "x"})


@pytest.mark.parametrize(
    "given",
    [
        {"headers": {"X Y": "a"}},
        {"headers": {"": "a"}},
        {"headers": {"Host": "a"}},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X": " a"}},
        {"headers": {"X": "\u2028"}},
        {"basic_auth": {"username": "a:b", "password": "c"}},
        {"basic_auth": {"username": "a", "password": "c", "password_file": "d"}},
        {"authorization": {}},
    ],
)
def test_refuses_what_no_request_can_carry(given: dict[str, Any]) -> None:
    """Names and values that would break a header, and identities that are none."""
    with pytest.raises(ValidationError):
        headers(**given)


def test_secrets_are_not_shown() -> None:
    """Settings printed by mistake tell no secret."""
    settings = HeadedSettings.model_validate(
        {"headers": {"X": "s3cret"}, "basic_auth": {"username": "a", "password": "s3cret"}}
    )
    assert "s3cret" not in repr(settings)


def test_connections_say_who_one_is(tmp_path: Path) -> None:
    """By themselves, with each request anew; all of it is secret, and no secret is no request."""
    file = tmp_path / "token"
    settings = HeadedSettings.model_validate(
        {"authorization": {"credentials_file": str(file)}, "headers": {"X-Scope-OrgID": "team"}}
    )
    with HttpServer() as server:
        http = settings.connect()
        with pytest.raises(OutboundError, match="token: No such file or directory"):
            http.get(server.url, deadline_seconds=5)
        file.write_text("s3cret")
        answer = http.get(server.url, deadline_seconds=5)
        (request,) = server.requests
    assert ("Bearer s3cret", "team") == (request.headers["Authorization"], request.headers["X-Scope-OrgID"])
    assert {"s3cret", "team"} == set(answer.secrets)
