"""A hook's Job in a real cluster: made once, by who may create and get Jobs and nothing else."""

import uuid
from pathlib import Path

import pytest
import yaml

from actions.hook import Action, Settings
from alerts.remediation import NotPerformed, Ready
from cluster import Cluster
from cluster.kubeconfig import from_kubeconfig
from outbound import Http
from tests.kubernetes.place import Place
from tests.kubernetes.remedies import alert
from tests.kubernetes.rights import Account

SECONDS = 20.0
SHELL = "$(reboot) `reboot`\nline"


def hook(place: Place, folder: Path) -> Action:
    """A hook that runs a Job in the place."""
    containers = [{"name": "unstick", "image": "unstick:1", "command": ["unstick"]}]
    document = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "unstick", "namespace": place.namespace},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    template = folder / "job.yaml"
    template.write_text(yaml.safe_dump(document))
    rules = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]}]
    kubeconfig = Account(place, rules).kubeconfig
    settings = Settings.model_validate({"job": {"template": str(template)}})
    return Action(settings, Http(), Cluster(lambda: from_kubeconfig(kubeconfig)))


def test_a_job_is_made_once(place: Place, tmp_path: Path) -> None:
    """A second try finds the first one's Job, in which what the alert says is text and nothing else."""
    action, token = hook(place, tmp_path), f"r{uuid.uuid4().hex[:16]}"
    fires = alert(namespace=place.namespace, pod="cart-0", reason=SHELL)
    proposal = action.propose(fires, SECONDS)
    assert action.happened(proposal, token, SECONDS) is None
    performed = action.perform(proposal, fires, token, SECONDS)
    assert performed == action.perform(proposal, fires, token, SECONDS)
    assert performed == action.happened(proposal, token, SECONDS)
    (made,) = place.list("jobs")
    assert token == made["metadata"]["labels"]["alert-manager/remediation"]
    pod = made["spec"]["template"]["spec"]
    told = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    # As Kubernetes has it: a doubled dollar is one, and is not looked into.
    assert (SHELL, "Never", 0) == (
        told["ALERT_LABEL_REASON"].replace("$$", "$"),
        pod["restartPolicy"],
        made["spec"]["backoffLimit"],
    )


@pytest.mark.parametrize(("phase", "is_well"), [("Succeeded", True), ("Failed", False)])
def test_a_job_is_as_it_should_be_once_it_has_completed(
    place: Place, tmp_path: Path, phase: str, is_well: bool
) -> None:
    """Of one that runs nobody knows; what has completed is well, and what has failed is not."""
    action, token = hook(place, tmp_path), f"r{uuid.uuid4().hex[:16]}"
    fires = alert(namespace=place.namespace, pod="cart-0")
    proposal = action.propose(fires, SECONDS)
    performed = action.perform(proposal, fires, token, SECONDS)
    assert action.ready(proposal, performed, SECONDS).ready is None
    pods = f"{place.path('pods')}?labelSelector=alert-manager/remediation={token}"
    (pod, *_) = place.api.wait_until(lambda: place.api.get(pods)["items"])
    place.change("pods", pod["metadata"]["name"], {"status": {"phase": phase}}, "status")

    def ended() -> Ready | None:
        found = action.ready(proposal, performed, SECONDS)
        return None if found.ready is None else found

    assert is_well is place.api.wait_until(ended).ready


def test_another_job_of_that_name_is_no_second(place: Place, tmp_path: Path) -> None:
    """What somebody else called so is not ours, and nothing is made."""
    action, token = hook(place, tmp_path), f"r{uuid.uuid4().hex[:16]}"
    fires = alert(namespace=place.namespace, pod="cart-0")
    proposal = action.propose(fires, SECONDS)
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "other:1"}]}}
    place.make("jobs", {"metadata": {"name": f"unstick-{token}"}, "spec": {"template": template}})
    with pytest.raises(NotPerformed, match="another job") as error:
        action.perform(proposal, fires, token, SECONDS)
    assert (False, 1) == (error.value.in_doubt, len(place.list("jobs")))
