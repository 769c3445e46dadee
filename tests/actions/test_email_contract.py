"""Email against each answer that a mail server has, at each step, and against whatever an alert may hold."""

import base64
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from actions.email import Action
from alerts.notification import Image, Notification, SendError, Thread
from outbound import Http
from tests.actions import notifications
from tests.actions.notifications import alert, notification
from tests.actions.test_email import DEADLINE_SECONDS, GRACE_SECONDS, PNG, failed, made, pictures
from tests.far_sides import smtp
from tests.far_sides.smtp import MailServer, scripted

USER, PASSWORD = "us", "s3cret-passw0rd"
LOGIN = {"auth_username": USER, "auth_password": PASSWORD}
# RFC 5321 (4.2.3), 4954 (AUTH: 432, 454, 500, 530, 534, 535, 538), 3207 (STARTTLS: 454, 501), 1870 (SIZE: 452, 552),
# 7504 (521, 556) and 8689 (550): https://www.iana.org/assignments/smtp-enhanced-status-codes
CODES = (421, 432, 450, 451, 452, 454, 455)
PERMANENT = (500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555, 556)
# Each step, what the server offers so that it comes to it, and how the error calls it.
STEPS: dict[str, tuple[bytes, str]] = {
    "greeting": (b"", "the greeting"),
    "STARTTLS": (b"250 STARTTLS", "STARTTLS"),
    "AUTH": (b"250 AUTH PLAIN", "AUTH"),
    "LOGIN": (b"250 AUTH LOGIN", "AUTH"),
    "CRAM": (b"250 AUTH CRAM-MD5", "AUTH"),
    "MAIL": (b"", "MAIL FROM"),
    "RCPT": (b"", "does not take recipient on-call@example.com"),
    "DATA": (b"", "DATA"),
    "end": (b"", "the end of the mail"),
}


def server_answers(step: str, answer: bytes | smtp.Behaviour) -> tuple[Mapping[str, Any], bytes, dict[str, Any]]:
    """Returns what a server is to do so that a step has an answer, what it offers, and what settings it takes."""
    offered = b"250-here\r\n" + (STEPS[step][0] or b"250 SIZE 1000000") + b"\r\n"
    user, secret = (base64.b64encode(each.encode()).decode().upper() for each in (USER, PASSWORD))
    challenge = b"334 " + base64.b64encode(b"<1@here>") + b"\r\n"
    changes: dict[str, Any] = {step: answer}
    changes |= {"LOGIN": {"AUTH": b"334 \r\n", user: b"334 \r\n", secret: answer}}.get(step, {})
    if step == "CRAM":
        digest = hmac.new(PASSWORD.encode(), b"<1@here>", "md5").hexdigest()
        changes |= {"AUTH": challenge, base64.b64encode(f"{USER} {digest}".encode()).decode().upper(): answer}
    login: dict[str, Any] = {"LOGIN": LOGIN, "AUTH": LOGIN, "CRAM": {"auth_username": USER, "auth_secret": PASSWORD}}
    return changes, offered, {"require_tls": step == "STARTTLS", **login.get(step, {})}


@pytest.mark.parametrize("code", [*CODES, *PERMANENT])
@pytest.mark.parametrize("step", STEPS)
def test_judges_each_code_at_each_step(http: Http, step: str, code: int) -> None:
    """4xx may be better the next time, 5xx is not; the error says where it was and has the server's words."""
    changes, offered, settings = server_answers(step, f"{code} because\r\n".encode())
    with scripted(changes, hello=offered) as seen:
        error = failed(seen.port, http, **settings)
    assert (code in PERMANENT) == error.permanent
    where = STEPS[step][1] if (step, code) != ("RCPT", 421) else "recipient on-call@example.com"
    assert f": {where}: {code} because" in str(error)
    assert (step == "end") == bool(seen.mails)


