"""`http_config`: who one is to a far side, whom one takes it for, and by which way it is reached."""

import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.base import SecretError
from config.http_config import HttpActionSettings, HttpConfig
from config.schema import Configuration
from outbound import OutboundError, Proxy, Tls
from tests.far_sides.certificate import make_certificate
from tests.far_sides.http_server import HttpServer

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

SMALL = "route: {receiver: a}\nreceivers:\n- name: a\n"
SLACK = f"{SMALL}  slack_configs:\n  - api_url: https://a.example/x\n"


def made(**given: Any) -> HttpConfig:
    """Returns settings as a file would give them."""
    return HttpConfig.model_validate(given)


def test_an_empty_one_is_as_the_environment_says() -> None:
    """Nothing set is nobody in particular, by the usual way."""
    settings = made()
    assert ({}, ()) == (settings.identity().headers, settings.identity().secrets)
    assert (None, None) == (settings.tls(), settings.proxy())


def test_a_user_may_stand_in_files(tmp_path: Path) -> None:
    """Both halves are read anew at each use."""
    user, password = tmp_path / "user", tmp_path / "password"
    settings = made(basic_auth={"username_file": str(user), "password_file": str(password)})
    for name in ("one", "two"):
        user.write_text(f"{name}\n")
        password.write_text("s3cret\n")
        pair = base64.b64encode(f"{name}:s3cret".encode()).decode()
        assert {"Authorization": f"Basic {pair}"} == settings.identity().headers
        assert (pair, "s3cret") == settings.identity().secrets
    user.write_text("a:b")
    with pytest.raises(SecretError, match="colon"):
        settings.identity()


def test_headers_have_values_secrets_and_files(tmp_path: Path) -> None:
    """All of one header's go along together; only what is said to be secret is."""
    file = tmp_path / "header"
    file.write_text("from-file\n")
    settings = made(
        authorization={"credentials": "token"},
        http_headers={"X-Team": {"values": ["a", "b"]}, "X-Key": {"secrets": ["s3cret"], "files": [str(file)]}},
    )
    expected = {"Authorization": "Bearer token", "X-Team": "a, b", "X-Key": "s3cret, from-file"}
    assert expected == settings.identity().headers
    assert ("token", "s3cret", "from-file") == settings.identity().secrets
    file.write_text("two\nlines")
    with pytest.raises(SecretError, match="header: is no value of a header"):
        settings.identity()


def test_a_proxy_is_the_way() -> None:
    """Its URL, whom it is not for, and what it is told; without one, "not the environment's" is the direct way."""
    settings = made(
        proxy_url="http://us:s3cret@proxy:3128", no_proxy="a.example", proxy_connect_header={"X": ["a", "b"]}
    )
    assert Proxy("http://us:s3cret@proxy:3128", "a.example", {"X": "a, b"}) == settings.proxy()
    assert Proxy() == made(proxy_from_environment="false").proxy()
    assert made(proxy_from_environment="true").proxy() is None
    for told in (repr(settings), repr(settings.proxy()), settings.model_dump_json()):
        assert "s3cret" not in told


def test_certificates_and_versions() -> None:
    """As Prometheus writes them."""
    given = {"ca_file": "/ca", "server_name": "a", "insecure_skip_verify": "true", "min_version": "TLS13"}
    expected = Tls(Path("/ca"), server_name="a", insecure=True, oldest=ssl.TLSVersion.TLSv1_3)
    assert expected == made(tls_config=given).tls()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"proxy_url": "socks5://a:1"}, "should be an http:// URL"),
        ({"proxy_url": "https://a:1"}, "should be an http:// URL"),
        ({"proxy_url": "hunter2"}, "is not an http:// or https:// URL"),
        ({"proxy_url": "http://a", "proxy_from_environment": "true"}, "both proxy_url and proxy_from_environment"),
        ({"no_proxy": "a"}, "no proxy_url that it would be of"),
        ({"proxy_connect_header": {"X": ["hunter2"]}}, "no proxy_url that it would be of"),
        ({"proxy_url": "http://a", "proxy_connect_header": {"X": ["hunter2\n"]}}, "is no value of a header"),
        ({"http_headers": {"Authorization": {"secrets": ["hunter2"]}}}, "is set by itself"),
        ({"http_headers": {"X Y": {"secrets": ["hunter2"]}}}, "is no name of a header"),
        ({"http_headers": {"X": {"values": ["a\r\nB: c"]}}}, "is no value of a header"),
        ({"basic_auth": {"password": "hunter2"}}, "needs username or username_file"),
        ({"authorization": {"type": "basic", "credentials": "hunter2"}}, "basic_auth does that"),
        ({"authorization": {"type": "A B", "credentials": "hunter2"}}, "a type that is no word"),
        (
            {"authorization": {"credentials": "hunter2"}, "basic_auth": {"username": "a", "password": "hunter2"}},
            "both basic_auth and authorization",
        ),
        ({"tls_config": {"min_version": "TLS13", "max_version": "TLS12"}}, "min_version above its max_version"),
        ({"tls_config": {"min_version": "TLS10"}}, "TLS12"),
        ({"tls_config": {"cert_file": "/a"}}, "needs both cert_file and key_file"),
    ],
)
def test_refuses_what_cannot_be(given: dict[str, Any], expected: str) -> None:
    """What contradicts itself or cannot go over HTTP, with the reason and without any value."""
    with pytest.raises(ValidationError) as raised:
        made(**given)
    assert expected in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("bearer_token: hunter2", "bearer_token", "write authorization: {credentials: ...}"),
        ("bearer_token_file: /x", "bearer_token_file", "write authorization: {credentials_file: ...}"),
        ("oauth2: {client_secret: hunter2}", "oauth2", "credentials_file"),
        ("basic_auth: {username: a, password_ref: b}", "basic_auth.password_ref", "password_file names a file"),
        ("tls_config: {ca: hunter2}", "tls_config.ca", "put it into a file, and write ca_file"),
        ("http_headers: {X: {value: hunter2}}", "http_headers.X.value", "did you mean values?"),
    ],
)
def test_refuses_by_name_what_it_does_not_do(problems_of: Problems, text: str, key: str, expected: str) -> None:
    """What Prometheus takes and this does not is told with what to write instead, where it stands."""
    problems = problems_of(f"{SLACK}    http_config: {{{text}}}\n")
    told = [each for each in problems if f"receivers[0].slack_configs[0].http_config.{key}: " in each]
    assert told
    assert expected in told[0]
    assert "hunter2" not in "".join(problems)


