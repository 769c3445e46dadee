"""Hooks that are Jobs, on a Kubernetes API server on loopback: one Job for one remediation, whatever happens."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions._hook_job import job_name
from actions._remedy import Remedy
from alerts.remediation import NotPerformed, NotProposed, Performed, Proposal, Ready, Target
from cluster import Cluster
from outbound import Http
from tests.actions.hooks import TEMPLATE, TOKEN, cluster, job, made, proposed, stuck
from tests.far_sides import trouble
from tests.far_sides.http_server import Answer
from tests.far_sides.kubernetes import TOKEN as CLUSTER_TOKEN
from tests.far_sides.kubernetes_jobs import KubernetesJobs, environment, refusal

NAME = f"unstick-{TOKEN}"
MADE = Performed(f"the job automation/{NAME} was made", {"job": f"automation/{NAME}"})
JOBS = "/apis/batch/v1/namespaces/automation/jobs"


@pytest.fixture
def server() -> Iterator[KubernetesJobs]:
    """A cluster without any Job."""
    with KubernetesJobs() as far_side:
        yield far_side


@pytest.fixture
def there(server: KubernetesJobs) -> Iterator[Cluster]:
    """The client of it."""
    with cluster(server.base_url) as client:
        yield client


def perform(action: Remedy, deadline_seconds: float = 5.0, **labels: str) -> Performed:
    """Runs the Job of one remediation."""
    return action.perform(proposed(action, stuck(**labels)), stuck(**labels), TOKEN, deadline_seconds)


def failure(action: Remedy, deadline_seconds: float = 5.0) -> NotPerformed:
    """Returns why a Job is not known to have been made; it tells no secret."""
    with pytest.raises(NotPerformed) as raised:
        perform(action, deadline_seconds)
    assert CLUSTER_TOKEN not in str(raised.value)
    return raised.value


def test_proposes_without_asking_anybody(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """What would be run, where, and of which template."""
    action = made(job(tmp_path), http, there)
    proposal = proposed(action)
    digest = proposal.request["template"]
    does = f"run the job unstick (template {digest[:8]}) in namespace automation about pod shop/cart-1"
    request = {"namespace": "automation", "prefix": "unstick", "template": digest, "by": "job"}

    assert Proposal("job", Target("Pod", "cart-1", "shop"), does, request=request) == proposal
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert [] == server.requests


def test_makes_a_job(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """With one request: the template's, under a name of the remediation's own, which tells what it is for."""
    assert MADE == perform(made(job(tmp_path), http, there))
    found = server.jobs["automation", NAME]
    spec, pod = found["spec"], found["spec"]["template"]["spec"]

    assert [f"POST {JOBS}"] == [f"{each.method} {each.path}" for each in server.requests]
    assert {"team": "shop", "alert-manager/remediation": TOKEN} == found["metadata"]["labels"]
    assert {"alert-manager/rule": "unstick-carts", "alert-manager/alert": stuck().fingerprint} == (
        found["metadata"]["annotations"]
    )
    assert TOKEN == spec["template"]["metadata"]["labels"]["alert-manager/remediation"]
    assert (0, 86_400, "Never") == (spec["backoffLimit"], spec["ttlSecondsAfterFinished"], pod["restartPolicy"])
    assert ("unstick", "registry.example.com/unstick:1.10") == (
        pod["serviceAccountName"],
        pod["containers"][0]["image"],
    )


def test_hands_the_alert_over_as_variables(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """To each container, and what its own variables refer to is there for them."""
    perform(made(job(tmp_path), http, there))
    pod = server.jobs["automation", NAME]["spec"]["template"]["spec"]
    expected = {
        "ALERT_NAME": "CartStuck",
        "ALERT_FINGERPRINT": stuck().fingerprint,
        "ALERT_STARTS_AT": "2022-03-02T07:31:57.339000Z",
        "REMEDIATION_TOKEN": TOKEN,
        "ALERT_LABEL_ALERTNAME": "CartStuck",
        "ALERT_LABEL_NAMESPACE": "shop",
        "ALERT_LABEL_POD": "cart-1",
        "ALERT_LABEL_SEVERITY": "critical",
    }

    assert expected == environment(pod["initContainers"][0])
    assert {**expected, "FROM": "CartStuck on 2026-01-01"} == environment(pod["containers"][0])


@pytest.mark.parametrize(
    "value",
    [
        "$(rm -rf /)",
        "`rm -rf /`; rm -rf / && $HOME ${HOME} | x > /y",
        "$(ALERT_NAME)$$(ALERT_NAME)$$$(ALERT_NAME)$",
        "'\"\\\n\r\t\x1b ü 🛒",
        "--pod=other",
        "",
        "x" * 32_768,
    ],
)
def test_hostile_labels_arrive_as_they_are(
    server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path, value: str
) -> None:
    """No shell, and not the kubelet either, makes anything of them."""
    perform(made(job(tmp_path), http, there), note=value, alertname="CartStuck")
    pod = server.jobs["automation", NAME]["spec"]["template"]["spec"]

    assert value == environment(pod["containers"][0])["ALERT_LABEL_NOTE"]
    command = 'unstick --pod "$ALERT_LABEL_POD" --within 1:30'
    assert ["sh", "-c", command] == pod["containers"][0]["command"]


def test_a_variable_of_the_template_wins(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """Whoever wrote it meant it, whatever an alert says."""
    text = TEMPLATE.replace("{name: FROM,", "{name: ALERT_LABEL_NAMESPACE,")
    perform(made(job(tmp_path, text), http, there), namespace="shop")
    env = server.jobs["automation", NAME]["spec"]["template"]["spec"]["containers"][0]["env"]

    assert ["$(ALERT_NAME) on 2026-01-01"] == [each["value"] for each in env if each["name"] == "ALERT_LABEL_NAMESPACE"]


def test_labels_choose_no_namespace(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """It runs where the configuration says."""
    settings = job(tmp_path, TEMPLATE.replace("  namespace: automation\n", ""))
    server.namespaces.add("shop")
    settings["job"]["namespace"] = "automation"
    perform(made(settings, http, there), namespace="shop")

    assert [("automation", NAME)] == list(server.jobs)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"a.b": "1", "a-b": "2"}, "its labels 'a.b' and 'a-b' would be the same variable, ALERT_LABEL_A_B"),
        ({"x": "a\0b"}, "'x' holds a NUL, which no variable can"),
        ({"x": "a" * 32_769}, "'x' is longer than 32 KiB"),
        ({f"x{at}": "a" * 32_000 for at in range(9)}, "its labels are longer than 256 KiB in all"),
    ],
)
def test_does_not_propose_what_it_cannot_hand_over(
    there: Cluster, http: Http, tmp_path: Path, labels: dict[str, str], words: str
) -> None:
    """Nor would it do it."""
    action = made(job(tmp_path), http, there)
    with pytest.raises(NotProposed) as raised:
        proposed(action, stuck(**labels))
    assert (f"no job can be told of it: {words}", False) == (str(raised.value), raised.value.later)
    with pytest.raises(NotPerformed) as failed:
        action.perform(proposed(action), stuck(**labels), TOKEN, 5)
    assert (f"no job can be told of it: {words}", False) == (str(failed.value), failed.value.in_doubt)


def test_a_second_try_makes_no_second_job(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """The name is taken, and by us: it was done."""
    action = made(job(tmp_path), http, there)

    assert MADE == perform(action) == perform(action)
    assert 1 == len(server.jobs)
    assert ["POST", "POST", "GET"] == [each.method for each in server.requests]


def test_a_job_of_somebody_else_is_none_of_ours(
    server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path
) -> None:
    """It did not happen, and cannot."""
    server.jobs["automation", NAME] = {"metadata": {"name": NAME}}
    action = made(job(tmp_path), http, there)
    error = failure(action)

    assert (False, f"another job is called automation/{NAME}") == (error.in_doubt, str(error))
    assert action.happened(proposed(action), TOKEN, 5) is None


@pytest.mark.parametrize(
    ("answer", "in_doubt"),
    [
        (refusal(400, "BadRequest", "cannot be handled"), False),
        (refusal(401, "Unauthorized", "Unauthorized"), False),
        (refusal(403, "Forbidden", "exceeded quota: compute"), False),
        (refusal(404, "NotFound", 'namespaces "automation" not found'), False),
        (refusal(409, "Conflict", 'Operation cannot be fulfilled on resourcequotas "q"'), False),
        (refusal(422, "Invalid", "spec.template: Invalid value"), False),
        (refusal(429, "TooManyRequests", "too many requests"), False),
        (refusal(500, "InternalError", "etcdserver: request timed out"), True),
        (refusal(503, "ServiceUnavailable", "shutting down"), True),
        (refusal(504, "Timeout", "request did not complete within the allotted timeout"), True),
        (Answer(302, b"elsewhere"), True),
        (Answer(502, b"<html>\nbad gateway"), True),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_judges_the_status(
    server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path, answer: Answer, in_doubt: bool
) -> None:
    """A refusal is one, told in the server's words; after all else it may have been made."""
    server.answer_next(answer.status, answer.body)
    error = failure(made(job(tmp_path), http, there))

    assert in_doubt == error.in_doubt
    assert str(error).startswith(f"Kubernetes: status {answer.status}: ")
    assert "kind" not in str(error)