@pytest.mark.parametrize("trouble", [smtp.hang, smtp.close, smtp.drip, smtp.talk, smtp.nonsense, smtp.long_line])
@pytest.mark.parametrize("step", ["STARTTLS", "AUTH", "LOGIN", "CRAM"])
def test_trouble_at_these_steps_is_retryable_in_time(http: Http, step: str, trouble: smtp.Behaviour) -> None:
    """As at all others: a dropped connection, silence, and answers that are none or never end."""
    changes, offered, settings = server_answers(step, trouble)
    with scripted(changes, hello=offered) as seen:
        before = time.monotonic()
        error = failed(seen.port, http, DEADLINE_SECONDS, **settings)
        assert time.monotonic() - before < DEADLINE_SECONDS + GRACE_SECONDS
    assert (False, []) == (error.permanent, seen.mails)


@pytest.mark.parametrize("answer", [b"334 no base64!\r\n", b"334 \r\n", b"334 " + b"A" * 900 + b"\r\n"])
def test_a_challenge_that_is_none_is_retryable(http: Http, answer: bytes) -> None:
    """What cannot be read, or is empty, is no reason to fall down; nothing is told of the secret."""
    with scripted({"AUTH": answer}, hello=b"250-here\r\n250 AUTH CRAM-MD5\r\n") as seen:
        error = failed(seen.port, http, auth_username=USER, auth_secret=PASSWORD)
    assert "AUTH" in str(error)
    assert [] == seen.mails


@pytest.mark.parametrize("code", [421, 450, 502, 504, 521, 550, 554])
def test_a_server_that_greets_nobody_is_an_error(http: Http, code: int) -> None:
    """Neither EHLO nor HELO: what is said to the last one counts."""
    with scripted({"HELO": f"{code} because\r\n".encode()}, hello=f"{code} because\r\n".encode()) as seen:
        error = failed(seen.port, http)
    assert (code >= 500) == error.permanent
    assert f": {'HELO' if code >= 500 else 'EHLO'}: {code} because" in str(error)


@pytest.mark.parametrize("code", [450, 451, 452, 550, 551, 552, 553, 554])
def test_no_answer_to_one_loses_the_others(http: Http, code: int) -> None:
    """Whatever is said of the first recipient, the second has it, and the first is named."""
    with MailServer(answers={"a@example.com": f"{code} because"}) as server:
        action = made(server.smarthost, http, to="a@example.com, b@example.com")
        detail = action.send(notifications.seed(), Thread(), 5).detail
        (mail,) = server.mails
    assert ["b@example.com"] == mail.recipients
    assert f"sent to 1 of 2 recipients; not to a@example.com: {code} because" == detail


@pytest.mark.parametrize("stage", ["MAIL", "end"])
def test_a_mail_that_is_too_large_goes_smaller(http: Http, stage: str) -> None:
    """At once, and with less and less: a page is told though a server takes no pictures, nor HTML."""
    with MailServer() as server, pictures(PNG + b"x" * 60_000) as src:
        server.largest_bytes = 30_000 if stage == "MAIL" else server.largest_bytes
        server.final = ["552 5.3.4 too big"] if stage == "end" else []
        told = replace(notifications.seed(), images=(Image(src, "CPU"),))
        detail = made(server.smarthost, http).send(told, Thread(), 5).detail
        (mail,) = server.mails
    assert ("sent shortened to 1 recipient: 250 2.0.0 queued as 1", 1) == (detail, server.connections)
    assert ["text/plain", "text/html"] == [each.get_content_type() for each in mail.message.iter_parts()]
    assert "left out, as the mail was too large: pictures" in mail.part("text/html")


def test_a_mail_may_become_text_alone(http: Http) -> None:
    """Where HTML is too much, too, whosever it is; and what is still too large is an error for good."""
    for changes in ({}, {"html": "<p>" + "x" * 100_000}):
        with MailServer(largest_bytes=5_000) as server:
            made(server.smarthost, http, **changes).send(notifications.seed(), Thread(), 5)
            (mail,) = server.mails
        assert "text/plain" == mail.message.get_content_type()
        assert "[FIRING] KubePodCrashLooping" in mail.part("text/plain")
        assert "left out, as the mail was too large: HTML" in mail.part("text/plain")
    with MailServer(largest_bytes=100) as server:
        error = failed(server.port, http)
    assert (True, []) == (error.permanent, server.mails)
    assert "MAIL FROM: 552" in str(error)