def test_what_has_no_effect_is_a_warning_where_it_stands(load_yaml: Load) -> None:
    """Once, though `global` is every action's; what is said as it is done anyway is none."""
    text = f"global:\n  http_config: {{follow_redirects: true, enable_http2: true}}\n{SLACK}  - api_url: https://b.example\n"
    warnings = [each.partition("f.yml")[2] for each in load_yaml(text).warnings]
    redirects, http2 = sorted(warnings)
    assert redirects.startswith(":2:17 global.http_config.follow_redirects: has no effect")
    assert http2.startswith(":2:41 global.http_config.enable_http2: has no effect")
    assert () == load_yaml(f"{SLACK}    http_config: {{follow_redirects: false}}\n").warnings


def settings(configuration: Configuration) -> HttpActionSettings:
    """Returns the settings of the only action."""
    (only,) = configuration.receivers[0].actions
    assert isinstance(only.settings, HttpActionSettings)
    return only.settings


def test_global_is_that_of_every_action_that_has_none(load_yaml: Load) -> None:
    """An action's own takes its place whole."""
    given = "global: {http_config: {proxy_url: 'http://proxy', authorization: {credentials: a}}}\n"
    assert made(proxy_url="http://proxy", authorization={"credentials": "a"}) == (
        settings(load_yaml(f"{given}{SLACK}")).http_config
    )
    own = settings(load_yaml(f"{given}{SLACK}    http_config: {{authorization: {{credentials: b}}}}\n"))
    assert made(authorization={"credentials": "b"}) == own.http_config
    assert settings(load_yaml(SLACK)).http_config is None


def test_what_is_wrong_with_global_is_told_once(problems_of: Problems) -> None:
    """Not for each action that would have it."""
    text = "global: {http_config: {proxy_url: hunter2}, slack_api_url: hunter2}\n"
    text += f"{SMALL}  slack_configs: [{{}}, {{}}]\n"
    assert [
        "f.yml:1:24 global.http_config.proxy_url: is not an http:// or https:// URL",
        "f.yml:1:45 global.slack_api_url: is not an http:// or https:// URL",
    ] == problems_of(text)


@pytest.mark.parametrize(("timeout", "expected"), [("0s", 10.0), ("3s", 3.0), ("1m", 10.0)])
def test_an_attempt_takes_no_longer_than_its_timeout(timeout: str, expected: float) -> None:
    """Nor longer than its deadline; none is no other limit."""
    assert expected == HttpActionSettings.model_validate({"timeout": timeout}).within(10.0)


def test_connections_are_as_it_says(tmp_path: Path) -> None:
    """To a far side whose certificate is one's own, with a user whose password is in a file; else the file is named."""
    password = tmp_path / "password"
    certificate = make_certificate(tmp_path)
    settings = made(
        basic_auth={"username": "us", "password_file": str(password)}, tls_config={"ca_file": str(certificate[0])}
    )
    http = settings.connect()
    server = HttpServer()
    server.speak_tls(certificate)
    with server:
        with pytest.raises(OutboundError, match="password: No such file"):
            http.post(server.url, data=b"{}", deadline_seconds=5)
        password.write_text("s3cret")
        answer = http.post(server.url, data=b"{}", deadline_seconds=5)
        (request,) = server.requests
    http.close()
    pair = base64.b64encode(b"us:s3cret").decode()
    assert f"Basic {pair}" == request.headers["Authorization"]
    assert (200, (pair, "s3cret")) == (answer.status, answer.secrets)
