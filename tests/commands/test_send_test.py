"""`send-test`: what each far side really gets of it, and what is said of that."""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import cli
from tests.far_sides import smtp, trouble
from tests.far_sides.http_server import HttpServer
from tests.far_sides.pagerduty import PagerDuty
from tests.far_sides.slack import SlackApi, SlackWebhook
from tests.far_sides.smtp import MailServer
from tests.samples import SEED, webhook, wire_alert

KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "s3cret-passw0rd"
ALL = ("all/slack/0", "all/pagerduty/0", "all/email/0", "all/webhook/0", "all/webhook/1", "all/log/0")


@dataclass
class FarSides:
    """Whom the configuration leads to."""

    slack: SlackWebhook = field(default_factory=SlackWebhook)
    pagerduty: PagerDuty = field(default_factory=PagerDuty)
    mail: MailServer = field(default_factory=MailServer)
    webhook: HttpServer = field(default_factory=HttpServer)

    def configuration(self, **changes: str) -> str:
        """Returns one that leads to all of them, but for what is said otherwise."""
        url = {"slack": self.slack.url, "pagerduty": self.pagerduty.url, "smarthost": self.mail.smarthost} | changes
        return f"""
route: {{receiver: all}}
receivers:
- name: all
  slack_configs: [{{api_url: '{url["slack"]}', send_resolved: true}}]
  pagerduty_configs: [{{routing_key: {KEY}, url: '{url["pagerduty"]}'}}]
  email_configs: [{{to: a@example.com, from: b@example.com, smarthost: '{url["smarthost"]}', require_tls: false}}]
  webhook_configs: [{{url: '{self.webhook.base_url}/0'}}, {{url: '{self.webhook.base_url}/1'}}]
  log_configs: [{{}}]
- name: on-call
- name: on-call-eu
"""


@pytest.fixture
def far_sides() -> Iterator[FarSides]:
    """All of them, well."""
    made = FarSides()
    with made.slack, made.pagerduty, made.mail, made.webhook:
        yield made


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far_sides: FarSides) -> Run:
    """Runs the command with a configuration and a database that there is none of."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/none/x.db")

    def run(*arguments: str, configured: str = "", stdin: str | None = None) -> Result:
        (tmp_path / "config.yaml").write_text(configured or far_sides.configuration())
        command = ["send-test", f"--config={tmp_path / 'config.yaml'}", *arguments]
        done = CliRunner().invoke(cli, command, input=stdin, catch_exceptions=False)
        assert [] == [each for each in (KEY, PASSWORD, "Traceback") if each in done.stdout + done.stderr]
        assert not (tmp_path / "none").exists()
        return done

    return run


def said(done: Result) -> list[str]:
    """Returns the lines about destinations, without what is said of each."""
    return [line.partition("):")[0] + ")" for line in done.stdout.splitlines() if line.startswith("all/")]


def test_tells_every_far_side(run: Run, far_sides: FarSides) -> None:
    """Each gets a message that says that it is a test; what wakes people is over at once."""
    done = run("all")
    assert 0 == done.exit_code
    assert [*(f"{each} (firing)" for each in ALL), "all/pagerduty/0 (resolved)"] == said(done)
    assert ([], []) == (far_sides.slack.refused, far_sides.pagerduty.refused)
    (message,), (mail,) = far_sides.slack.messages, far_sides.mail.mails
    trigger, resolve = far_sides.pagerduty.events
    posted = [request.json() for request in far_sides.webhook.requests]
    texts = (message["text"], mail.part("text/plain"), trigger["payload"]["summary"], *map(json.dumps, posted))
    for text in texts:
        assert "This is a test of alert-manager. Nothing is wrong." in text
        assert "a test: nothing has happened" in text
    assert "This is a test of alert-manager." in mail.message["Subject"]
    assert ("info", "resolve") == (trigger["payload"]["severity"], resolve["event_action"])
    (incident,) = far_sides.pagerduty.incidents.values()
    assert ("resolved", KEY) == (incident.state, incident.routing_key)


@pytest.mark.parametrize("dedup", ["group", "alert"])
def test_an_end_by_itself_goes_through_each_routing_key(run: Run, far_sides: FarSides, dedup: str) -> None:
    """Nobody remembers how bad the test was that is to be ended."""
    configured = f"""
