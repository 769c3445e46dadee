"""`explain` on the command line: for people, and for programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.model import Alert
from alerts.remediation import NotProposed, Proposal
from app import cli
from commands.explain import make_command
from tests.pipeline.rules import Rule, restart, ruled
from tests.samples import SEED, webhook, wire_alert

CONFIGURED = """
route:
  receiver: chat
  routes:
  - {receiver: on-call, matchers: ['severity=~"(?i)critical"']}
receivers:
- name: chat
  webhook_configs: [{url: 'http://127.0.0.1:1/s3cret'}]
- name: on-call
  pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
  email_configs: [{to: a@example.com, from: b@example.com, smarthost: 'localhost:25'}]
"""
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with a configuration and the README's payload."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/none/x.db")
    (tmp_path / "config.yaml").write_text(CONFIGURED)
    (tmp_path / "seed.json").write_bytes(SEED)

    def run(*arguments: str, stdin: str | None = None) -> Result:
        command = ["explain", f"--config={tmp_path / 'config.yaml'}", *arguments]
        return CliRunner().invoke(cli, command, input=stdin, catch_exceptions=False)

    return run


def test_tells_people(run: Run, tmp_path: Path) -> None:
    """Each route that was tried, who is told what, and what would be asked; and that nothing is known."""
    done = run(str(tmp_path / "seed.json"), "--at=2026-03-02T07:00:00Z")
    assert 0 == done.exit_code
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "as of 2026-03-02T07:00:00+00:00" == lines[0]
    assert '✓ route.routes[0] {severity=~"(?i)critical"} → on-call' in lines
    assert {"on-call/pagerduty/0 is told", "on-call/email/0 is told"} <= set(lines)
    assert {"To: a@example.com", "| Pod is crash looping.", "severity: critical"} <= set(lines)
    assert "<html" not in done.stdout
    assert any(line.startswith("cpu: ") for line in lines)
    assert "as if nothing had come before" in done.stderr
    assert "0123456789abcdef" not in done.stdout
    assert not (tmp_path / "none").exists()


def test_tells_programs(run: Run) -> None:
    """As JSON, of what comes on standard input."""
    payload = webhook(wire_alert("A\x1b[31m", severity="warning"))
    done = run("-", "--json", stdin=json.dumps(payload))
    (group,) = json.loads(done.stdout)["groups"]
    assert ["chat/webhook/0"] == [each["destination"] for each in group["deliveries"]]
    assert "s3cret" not in done.stdout
    shown = run("-", stdin=json.dumps(payload)).stdout
    assert "\x1b" not in shown
    assert "✗ route.routes[0]: severity=~\"(?i)critical\": it is 'warning'" in shown


def test_writes_what_can_be_looked_at(run: Run, tmp_path: Path) -> None:
    """A mail as mail programs show it, all else as JSON; in files whose names say whom they are for."""
    done = run(str(tmp_path / "seed.json"), f"--out={tmp_path / 'out' / 'seen'}")
    assert 0 == done.exit_code
    folder = tmp_path / "out" / "seen"
    names = ["01-on-call-pagerduty-0.json", *(f"02-on-call-email-0.{kind}" for kind in ("html", "json", "txt"))]
    assert names == sorted(each.name for each in folder.iterdir())
    assert (folder / names[1]).read_text().startswith("<!DOCTYPE html>")
    assert (folder / names[3]).read_text().startswith("[FIRING] KubePodCrashLooping\n")
    assert "trigger" == json.loads((folder / names[0]).read_text())["event_action"]
    assert [f"wrote {folder / name}" for name in sorted(names)] == sorted(
        line for line in done.stderr.splitlines() if line.startswith("wrote")
    )


def test_says_where_it_cannot_write(run: Run, tmp_path: Path) -> None:
    """What stands in the way is named."""
    (tmp_path / "file").write_text("")
    done = run(str(tmp_path / "seed.json"), f"--out={tmp_path / 'file' / 'x'}")
    assert (1, True) == (done.exit_code, f"{tmp_path}/file/x: cannot be written: Not a directory" in done.stderr)


def test_says_which_template_failed(run: Run, tmp_path: Path) -> None:
    """Beside what stands in its place, in every kind's message."""
    fails = "'{% if leading.name == \"Odd\" %}{{ nonesuch }}{% endif %}'"
    (tmp_path / "config.yaml").write_text(
        CONFIGURED.replace("s3cret'", f"s3cret', payload: {{a: {fails}}}")
        .replace("abcdef}", f"abcdef, description: {fails}}}")
        .replace("'localhost:25'", f"'localhost:25', html: {fails}, headers: {{Subject: {fails}}}")
        .replace("routes:", "routes:\n  - {receiver: chat, matchers: [alertname=Odd], continue: true}")
    )
    payload = json.dumps(webhook(wire_alert("Odd", severity="critical")))
    lines = [line.strip() for line in run("-", stdin=payload).stdout.splitlines()]
    assert ["payload.a", "description", "headers.Subject", "html"] == [
        line.split(": ")[1] for line in lines if line.startswith("template failed: ")
    ]
    deliveries = json.loads(run("-", "--json", stdin=payload).stdout)["groups"][0]["deliveries"]
    assert [1, 1, 2] == [len(each["template_errors"]) for each in deliveries]
    assert "A template failed, and this stands in its place: html: " in deliveries[2]["message"]["html"]


def test_tells_people_what_would_be_done(tmp_path: Path) -> None:
    """About each alert, and what stands in the way."""

    def proposes(alert: Alert) -> Proposal:
        if alert.labels["deployment"] == "gone":
            raise NotProposed("there is no deployment \x1b[31mshop/gone")
        return restart(alert)

    running = ruled(tmp_path, Rule(proposes), approval="page", approvers=["jane"], max_targets=9)
    command = make_command(lambda file: running, lambda configuration: f"sqlite:///{tmp_path}/none.db")
    alerts = [wire_alert("Crash", deployment=each, namespace="shop") for each in ("cart", "gone", *"abcd")]
    alerts.append(wire_alert("Crash", deployment="dns", namespace="kube-system", severity="critical"))
    done = CliRunner().invoke(command, ["-"], input=json.dumps(webhook(*alerts)), catch_exceptions=False)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "fix/log/0 takes it up" in lines
    assert "it would be done, once it is approved (page)" in lines
    assert "stopped by denied_namespaces: nothing is ever done in kube-system" in lines
    assert "✗ denied_namespaces: nothing is ever done in kube-system" in lines
    assert "it is: replicas 3" in lines
    assert "and 2 more alerts, of which it was not asked what would be done" in lines
    assert any(line.endswith(": restart deployment shop/cart") for line in lines)
    nothing = [line for line in lines if "nothing would be done: there is no deployment" in line]
    assert (1, False) == (len(nothing), "\x1b" in done.stdout)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["-"], "{", 1, "is not JSON"),
        (["-"], "[]", 1, "the list of alerts is empty"),
        (["-", "--at=yesterday"], "{}", 2, "should be a time such as"),
        (["nowhere.json"], "", 2, "nowhere.json"),
        ([], "", 2, "Missing argument"),
    ],
)
def test_refuses_nonsense(run: Run, arguments: list[str], stdin: str, code: int, said: str) -> None:
    """With what is wrong, and no traceback."""
    done = run(*arguments, stdin=stdin)
    assert code == done.exit_code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
