"""Hooks as rules of the whole pipeline: called, or run as a Job, once for one firing, whatever the far side does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import building
from actions.hook import Action, Settings
from cluster import Cluster
from outbound import Http
from outbox.records import Remediation
from outbox.store import Store
from pipeline import Pipeline, Running
from tests.actions.hooks import SECRET, TEMPLATE, cluster, nowhere
from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.far_sides.kubernetes_jobs import KubernetesJobs, environment
from tests.pipeline.parts import Clock, Recorder, body, started
from tests.samples import webhook, wire_alert
from tests.service import eventually

CONFIGURATION = """
web: {auth: {alert: {tokens: [token-of-alertmanager]}}}
route:
  receiver: on-call
  routes: [{receiver: fix, matchers: ['fixable="yes"'], continue: true}, {receiver: on-call}]
receivers:
- name: on-call
  log_configs: [{}]
- name: fix
  hook_configs:
  - """
ALLOWED = "namespaces: [shop], kinds: [Pod], names: [cart-*], settle: 1s, verify_after: 5s"


class Automation(HttpServer):
    """Keeps each token, and says of it what it was told to; `forgetful` once loses the answer to a call."""

    def __init__(self) -> None:
        """Knows no token."""
        super().__init__()
        self.tokens: list[str] = []
        self.forgetful = False
        self.status = "done"

    def answer(self, request: Request) -> Answer:
        """Takes a call, or says what became of one."""
        if request.method == "GET":
            known = request.path.rpartition("/")[2] in self.tokens
            return Answer(200, json.dumps({"status": self.status}).encode()) if known else Answer(404)
        token = request.json()["token"]
        if token not in self.tokens:
            self.tokens.append(token)
        forgets, self.forgetful = self.forgetful, False
        return Answer(503 if forgets else 202)


@pytest.fixture
def automation() -> Iterator[Automation]:
    """One that runs."""
    with Automation() as far_side:
        yield far_side


class Office:
    """The service with one hook."""

    def __init__(self, folder: Path, engine: Engine, clock: Clock) -> None:
        self.folder, self.engine, self.clock = folder, engine, clock

    @contextmanager
    def open(self, rule: str, at: Cluster) -> Iterator[Pipeline]:
        """Runs it for the length of a block."""
        (self.folder / "job.yaml").write_text(TEMPLATE)
        (self.folder / "config.yaml").write_text(f"{CONFIGURATION}{{{rule}, {ALLOWED}}}\n")
        configuration = building.configure({}, self.folder / "config.yaml")
        settings = configuration.receivers[1].actions[0].settings
        assert isinstance(settings, Settings)
        self.store, http = Store(self.engine, "a"), Http()
        actions: dict[str, Any] = {"on-call/log/0": Recorder(), "fix/hook/0": Action(settings, http, at)}
        with started(pipeline := Pipeline(Running(configuration, actions), self.store, self.clock)):
            yield pipeline
        http.close()

    def done(self, pipeline: Pipeline, **labels: str) -> Remediation:
        """Tells of a pod, and returns what came of it."""
        alert = wire_alert("Stuck", namespace="shop", pod="cart-1", fixable="yes", **labels)
        pipeline.accept(body(webhook({**alert, "generatorURL": ""}, group_key="g")))

        def look() -> list[Remediation]:
            self.clock.pass_seconds(0.5)
            return [each for each in self.store.remediations.list(10) if each.state == "done"]

        (found,) = eventually(look, "a remediation that is done", timeout_seconds=30)
        return found


@pytest.fixture
def office(tmp_path: Path, engine: Engine, clock: Clock) -> Office:
    """One that is not open yet."""
    return Office(tmp_path, engine, clock)


def calling(automation: Automation, dry_run: bool = False) -> str:
    """Returns a rule that calls it."""
    url = automation.base_url
    said = f"url: '{url}/x', secret: {SECRET}, status_url: '{url}/states/{{{{ token }}}}'"
    return f"{said}, dry_run: {str(dry_run).lower()}"


@pytest.mark.parametrize("forgetful", [False, True])
def test_calls_once(office: Office, automation: Automation, forgetful: bool) -> None:
    """Though the answer is lost, for then it is asked; what was done is verified by both, the alert and the hook."""
    automation.forgetful = forgetful
    with nowhere() as at, office.open(calling(automation), at) as pipeline:
        done = office.done(pipeline)

    assert ([done.token], "not_fixed", "hook") == (automation.tokens, done.result, done.verb)
    assert "call the hook about pod shop/cart-1: the alert still fires; the hook says that it is done" == done.detail
    assert 1 == len([each for each in automation.requests if each.method == "POST"])


def test_a_dry_run_calls_nothing(office: Office, automation: Automation) -> None:
    """It says what it would do."""
    with nowhere() as at, office.open(calling(automation, dry_run=True), at) as pipeline:
        done = office.done(pipeline)

    assert ("dry_run", []) == (done.result, automation.requests)


def test_what_is_refused_is_not_done(office: Office, automation: Automation) -> None:
    """And is not tried again."""
    automation.answer_next(403, b"not today")
    with nowhere() as at, office.open(calling(automation), at) as pipeline:
        done = office.done(pipeline)

    assert ("failed", 1) == (done.result, len(automation.requests))
    assert "the hook: status 403: not today" == done.detail


def test_runs_a_job_once(office: Office) -> None:
    """With the answer lost, too; labels arrive as they are."""
    with KubernetesJobs() as server, cluster(server.base_url) as at:
        server.answer_next(504)
        with office.open("job: {template: job.yaml}, dry_run: false", at) as pipeline:
            done = office.done(pipeline, note="$(ALERT_NAME); rm -rf /")
        ((_, name),) = server.jobs
        (container,) = server.jobs["automation", name]["spec"]["template"]["spec"]["containers"]

    assert (f"unstick-{done.token}", "job", "not_fixed") == (name, done.verb, done.result)
    assert "$(ALERT_NAME); rm -rf /" == environment(container)["ALERT_LABEL_NOTE"]
    assert ["POST", "GET", "POST", "GET"] == [each.method for each in server.requests]


def test_what_cannot_be_told_is_not_done(office: Office) -> None:
    """The remediation says why."""
    with KubernetesJobs() as server, cluster(server.base_url) as at:
        with office.open("job: {template: job.yaml}, dry_run: false", at) as pipeline:
            done = office.done(pipeline, POD="other")
        assert [] == server.requests

    assert "refused" == done.result
    assert "its labels 'pod' and 'POD' would be the same variable, ALERT_LABEL_POD" in done.detail