route: {{receiver: a}}
receivers:
- name: a
  pagerduty_configs:
  - routing_key: {KEY}
    url: {far_sides.pagerduty.url}
    dedup: {dedup}
    severity_routing_keys: {{critical: {{routing_key: {"c" * 32}}}}}
"""
    assert 0 == run("--status=firing", "--severity=critical", configured=configured).exit_code
    assert 0 == run("--status=resolved", configured=configured).exit_code
    assert [("c" * 32, "resolved")] == [(each.routing_key, each.state) for each in far_sides.pagerduty.opened]


@pytest.mark.parametrize(
    ("arguments", "slack", "pagerduty"),
    [
        (("--status=firing",), ["FIRING"], ["trigger"]),
        (("--status=resolved",), ["RESOLVED"], ["resolve"]),
        (("--resolved",), ["RESOLVED"], ["resolve"]),
        (("--status=both", "--resolve-after=10ms"), ["FIRING", "RESOLVED"], ["trigger", "resolve"]),
    ],
)
def test_tells_what_it_is_asked_to(
    run: Run, far_sides: FarSides, arguments: tuple[str, ...], slack: list[str], pagerduty: list[str]
) -> None:
    """The one state, or both."""
    assert 0 == run(*arguments).exit_code
    assert slack == [message["text"].partition("[")[2].partition("]")[0] for message in far_sides.slack.messages]
    assert pagerduty == [event["event_action"] for event in far_sides.pagerduty.events]


def test_ends_an_earlier_test(run: Run, far_sides: FarSides) -> None:
    """Of whatever severity that was; a mail is another one each time."""
    run("--status=firing", "--severity=critical")
    run("--status=resolved")
    (incident,) = far_sides.pagerduty.incidents.values()
    assert ("resolved", "critical") == (incident.state, incident.events[0]["payload"]["severity"])
    assert 2 == len({mail.message["Message-ID"] for mail in far_sides.mail.mails})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--action=slack",), ["all/slack/0 (firing)"]),
        (("--action=webhook",), ["all/webhook/0 (firing)", "all/webhook/1 (firing)"]),
        (("--action=webhook", "--index=1"), ["all/webhook/1 (firing)"]),
        (("--index=1",), ["all/webhook/1 (firing)"]),
    ],
)
def test_tells_those_that_are_meant(run: Run, arguments: tuple[str, ...], expected: list[str]) -> None:
    """One kind, or one of a kind."""
    done = run(*arguments)
    assert (0, expected) == (done.exit_code, said(done))


def test_tells_a_payload_as_a_test(run: Run, far_sides: FarSides, tmp_path: Path) -> None:
    """As it would be rendered, marked, and never under the key of the real group, which may be open."""
    payload = webhook(wire_alert("Bad", severity="critical"), wire_alert("Over", "resolved"))
    (tmp_path / "payload.json").write_text(json.dumps(payload))
    assert 0 == run(f"--payload={tmp_path / 'payload.json'}").exit_code
    trigger, resolve = far_sides.pagerduty.events
    assert trigger["payload"]["summary"].startswith("[FIRING] Bad (a test: nothing has happened): TEST: Bad happened.")
    assert "critical" == trigger["payload"]["severity"]
    (first, second) = (request.json() for request in far_sides.webhook.requests)
    assert f"test:{payload['groupKey']}" == first["groupKey"] == second["groupKey"]
    assert ["firing", "resolved"] == [each["status"] for each in first["alerts"]]
    assert trigger["dedup_key"] == resolve["dedup_key"]


def test_a_payload_may_be_typed(run: Run, far_sides: FarSides) -> None:
    """On standard input, and of any state."""
    assert 0 == run("--payload=-", "--status=resolved", "--action=slack", stdin=SEED.decode()).exit_code
    assert "[RESOLVED] KubePodCrashLooping" in far_sides.slack.messages[0]["text"]


def test_says_who_was_not_told(run: Run, far_sides: FarSides) -> None:
    """Each with the reason; the others are told all the same, and the answer is no."""
    with trouble.refusing() as nobody, smtp.scripted({"RCPT": b"550 no \x1b[31m such\r\n"}) as mail:
        secret = f"{far_sides.slack.base_url}/services/{PASSWORD}"
        configured = far_sides.configuration(
            slack=secret, pagerduty=f"{nobody}/v2/enqueue", smarthost=f"127.0.0.1:{mail.port}"
        )
        done = run("all", configured=configured)
    assert 1 == done.exit_code
    assert [f"{each} (firing)" for each in ALL[3:]] == said(done)
    where = nobody.removeprefix("http://")
    pagerduty = f"PagerDuty: {where}: connection refused"
    assert [
        "all/slack/0 (firing): Slack: status 404: no_service",
        f"all/pagerduty/0 (firing): {pagerduty}",
        f"all/email/0 (firing): 127.0.0.1:{mail.port}: does not take recipient a@example.com: 550 no ?[31m such",
        # Who did not answer may have heard it.
        f"all/pagerduty/0 (resolved): {pagerduty}",
    ] == [line for line in done.stderr.splitlines() if line.startswith("all/")]


def test_ends_no_later_than_it_is_told_to(run: Run, far_sides: FarSides) -> None:
    """A far side that says nothing is given up."""
    with trouble.hanging() as url:
        done = run("--action=slack", "--timeout=300ms", configured=far_sides.configuration(slack=f"{url}/x"))
    assert 1 == done.exit_code
    assert "timed out after 0.3s" in done.stderr


def test_edits_the_message_that_a_slack_app_keeps(run: Run) -> None:
    """The end of a test is told where it began, as the end of a group is."""
    with SlackApi() as slack:
        configured = f"""
