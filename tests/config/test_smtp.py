"""The mail server that `global` names, and how one is named at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.http import TlsConfig
from config.schema import Configuration

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

MAIL = "route: {receiver: a}\nreceivers:\n- name: a\n  email_configs:\n  - to: on-call@example.com\n"
GLOBAL = """
global:
  smtp_from: Alerts <alerts@example.com>
  smtp_smarthost: smtp.example.com:587
  smtp_hello: alerts.example.com
  smtp_auth_username: us
  smtp_auth_password: pass
  smtp_auth_secret_file: {secret}
  smtp_auth_identity: them
  smtp_require_tls: false
  smtp_tls_config: {{server_name: mail.example.com}}
  smtp_force_implicit_tls: true
"""


def settings(configuration: Configuration) -> Any:
    """Returns the settings of the first action."""
    return configuration.receivers[0].actions[0].settings


def test_global_stands_in(load_yaml: Load, tmp_path: Path) -> None:
    """Each key of `smtp_*` is that of an element that has none of its own."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    found = settings(load_yaml(MAIL + GLOBAL.format(secret=secret)))
    expected = {
        "from": "Alerts <alerts@example.com>",
        "smarthost": "smtp.example.com:587",
        "hello": "alerts.example.com",
        "username": "us",
        "password": "pass",
        "secret": secret,
        "identity": "them",
        "require": False,
        "tls": TlsConfig(server_name="mail.example.com"),
        "implicit": True,
    }
    assert expected == {
        "from": found.from_.source,
        "smarthost": str(found.smarthost),
        "hello": found.hello,
        "username": found.auth_username,
        "password": found.auth_password.get_secret_value(),
        "secret": found.auth_secret_file,
        "identity": found.auth_identity,
        "require": found.require_tls,
        "tls": found.tls_config,
        "implicit": found.force_implicit_tls,
    }


def test_its_own_goes_first(load_yaml: Load, tmp_path: Path) -> None:
    """An element's keys are its own, an empty user is none, and a password's file stands for its twin."""
    password = tmp_path / "password"
    password.write_text("x")
    own = (
        f"    smarthost: '[::1]:25'\n    auth_username: ''\n    auth_password_file: {password}\n    require_tls: true\n"
    )
    found = settings(load_yaml(MAIL + own + GLOBAL.format(secret=password)))
    assert ("[::1]:25", "", None, password, True) == (
        str(found.smarthost),
        found.auth_username,
        found.auth_password,
        found.auth_password_file,
        found.require_tls,
    )


def test_without_global_it_needs_its_own(problems_of: Problems) -> None:
    """Whom it is from and by which server is said nowhere then; TLS is required unless something else is said."""
    expected = [
        "f.yml:5:5 receivers[0].email_configs[0].from: is missing",
        "f.yml:5:5 receivers[0].email_configs[0].smarthost: is missing",
    ]
    assert expected == problems_of(MAIL)


def test_alertmanagers_defaults_hold(load_yaml: Load) -> None:
    """Those of Alertmanager 0.34: no ends, TLS, "localhost"; but mails of one group are one conversation."""
    found = settings(load_yaml(MAIL + "    from: a@example.com\n    smarthost: smtp.example.com:25\n"))
    assert (False, True, "localhost", None) == (
        found.send_resolved,
        found.require_tls,
        found.hello,
        found.force_implicit_tls,
    )
    assert (True, "none") == (found.threading.enabled, found.threading.thread_by_date)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("smtp_smarthost: smtp.example.com", "f.yml:2:3 global.smtp_smarthost: should be a host and a port, such as "),
        ("smtp_require_tls: perhaps", "f.yml:2:3 global.smtp_require_tls: should be true or false"),
        ("smtp_hello: 'two words'", "f.yml:2:3 global.smtp_hello: should be a host's name"),
        ("smtp_auth_pasword: s3cret", "f.yml:2:3 global.smtp_auth_pasword: is no key here; did you mean smtp_auth_"),
        (
            "smtp_auth_password: s3cret\n  smtp_auth_password_file: /x",
            "f.yml:1:1 global: has both smtp_auth_password and smtp_auth_password_file",
        ),
        ("smtp_tls_config: {ca: x}", "f.yml:2:21 global.smtp_tls_config.ca: is not read from here: put it into a file"),
    ],
)
def test_says_what_is_wrong_with_global_once(problems_of: Problems, line: str, message: str) -> None:
    """In its place, and not again for each element that it stands in for."""
    own = "    from: a@example.com\n" + ("" if "smarthost" in line else "    smarthost: smtp.example.com:25\n")
    (found,) = problems_of(f"global:\n  {line}\n{MAIL}{own}")
    assert found.startswith(message)
    assert "s3cret" not in found
