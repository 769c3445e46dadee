"""Email: what is sent through a real mail server, and what becomes of it where the server is in trouble."""

import base64
import hmac
import re
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actions import Action as AnAction
from actions._smtp_connection import Connection, Server
from actions._smtp_login import Login, log_in
from actions.email import Action, Settings
from alerts.notification import Image, Notification, Receipt, SendError, Thread
from config.base import PaceSettings
from config.smtp import HostPort
from outbound import Http, Tls
from tests.actions import notifications
from tests.actions.contract import ActionContract
from tests.actions.notifications import alert, notification
from tests.far_sides import smtp
from tests.far_sides.certificate import make_certificate
from tests.far_sides.http_server import HttpServer
from tests.far_sides.process import free_port
from tests.far_sides.smtp import MailServer, Received, scripted

PASSWORD = "s3cret-passw0rd"
DEADLINE_SECONDS = 0.3
GRACE_SECONDS = 0.7
PNG = b"\x89PNG\r\n\x1a\nand so on"
TROUBLES = (smtp.hang, smtp.close, smtp.drip, smtp.talk, smtp.nonsense, smtp.long_line)
BEFORE_THE_END = [stage for stage in smtp.STAGES if stage != "QUIT"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that speaks no TLS and takes everything."""
    with MailServer() as far_side:
        yield far_side


def made(smarthost: str, http: Http, **changes: Any) -> Action:
    """Returns an action that leads to a server."""
    given = {"to": "on-call@example.com", "from": "alerts@example.com", "smarthost": smarthost, "require_tls": False}
    return Action(Settings.model_validate({**given, **changes}), http)


def mailed(
    server: MailServer, http: Http, told: Notification | None = None, thread: Thread | None = None, **changes: Any
) -> Received:
    """Sends one mail and returns it as it came."""
    made(server.smarthost, http, **changes).send(told or notifications.seed(), thread or Thread(), 5)
    return server.mails[-1]


def failed(port: int, http: Http, deadline_seconds: float = 5.0, **changes: Any) -> SendError:
    """Returns the error of a mail that is not taken."""
    with pytest.raises(SendError) as raised:
        made(f"127.0.0.1:{port}", http, **changes).send(notifications.seed(), Thread(), deadline_seconds)
    told = "".join((str(raised.value), *traceback.format_exception(raised.value)))
    for secret in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode()):
        assert secret not in told
    assert str(raised.value).startswith(f"127.0.0.1:{port}: ")
    assert len(str(raised.value)) <= 400
    return raised.value


class TestEmailContract(ActionContract):
    """What every action holds."""

    kind = "email"

    @pytest.fixture
    def action(self, http: Http, server: MailServer) -> Iterator[AnAction]:
        """The action at a server that takes everything."""
        yield made(server.smarthost, http)  # noqa: PT022  # as ActionContract has it


def test_sends_a_mail(server: MailServer, http: Http) -> None:
    """Headers, plain text and HTML, to all recipients."""
    told = replace(notifications.seed(), delivery_id=7)
    action = made(server.smarthost, http, to="a@example.com, On Call <b@example.com>", hello="alerts.test")
    receipt = action.send(told, Thread(), 5)
    (mail,) = server.mails
    message = mail.message
    assert ("alerts@example.com", ["a@example.com", "b@example.com"]) == (mail.sender, mail.recipients)
    assert (False, None, "alerts.test") == (mail.encrypted, mail.user, mail.hello)
    subject = "[FIRING] KubePodCrashLooping customer/customer-rs-transformer-9b75b488c-cpfd7 — Pod is crash looping."
    headers = {
        "From": "alerts@example.com",
        "To": "a@example.com, On Call <b@example.com>",
        "Subject": subject,
        "Message-ID": f"<{told.delivery_key[:32]}@example.com>",
        "Auto-Submitted": "auto-generated",
        "Importance": "high",
        "MIME-Version": "1.0",
        "References": None,
    }
    assert headers == {name: message[name] for name in headers}
    assert abs((message["Date"].datetime - datetime.now(UTC)).total_seconds()) < 60
    assert ["text/plain", "text/html"] == [each.get_content_type() for each in message.iter_parts()]
    assert "CPU: 0.42 of 0.50 cores (84%), request 0.25 cores" in mail.part("text/plain")
    assert "0.42 of 0.50 cores (84%), request 0.25 cores" in mail.part("text/html")
    key = f"<{told.delivery_key[:32]}@example.com>"
    assert Receipt("sent to 2 recipients: 250 2.0.0 queued as 1", Thread(key=key)) == receipt


def test_is_one_mail_however_often_it_is_tried(server: MailServer, http: Http) -> None:
    """A mail's name is its delivery's: whoever gets it twice can know, and a repeat is another."""
    told = replace(notifications.seed(), delivery_id=7)
    names = [mailed(server, http, each).message["Message-ID"] for each in (told, told, replace(told, delivery_id=8))]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize("implicit", [True, False])
def test_speaks_tls(certificate: tuple[Path, Path], http: Http, implicit: bool) -> None:
    """By STARTTLS or from the first byte on, with the user's own authority, and a password."""
    with MailServer(certificate, implicit=implicit, users={"us": PASSWORD}) as server:
        changes: dict[str, Any] = {
            "require_tls": True,
            "tls_config": {"ca_file": str(certificate[0])},
        }
        login: dict[str, Any] = {"auth_username": "us", "auth_password": PASSWORD}
        mail = mailed(server, http, force_implicit_tls=implicit, **changes, **login)
        assert (True, "us") == (mail.encrypted, mail.user)


def test_takes_no_certificate_that_nobody_knows(certificate: tuple[Path, Path], http: Http) -> None:
    """It may be right the next time; `insecure_skip_verify` takes any, `server_name` says whose it is to be."""
    with MailServer(certificate) as server:
        assert "TLS failed at the TLS handshake (self" in str(error := failed(server.port, http, require_tls=True))
        assert not error.permanent
        known = {"ca_file": str(certificate[0])}
        other = failed(server.port, http, require_tls=True, tls_config={**known, "server_name": "mail.example"})
        assert "Hostname mismatch" in str(other)
        missing = failed(server.port, http, require_tls=True, tls_config={"ca_file": "/nonesuch"})
        assert (False, "No such file or directory") == (missing.permanent, str(missing).rpartition(": ")[2])
        assert mailed(server, http, require_tls=True, tls_config={"insecure_skip_verify": True}).encrypted


def test_says_nothing_unencrypted_unless_told_to(server: MailServer, http: Http) -> None:
    """A server that offers no STARTTLS, or whose offer somebody took away, gets no mail."""
    error = failed(server.port, http, require_tls=True)
    assert (False, []) == (error.permanent, server.mails)
    assert str(error).endswith("offers no STARTTLS; require_tls: false does without")


def test_does_not_say_hello_before_tls_is_done(certificate: tuple[Path, Path], http: Http) -> None:
    """Commands that somebody put behind the answer to STARTTLS are not taken for the server's."""
    changes: Mapping[str, Any] = {"STARTTLS": b"220 go on\r\n250 AUTH PLAIN\r\n"}
    with scripted(changes, hello=b"250-here\r\n250 STARTTLS\r\n") as seen:
        error = failed(seen.port, http, require_tls=True, auth_username="us", auth_password=PASSWORD)
    assert "TLS handshake" in str(error)
    assert [b"ehlo localhost", b"STARTTLS"] == seen.commands[:2]


@pytest.mark.parametrize("refused", ["PLAIN", "LOGIN"])
def test_logs_in_as_the_server_wants(certificate: tuple[Path, Path], http: Http, refused: str, tmp_path: Path) -> None:
    """With what it offers; the password may be in a file, and is read anew each time."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    with MailServer(certificate, users={"us": PASSWORD}, mechanisms_refused=(refused,)) as server:
        tls: dict[str, Any] = {"require_tls": True, "tls_config": {"insecure_skip_verify": True}}
        assert (
            "us" == mailed(server, http, auth_username="us", auth_password_file=str(tmp_path / "password"), **tls).user
        )
        (tmp_path / "password").write_text("another")
        error = failed(server.port, http, auth_username="us", auth_password_file=str(tmp_path / "password"), **tls)
        assert (True, "AUTH: 535") == (error.permanent, str(error).partition(": ")[2][:9])


def test_logs_in_by_cram_md5(http: Http) -> None:
    """The secret signs what the server sends, and is not sent itself."""
    challenge = base64.b64encode(b"<1.2@here>").decode()
    changes = {"AUTH": f"334 {challenge}\r\n".encode()}
    signed = base64.b64encode(f"us {hmac.new(b's3cret', b'<1.2@here>', 'md5').hexdigest()}".encode()).decode()
    changes[signed.upper()] = b"235 ok\r\n"
    with scripted(changes, hello=b"250-here\r\n250 AUTH PLAIN CRAM-MD5\r\n") as seen:
        made(f"127.0.0.1:{seen.port}", http, auth_username="us", auth_secret="s3cret").send(
            notifications.seed(), Thread(), 5
        )
    assert [b"AUTH CRAM-MD5", signed.encode()] == seen.commands[1:3]


def test_acts_for_somebody_else(http: Http) -> None:
    """`auth_identity` goes along with PLAIN."""
    with scripted({"AUTH": b"235 ok\r\n"}, hello=b"250-here\r\n250 AUTH PLAIN\r\n") as seen:
        login = {"auth_username": "us", "auth_password": PASSWORD, "auth_identity": "them"}
        made(f"127.0.0.1:{seen.port}", http, **login).send(notifications.seed(), Thread(), 5)
    assert f"them\0us\0{PASSWORD}" == base64.b64decode(seen.commands[1].split()[2]).decode()


@pytest.mark.parametrize(
    ("login", "offered", "message"),
    [
        (
            {"auth_secret": "x"},
            "PLAIN LOGIN",
            "offers PLAIN, LOGIN; auth_secret is for CRAM-MD5 alone, set auth_password",
        ),
        ({"auth_password": "x"}, "CRAM-MD5", "offers CRAM-MD5; auth_password is for PLAIN and LOGIN, auth_secret"),
        ({"auth_password": "x"}, "XOAUTH2", "offers XOAUTH2; auth_password is for PLAIN and LOGIN"),
    ],
)
def test_says_why_it_cannot_log_in(http: Http, login: dict[str, Any], offered: str, message: str) -> None:
    """What the server offers, and what each of ours is for."""
    with scripted({}, hello=f"250-here\r\n250 AUTH {offered}\r\n".encode()) as seen:
        error = failed(seen.port, http, auth_username="us", **login)
    assert (False, True) == (error.permanent, f"AUTH: {message}" in str(error))


@pytest.mark.parametrize(("offered", "taken"), [("PLAIN", False), ("LOGIN", True), ("PLAIN LOGIN", True)])
def test_sends_no_password_unencrypted_by_plain(offered: str, taken: bool) -> None:
    """Not even where `require_tls` is false; by LOGIN it does, as Alertmanager does. This machine is no network."""
    changes = {"AUTH": b"334 \r\n", "DXM=": b"334 \r\n", "D2M=": b"235 ok\r\n"}
    with scripted(changes, hello=f"250-here\r\n250 AUTH {offered}\r\n".encode()) as seen:
        where = HostPort("127.0.0.1", seen.port)
        connection = Connection(Server(where, "us.test", False, False, "x", Tls()), (), time.monotonic() + 5)
        connection.open()
        if taken:
            log_in(connection, Login("us", password="wc"), "mail.example")
        else:
            with pytest.raises(SendError, match="the password is not sent unencrypted: leave require_tls true"):
                log_in(connection, Login("us", password="wc"), "mail.example")
        connection.close()
    assert taken == (b"AUTH LOGIN" in seen.commands)


def test_does_not_log_in_where_nobody_asks(http: Http) -> None:
    """As Alertmanager: a server without AUTH gets the mail, and no password."""
    with scripted({}) as seen:
        login = {"auth_username": "us", "auth_password": PASSWORD}
        made(f"127.0.0.1:{seen.port}", http, **login).send(notifications.seed(), Thread(), 5)
    assert (1, []) == (len(seen.mails), [each for each in seen.commands if b"AUTH" in each])


def test_tells_no_secret(http: Http) -> None:
    """Though the server sends it back, in whatever form it got it."""
    plain = base64.b64encode(f"\0us\0{PASSWORD}".encode()).decode()
    for answer in (PASSWORD, plain, base64.b64encode(PASSWORD.encode()).decode()):
        changes = {"AUTH": f"535 no: {answer}\r\n".encode()}
        with scripted(changes, hello=b"250-here\r\n250 AUTH PLAIN\r\n") as seen:
            error = failed(seen.port, http, auth_username="us", auth_password=PASSWORD)
        assert str(error).endswith("AUTH: 535 no: ***")
        assert plain not in str(error)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: str(each.__name__))
@pytest.mark.parametrize("stage", BEFORE_THE_END)
def test_trouble_is_retryable_in_time(http: Http, stage: str, trouble: smtp.Behaviour) -> None:
    """Whatever the server does, and when, a send ends by its deadline with an error that may be tried again."""
    with scripted({stage: trouble}) as seen:
        before = time.monotonic()
        error = failed(seen.port, http, DEADLINE_SECONDS)
        assert time.monotonic() - before < DEADLINE_SECONDS + GRACE_SECONDS
    assert not error.permanent
    # A mail whose end was not answered may have arrived, and goes again.
    assert (stage == "end") == bool(seen.mails)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: str(each.__name__))
def test_what_is_taken_is_taken(http: Http, trouble: smtp.Behaviour) -> None:
    """However the server says goodbye."""
    with scripted({"QUIT": trouble}) as seen:
        before = time.monotonic()
        receipt = made(f"127.0.0.1:{seen.port}", http).send(notifications.seed(), Thread(), 5)
        assert time.monotonic() - before < 3
    assert "sent to 1 recipient: 250 queued as 42" == receipt.detail


def test_hangs_in_tls_are_trouble_too(http: Http) -> None:
    """A server that takes the connection and says nothing of TLS."""
    with scripted({"greeting": smtp.hang}) as seen:
        before = time.monotonic()
        error = failed(seen.port, http, DEADLINE_SECONDS, force_implicit_tls=True)
        assert time.monotonic() - before < DEADLINE_SECONDS + GRACE_SECONDS
    assert str(error).endswith("timed out after 0.3s at the TLS handshake")


def test_nobody_there_is_trouble_too(http: Http) -> None:
    """A port at which nobody listens, and a name that is none."""
    assert str(failed(free_port(), http)).endswith(": connection refused")
    with pytest.raises(SendError, match=r"^nonesuch\.invalid:25: the name does not resolve$") as raised:
        made("nonesuch.invalid:25", http).send(notifications.seed(), Thread(), 5)
    assert not raised.value.permanent


def test_speaks_to_old_servers(http: Http) -> None:
    """One that knows no EHLO is greeted with HELO."""
    with scripted({"HELO": b"250 here\r\n"}, hello=b"502 what?\r\n") as seen:
        made(f"127.0.0.1:{seen.port}", http).send(notifications.seed(), Thread(), 5)
    assert [b"ehlo localhost", b"helo localhost", b"mail FROM:<alerts@example.com>"] == seen.commands[:3]
    assert 1 == len(seen.mails)


def test_one_bad_recipient_does_not_lose_the_others(server: MailServer, http: Http) -> None:
    """They have it; who has not is named, and nobody is told twice for that."""
    server.answers = {"gone@example.com": "550 no such user", "full@example.com": "452 mailbox full"}
    action = made(server.smarthost, http, to="gone@example.com,a@example.com,full@example.com,b@example.com")
    receipt = action.send(notifications.seed(), Thread(), 5)
    assert [["a@example.com", "b@example.com"]] == [mail.recipients for mail in server.mails]
    refused = "gone@example.com: 550 no such user; full@example.com: 452 mailbox full"
    assert f"sent to 2 of 4 recipients; not to {refused}" == receipt.detail
    expected = (
        "gone@example.com does not get it: 550 no such user",
        "full@example.com does not get it: 452 mailbox full",
    )
    assert tuple(f"email: {each}" for each in expected) == receipt.warnings


def test_what_is_no_address_does_not_lose_the_others(server: MailServer, http: Http) -> None:
    """A label may be missing, or hold anything; the mail says so. With nobody left it is an error."""
    to = "a@example.com, {{ leading.labels.owner }}@example.com"
    receipt = made(server.smarthost, http, to=to).send(notifications.seed(), Thread(), 5)
    (mail,) = server.mails
    assert ["a@example.com"] == mail.recipients
    assert ("to: '@example.com' is no address",) == receipt.template_errors
    assert "'@example.com' is no address" in mail.content.decode().replace("=\r\n", "").replace("=40", "@")
    with pytest.raises(SendError, match="is no address") as raised:
        made(server.smarthost, http, to="{{ leading.labels.owner }}@example.com").send(
            notifications.seed(), Thread(), 5
        )
    assert raised.value.permanent


def test_tells_as_many_as_there_are(server: MailServer, http: Http) -> None:
    """A server that takes two recipients a mail gets three mails, each recipient one."""
    server.most_recipients = 2
    receipt = made(server.smarthost, http, to=",".join(f"u{at}@example.com" for at in range(5))).send(
        notifications.seed(), Thread(), 5
    )
    assert [["u0", "u1"], ["u2", "u3"], ["u4"]] == [
        [each.partition("@")[0] for each in mail.recipients] for mail in server.mails
    ]
    assert ("sent to 5 recipients: 250 2.0.0 queued as 1", 1) == (receipt.detail, server.connections)


def test_who_is_left_when_the_rest_fails_is_named(server: MailServer, http: Http) -> None:
    """The first have it, so it is told."""
    server.most_recipients, server.final = 1, ["250 ok", "451 too much"]
    action = made(server.smarthost, http, to="a@example.com,b@example.com")
    receipt = action.send(notifications.seed(), Thread(), 5)
    assert receipt.detail.startswith("sent to 1 of 2 recipients; not to b@example.com: 127.0.0.1:")
    assert receipt.detail.endswith("the end of the mail: 451 too much")


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [(("550 no", "551 no"), True), (("550 no", "450 later"), False), (("450 later",) * 2, False)],
)
def test_nobody_taken_is_an_error(server: MailServer, http: Http, answers: tuple[str, str], permanent: bool) -> None:
    """Permanent where each of them is."""
    server.answers = dict(zip(("a@example.com", "b@example.com"), answers, strict=True))
    error = failed(server.port, http, to="a@example.com,b@example.com")
    assert (permanent, []) == (error.permanent, server.mails)
    assert "does not take recipient" in str(error)
    assert "(nor 1 others)" in str(error)


def test_a_refused_mail_is_an_error(server: MailServer, http: Http) -> None:
    """What a filter says at the end of a mail counts."""
    server.final = ["554 5.7.1 spam", "451 4.7.1 greylisted"]
    assert [True, False] == [failed(server.port, http).permanent for _ in range(2)]
    assert [] == server.mails


def test_a_groups_mails_are_one_conversation(server: MailServer, http: Http) -> None:
    """From the first that fires to the end, each names the first; what fires after that begins another one."""
    action, thread, now = made(server.smarthost, http), Thread(), datetime.now(UTC)
    told = [notifications.seed(), notifications.seed(), notifications.seed("resolved"), notifications.seed()]
    for at, each in enumerate(told):
        thread = action.send(replace(each, delivery_id=at), thread, 5).thread.told(each, now)
    messages = [mail.message for mail in server.mails]
    first = messages[0]["Message-ID"]
    assert [None, first, first, None] == [each["References"] for each in messages]
    assert [None, first, first, None] == [each["In-Reply-To"] for each in messages]


def test_conversations_can_be_otherwise(server: MailServer, http: Http) -> None:
    """One a day, as Alertmanager has it, or none."""
    told = notifications.seed()
    daily = mailed(server, http, threading={"enabled": True, "thread_by_date": "daily"}).message
    assert re.fullmatch(rf"<{told.key[:32]}\.\d{{4}}-\d\d-\d\d@example\.com>", daily["References"])
    thread = Thread(key="<x@y>", open_fingerprints=("a",))
    changes: dict[str, Any] = {"threading": {"enabled": False}, "headers": {"references": "<mine@example.com>"}}
    assert "<mine@example.com>" == mailed(server, http, thread=thread, **changes).message["References"]


def test_takes_headers_of_the_users_own(server: MailServer, http: Http) -> None:
    """They are templates, and stand in for the usual ones in any letter case; envelope and header may differ."""
    headers = {
        "subject": "{{ status }} {{ common_labels.namespace }} {{ nonesuch }}",
        "To": "undisclosed-recipients:;",
        "Reply-To": '"Tëam, A" <team@example.com>',
        "X-Cluster": "{{ common_labels.cluster }}",
        "importance": "low",
    }
    action = made(server.smarthost, http, headers=headers)
    receipt = action.send(notifications.seed(), Thread(), 5)
    (mail,) = server.mails
    assert ["on-call@example.com"] == mail.recipients
    assert ("undisclosed-recipients:;", "cluster-main") == (mail.message["To"], mail.message["X-Cluster"])
    assert '"Tëam, A" <team@example.com>' == str(mail.message["Reply-To"])
    assert ["low"] == mail.message.get_all("Importance")
    assert "[FIRING] KubePodCrashLooping" in mail.message["Subject"]
    (error,) = receipt.template_errors
    assert error.startswith("headers.subject: ")


def test_tells_of_headers_that_hold_no_address(server: MailServer, http: Http) -> None:
    """One's own stands in their place."""
    action = made(server.smarthost, http, headers={"From": "{{ status }}", "Cc": "{{ status }}", "To": "{{ '' }}"})
    receipt = action.send(notifications.seed(), Thread(), 5)
    assert ("headers.From 'firing' is no address", "headers.Cc 'firing' is no address") == receipt.template_errors
    message = server.mails[0].message
    assert ("alerts@example.com", "on-call@example.com", None) == (message["From"], message["To"], message["Cc"])


def test_takes_texts_of_the_users_own(server: MailServer, http: Http) -> None:
    """What alerts hold is escaped in HTML; an empty one is left out; one that fails is told in the others' place."""
    told = notification(alert({"alertname": "<b>&"}, {"summary": "x"}))
    mine = mailed(server, http, told, html="<p>{{ common_labels.alertname }}</p>", text="{{ common_labels.alertname }}")
    assert ("<p>&lt;b&gt;&amp;</p>", "<b>&") == (mine.part("text/html").strip(), mine.part("text/plain").strip())
    assert "text/html" == mailed(server, http, text="").message.get_content_type()
    assert "text/plain" == mailed(server, http, html="").message.get_content_type()
    action = made(server.smarthost, http, html="{{ nonesuch }}")
    (error,) = action.send(told, Thread(), 5).template_errors
    assert error.startswith("html: ")
    assert "A template failed, and this stands in its place: html: " in server.mails[-1].part("text/html")
    assert "A template failed, and this stands in its place: html: " in server.mails[-1].part("text/plain")


def test_tells_a_digest_in_our_words(server: MailServer, http: Http) -> None:
    """What is written for one group may say nothing of many."""
    mine: dict[str, Any] = {"headers": {"SUBJECT": "{{ status }}", "X-Team": "ops"}, "html": "<p>mine</p>", "text": ""}
    message = mailed(server, http, notifications.storm(), **mine).message
    assert message["Subject"].startswith("[DIGEST] 4,812 alerts in 4,800 groups")
    assert "ops" == message["X-Team"]
    assert "mine" not in server.mails[0].part("text/html")
    assert "4,802 more" in server.mails[0].part("text/plain")


def test_a_digest_has_one_address() -> None:
    """Where a template says where a group goes, there is no pace, and so no digest of many groups."""
    given = {**Settings.example, "to": "{{ group_labels.team }}@example.com"}
    assert (None, PaceSettings(rate=1.0, burst=10)) == (
        Settings.model_validate(given).pace,
        Settings.model_validate(Settings.example).pace,
    )
    with pytest.raises(ValidationError, match="has a pace, and to is a template"):
        Settings.model_validate({**given, "pace": {"rate": "1/s"}})


def test_goes_where_a_template_says(server: MailServer, http: Http) -> None:
    """`to` may name a label; where that is no address nothing is sent."""
    told = notification(alert({"alertname": "A", "owner": "ops@example.com, dev@example.com"}))
    assert ["ops@example.com", "dev@example.com"] == mailed(
        server, http, told, to="{{ common_labels.owner }}"
    ).recipients
    for to, message in (
        ("{{ nonesuch }}", "email: to: "),
        ("{{ common_labels.nonesuch }}", "email: to holds no address"),
        ("{{ common_labels.alertname }}", "email: to 'A' is no address"),
        ("{{ '' }}", "email: to holds no address"),
    ):
        with pytest.raises(SendError, match=re.escape(message)) as raised:
            made(server.smarthost, http, to=to).send(told, Thread(), 5)
        assert raised.value.permanent
    assert 1 == len(server.mails)


def test_addresses_may_hold_other_letters(server: MailServer, http: Http) -> None:
    """A domain goes as IDNA writes it, a name as RFC 2047 does."""
    mail = mailed(server, http, to="Bëa <b@exämple.com>")
    assert ["b@xn--exmple-cua.com"] == mail.recipients
    assert "Bëa <b@xn--exmple-cua.com>" == mail.message["To"]


@contextmanager
def pictures(body: bytes, status: int = 200, delay_seconds: float = 0.0) -> Iterator[str]:
    """Serves one picture."""
    with HttpServer() as server:
        server.delay_seconds = delay_seconds
        server.answer_next(status, body, times=5)
        yield f"{server.base_url}/charts/x.png"


def test_shows_pictures(server: MailServer, http: Http) -> None:
    """They go along with the mail, so that they are seen without asking anybody."""
    with pictures(PNG) as src:
        mail = mailed(server, http, replace(notifications.seed(), images=(Image(src, 'CPU "now"'),)))
    (found,) = [each for each in mail.message.walk() if each.get_content_type() == "image/png"]
    cid = found["Content-ID"].strip("<>")
    assert PNG == found.get_content()
    assert f'<img src="cid:{cid}" alt="CPU &#34;now&#34;"' in mail.part("text/html")
    assert src not in mail.content.decode()


@pytest.mark.parametrize(
    ("body", "status", "delay_seconds"), [(b"<html>Sign in", 200, 0), (PNG, 404, 0), (PNG, 200, 9)]
)
def test_does_without_pictures(server: MailServer, http: Http, body: bytes, status: int, delay_seconds: float) -> None:
    """Those that cannot be had soon are left out."""
    told = notifications.seed()
    with pictures(body, status, delay_seconds) as src:
        action = made(server.smarthost, http)
        action.send(replace(told, images=(Image(src, "CPU"),) * 3), Thread(), 2)
    assert "<img" not in server.mails[-1].part("text/html")


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({"to": "nobody"}, "to", "'nobody' is no address"),
        ({"to": " , "}, "to", "holds no address"),
        ({"to": "größe@example.com"}, "to", "other letters than ASCII's"),
        ({"to": None}, "to", "required"),
        ({"from": "a@example.com, b@example.com"}, "from", "should be one address"),
        ({"smarthost": "smtp.example.com"}, "smarthost", "should be a host and a port"),
        ({"smarthost": ":25"}, "smarthost", "should be a host and a port"),
        ({"smarthost": "smtp://a:25"}, "smarthost", "should be a host and a port"),
        ({"smarthost": "a:99999"}, "smarthost", "should be a host and a port"),
        ({"hello": "two words"}, "hello", "should be a host's name"),
        ({"headers": {"Subject": "a", "subject": "b"}}, "", "headers has 'Subject' twice"),
        ({"headers": {"Bcc": "a@example.com"}}, "headers.Bcc", "would tell everybody"),
        ({"headers": {"Content-Type": "x"}}, "headers.Content-Type", "is set by itself"),
        ({"headers": {"To": "everybody"}}, "", "headers has 'To', which 'everybody' is no address"),
        ({"headers": {"Message-ID": "<x>"}}, "", "should be such as <1234@example.com>"),
        ({"headers": {"Resent-To": "a@example.com"}}, "headers.Resent-To", "is for mails that are handed on"),
        ({"headers": {"X:Y": "x"}}, "headers.X:Y", "is no name of a header"),
        ({"headers": {"X\r\nBcc": "x"}}, "headers.X\r\nBcc", "is no name of a header"),
        ({"headers": {"References": "x"}}, "", "which threading sets"),
        ({"threading": {"thread_by_date": "weekly"}}, "threading.thread_by_date", "'none' or 'daily'"),
        ({"auth_username": "us"}, "", r"needs auth_password\(_file\)"),
        ({"auth_password": "s3cret", "auth_password_file": "/x"}, "", "has both auth_password and auth_password_file"),
        ({"auth_secret": "s3cret", "auth_secret_file": "/x"}, "", "has both auth_secret and auth_secret_file"),
        ({"html": "", "text": ""}, "", "has neither html nor text"),
        ({"html": "{{ nothing"}, "html", "line 1"),
        ({"require_tls": "perhaps"}, "require_tls", "boolean"),
        ({"tls_config": {"cert_file": "/x"}}, "tls_config", "needs both cert_file and key_file"),
    ],
)
def test_refuses_nonsense(changes: dict[str, Any], place: str, message: str) -> None:
    """Each setting says what is wrong with it, in its place, and tells no secret."""
    with pytest.raises(ValidationError, match=message) as raised:
        Settings.model_validate({**Settings.example, **changes})
    (error,) = raised.value.errors()
    assert place == ".".join(str(step) for step in error["loc"] if step != "[key]")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"smarthost": "a:465"}, True),
        ({"smarthost": "a:465", "force_implicit_tls": "false"}, False),
        ({"smarthost": "a:2525", "force_implicit_tls": "true"}, True),
        ({"smarthost": "[::1]:587"}, False),
    ],
)
def test_knows_when_tls_is_implicit(http: Http, changes: dict[str, str], expected: bool) -> None:
    """At port 465, unless it is said otherwise."""
    action = Action(Settings.model_validate({**Settings.example, **changes}), http)
    assert expected == action._server().implicit_tls


def test_tells_no_secret_in_settings() -> None:
    """Settings that are printed or dumped show no password."""
    secrets = {"auth_username": "us", "auth_password": PASSWORD, "auth_secret": PASSWORD}
    settings = Settings.model_validate({**Settings.example, **secrets})
    for told in (str(settings), repr(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert PASSWORD not in told


def test_a_missing_password_is_retryable(server: MailServer, http: Http, tmp_path: Path) -> None:
    """A file that is not there is named, and may be there the next time."""
    action = made(server.smarthost, http, auth_username="us", auth_password_file=str(tmp_path / "none"))
    with pytest.raises(SendError, match="none: No such file") as raised:
        action.send(notifications.seed(), Thread(), 5)
    assert (False, 0) == (raised.value.permanent, server.connections)