route: {{receiver: all}}
receivers:
- {{name: all, slack_configs: [{{app_token: {slack.token}, app_url: '{slack.url}', channel: '#ops'}}]}}
"""
        done = run("--status=both", configured=configured)
    assert ["all/slack/0 (firing)", "all/slack/0 (resolved)"] == said(done)
    assert (0, []) == (done.exit_code, slack.refused)
    (message,) = slack.channel().messages
    assert "[RESOLVED] AlertManagerTest" in str(message.content["text"])


def test_says_which_templates_failed(run: Run, far_sides: FarSides) -> None:
    """The message was told all the same: that is a warning."""
    text = """text: '{% if leading.name == "Odd" %}{{ nonesuch }}{% endif %}'"""
    configured = far_sides.configuration().replace("send_resolved: true", text)
    done = run("--action=slack", "--payload=-", configured=configured, stdin=json.dumps(webhook(wire_alert("Odd"))))
    assert 0 == done.exit_code
    assert "warning: all/slack/0: template failed: text: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("stranger",), 2, "there is no receiver 'stranger'; there are: all, on-call, on-call-eu"),
        (("on-cal",), 2, "there is no receiver 'on-cal'; did you mean on-call, on-call-eu?"),
        (("--action=slak",), 2, "there is no action 'all/slak/*'; did you mean all/slack/0"),
        (("--action=webhook", "--index=2"), 2, "there is no action 'all/webhook/2'; did you mean all/webhook/"),
        (("--index=-1",), 2, "--index"),
        (("--status=acknowledged",), 2, "--status"),
        (("--timeout=soon",), 2, "is not a duration"),
        (("--payload=/nowhere.json",), 2, "nowhere.json"),
        (("--payload=-",), 1, "is not JSON"),
        (("all", "others"), 2, "others"),
    ],
)
def test_refuses_nonsense(run: Run, far_sides: FarSides, arguments: tuple[str, ...], code: int, message: str) -> None:
    """With what there is instead; and nobody is told."""
    done = run(*arguments, stdin="{")
    assert code == done.exit_code
    assert message in " ".join(done.stderr.split())
    assert [] == far_sides.slack.messages


def test_who_tells_nobody_is_said(run: Run) -> None:
    """A receiver without any action is one, and well."""
    done = run("on-call")
    assert (0, "on-call has no action: nobody is told\n") == (done.exit_code, done.stdout)


def test_ends_what_it_began_when_it_is_stopped(run: Run, far_sides: FarSides) -> None:
    """An incident does not stay open because somebody would not wait."""

    def stop() -> None:
        main = threading.main_thread().ident or 0
        while sys._current_frames()[main].f_code.co_name != "_wait":
            time.sleep(0.01)
        signal.pthread_kill(main, signal.SIGINT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    done = run("--action=pagerduty", "--resolve-after=1h")
    stopping.join()
    assert (0, "ending it now") == (done.exit_code, done.stderr.splitlines()[-1])
    assert ["trigger", "resolve"] == [event["event_action"] for event in far_sides.pagerduty.events]