HOSTILE = [
    "x\r\nBcc: everybody@example.com\r\n\r\nbody",
    "x\nBcc: everybody@example.com",
    "x\rBcc: everybody@example.com",
    "x\u2028Bcc: everybody@example.com\u0085y",
    "x\x00\x0b\x0c\x1c\x1dBcc: everybody@example.com",
    "\u202egnp.exe\u2066 \u200f\u061c",
    "=?utf-8?q?Bcc=3A?= \r\n =?utf-8?b?eA==?=",
    "<script>alert(1)</script>",
    ".\r\n.\r\nMAIL FROM:<x@y>",
    "é🔥" * 2_000,
    "x" * 100_000,
]
HEADERS = ("Subject", "X-Label", "Reply-To", "To", "From", "Cc", "Sender", "Message-ID", "List-Id", "Precedence")


def _hostile(text: str) -> Notification:
    return notification(
        alert({"alertname": text, "pod": text, "severity": text}, {"summary": text, "description": text}),
        page_url=f"https://alerts.example/{text}",
    )


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(each)[:40] for each in HOSTILE])
def test_no_header_holds_more_than_it_was_given(http: Http, text: str) -> None:
    """Every header that a template may fill, filled with what an alert holds, is one header and on one line."""
    with MailServer() as server:
        headers = dict.fromkeys(HEADERS, "{{ common_labels.alertname }}")
        made(server.smarthost, http, headers=headers).send(_hostile(text), Thread(), 5)
        (mail,) = server.mails
    assert (["on-call@example.com"], "alerts@example.com") == (mail.recipients, mail.sender)
    ours = {"auto-submitted", "x-auto-response-suppress", "date", "mime-version", "content-type"}
    ours |= {"x-alert-manager-template-errors"}
    assert {name.lower() for name in mail.message.keys()} <= ours | {name.lower() for name in HEADERS}  # noqa: SIM118  # of headers
    for name in mail.message.keys():  # noqa: SIM118
        assert 1 == len(mail.message.get_all(name) or [])
        assert not re.search("[\r\n\u2028\u0085\u202a-\u202e\u2066-\u2069\u200f\u061c]", str(mail.message[name])), name
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    for part in (mail.part("text/plain"), mail.part("text/html")):
        assert not re.search("[\x00\u202a-\u202e\u2066-\u2069]", part)
    assert "<script>" not in mail.part("text/html")
    assert 110_000 > len(mail.content)


@pytest.mark.parametrize("key", ["to", "from"])
@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(each)[:40] for each in HOSTILE])
def test_no_address_holds_more_than_one_may(http: Http, key: str, text: str) -> None:
    """What an alert holds is an address or none: nobody is told who was not named, and no command is said."""
    pod = "{{ common_labels.pod }}"
    for template in (pod, f"{pod}@example.com", f'"{pod}" <a@b.example>'):
        with scripted({}) as seen:
            error = _error(made(f"127.0.0.1:{seen.port}", http, **{key: template}), _hostile(text))
        said = [line.upper() for line in seen.commands if line[:4].upper() in (b"MAIL", b"RCPT")]
        assert (0 if error else 2) == len(said)
        assert not [line for line in said if b"EVERYBODY" in line or b"X@Y" in line]
        assert error is None or (error.permanent and len(str(error)) < 400 and str(error).isprintable())


def _error(action: Action, told: Notification) -> SendError | None:
    try:
        action.send(told, Thread(), 5)
    except SendError as error:
        return error
    return None


def test_what_a_user_writes_is_bounded(http: Http) -> None:
    """Texts of 100 KB go as they are; what is longer is cut and not lost."""
    with MailServer() as server:
        long = "{% for i in range(4000) %}{{ leading.summary }} {% endfor %}"
        told = notification(alert(annotations={"summary": "x" * 100}))
        made(server.smarthost, http, text="y" * 100_000, html=long).send(told, Thread(), 5)
        (mail,) = server.mails
    assert 100_000 <= len(mail.part("text/plain").strip()) <= 100_001
    assert 200_000 == len(mail.part("text/html").strip())