def test_what_rbac_denies_is_not_done(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """It is said what is missing."""
    action = made(job(tmp_path), http, there)
    server.denied = {"create jobs", "get jobs"}

    assert 'cannot create resource "jobs"' in str(failure(action))
    with pytest.raises(NotPerformed, match='cannot get resource "jobs"') as raised:
        action.happened(proposed(action), TOKEN, 5)
    assert raised.value.in_doubt
    assert 'cannot get resource "jobs"' in action.ready(proposed(action), MADE, 5).detail


@pytest.mark.parametrize(
    ("serve", "in_doubt", "words"),
    [
        (trouble.refusing, False, "connection refused"),
        (trouble.hanging, True, "timed out after 0.3s"),
        (trouble.closing, True, "no usable answer"),
        (trouble.dripping_body, True, "timed out after 0.3s"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_trouble_ends_in_time(serve: Any, in_doubt: bool, words: str, http: Http, tmp_path: Path) -> None:
    """What never arrived was not done; of all else it has to be looked."""
    with serve() as url, cluster(url) as client:
        action = made(job(tmp_path), http, client)
        before = time.monotonic()
        error = failure(action, 0.3)
        with pytest.raises(NotPerformed) as raised:
            action.happened(proposed(action), TOKEN, 0.3)
        ready = action.ready(proposed(action), MADE, 0.3)
        assert time.monotonic() - before < 3

    assert (in_doubt, True, None) == (error.in_doubt, raised.value.in_doubt, ready.ready)
    assert [words in str(each) for each in (error, raised.value, ready.detail)] == [True] * 3


def test_keeps_its_own_timeout(http: Http, tmp_path: Path) -> None:
    """Where that is shorter than what there is."""
    with trouble.hanging() as url, cluster(url) as client:
        assert "timed out after 0.2s" in str(failure(made(job(tmp_path, timeout="200ms"), http, client), 5))


def test_looks_whether_it_happened(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """By its name, which the proposal knows though the template has another by now."""
    action = made(job(tmp_path), http, there)
    proposal = proposed(action)
    assert action.happened(proposal, TOKEN, 5) is None
    action.perform(proposal, stuck(), TOKEN, 5)
    later = made(job(tmp_path, TEMPLATE.replace("unstick\n", "other\n", 1)), http, there)

    assert MADE == action.happened(proposal, TOKEN, 5) == later.happened(proposal, TOKEN, 5)
    assert f"GET {JOBS}/{NAME}" == f"{server.requests[-1].method} {server.requests[-1].path}"


@pytest.mark.parametrize("answer", [Answer(404, b"<html>"), Answer(404, b"[]"), Answer(200, b"x"), Answer(200, b"[]")])
def test_what_is_no_answer_leaves_it_unknown(
    server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path, answer: Answer
) -> None:
    """A proxy that knows no such path has said nothing of the Job."""
    server.answer_next(answer.status, answer.body, times=2)
    action = made(job(tmp_path), http, there)
    with pytest.raises(NotPerformed, match="whether the job was made is not known: Kubernetes: ") as raised:
        action.happened(proposed(action), TOKEN, 5)

    assert raised.value.in_doubt
    assert action.ready(proposed(action), MADE, 5).ready is None


def test_another_template_is_not_run(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """What is run is what was proposed, and perhaps approved."""
    proposal = proposed(made(job(tmp_path), http, there))
    later = made(job(tmp_path, TEMPLATE.replace("1.10", "1.11")), http, there)
    with pytest.raises(NotPerformed, match="the job's template is another") as raised:
        later.perform(proposal, stuck(), TOKEN, 5)

    assert (False, []) == (raised.value.in_doubt, server.requests)
    assert proposal.does != proposed(later).does


@pytest.mark.parametrize(
    ("status", "ready", "detail"),
    [
        ({}, None, "the job has not begun, or has just ended"),
        ({"active": 1}, None, "the job still runs"),
        ({"active": 1, "conditions": [{"type": "Complete", "status": "False"}]}, None, "the job still runs"),
        ({"conditions": "x"}, None, "the job has not begun, or has just ended"),
        ({"conditions": ["x", {"type": "Complete", "status": "True"}]}, True, "the job has completed"),
        (
            {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "a\nb"}]},
            False,
            "the job has failed: a b",
        ),
        ({"conditions": [{"type": "Failed", "status": "True", "reason": "Late"}]}, False, "the job has failed: Late"),
    ],
)
def test_looks_how_it_goes(
    server: KubernetesJobs,
    there: Cluster,
    http: Http,
    tmp_path: Path,
    status: dict[str, Any],
    ready: bool | None,
    detail: str,
) -> None:
    """It has completed, or failed; else nobody can tell yet."""
    action = made(job(tmp_path), http, there)
    performed = perform(action)
    server.set_status(NAME, **status)

    assert Ready(ready, detail) == action.ready(proposed(action), performed, 5)


def test_a_job_that_is_gone_says_nothing(there: Cluster, http: Http, tmp_path: Path) -> None:
    """Its time was over, or somebody took it away."""
    action = made(job(tmp_path), http, there)
    assert Ready(None, f"the job automation/{NAME} is gone") == action.ready(proposed(action), MADE, 5)


def test_what_the_template_says_of_its_runs_holds(
    server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path
) -> None:
    """Where it says so."""
    text = TEMPLATE.replace("spec:\n  template", "spec:\n  backoffLimit: 2\n  ttlSecondsAfterFinished: 60\n  template")
    perform(made(job(tmp_path, text), http, there))
    spec = server.jobs["automation", NAME]["spec"]

    assert (2, 60) == (spec["backoffLimit"], spec["ttlSecondsAfterFinished"])


def test_a_template_of_the_least_is_enough(server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path) -> None:
    """One container, and keys with nothing behind them."""
    pod = "{restartPolicy: ~, initContainers: ~, containers: [{name: a, image: b, env: ~}]}"
    text = "{apiVersion: batch/v1, kind: Job, metadata: {name: a, namespace: automation, labels: ~},"
    perform(made(job(tmp_path, f"{text} spec: {{template: {{metadata: ~, spec: {pod}}}}}}}"), http, there))
    (found,) = server.jobs.values()
    made_of = found["spec"]["template"]["spec"]

    assert "Never" == made_of["restartPolicy"]
    assert "cart-1" == environment(made_of["containers"][0])["ALERT_LABEL_POD"]


@pytest.mark.parametrize("prefix", ["a", "a" * 63, f"{'a' * 39}-{'b' * 20}"])
@pytest.mark.parametrize("token", [TOKEN, f"r{'0' * 32}"])
def test_names_are_labels(prefix: str, token: str) -> None:
    """As RFC 1123 has them, with the whole token at the end."""
    name = job_name(prefix, token)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)
    assert name.endswith(f"-{token}")
    assert len(name) - len(token) <= 41


def test_the_alert_may_have_changed_meanwhile(
    server: KubernetesJobs, there: Cluster, http: Http, tmp_path: Path
) -> None:
    """Its name is the remediation's, whatever the alert says by then."""
    action = made(job(tmp_path), http, there)
    proposal = proposed(action)
    action.perform(proposal, stuck(), TOKEN, 5)

    assert MADE == action.perform(proposal, replace(stuck(), annotations={"summary": "other"}), TOKEN, 5)
    assert 1 == len(server.jobs)
