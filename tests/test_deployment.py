"""What the Kubernetes manifest, the Dockerfile and the locked requirements promise."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import kubernetes_validate
import pytest
import yaml

from actions._kubernetes_settings import VerbName
from scripts.remediation_roles import MANIFEST, filled, name_of

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-charts.txt", "requirements-dev.txt")
# Folders with Python in them that are no part of the running service.
NOT_IN_IMAGE = {"benchmarks", "data", "deploy", "docs", "helm-chart", "prometheus", "scripts", "tests"}

Manifest = dict[str, Any]


@pytest.fixture
def manifests() -> dict[str, Manifest]:
    """The documents of deployment-k8s.yaml by kind; there is one of each."""
    documents = list(yaml.safe_load_all((ROOT / "deployment-k8s.yaml").read_text()))
    assert len(documents) == len({document["kind"] for document in documents})
    return {document["kind"]: document for document in documents}


@pytest.fixture
def pod(manifests: dict[str, Manifest]) -> Manifest:
    """The pod that the Deployment makes."""
    spec: Manifest = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: Manifest) -> Manifest:
    """The pod's one container."""
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


@pytest.fixture
def dockerfile() -> list[tuple[str, str]]:
    """The Dockerfile's instructions as (name, arguments), continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(name, arguments.strip()) for name, _, arguments in (line.partition(" ") for line in lines if line)]


def last(dockerfile: list[tuple[str, str]], name: str) -> str:
    return [arguments for instruction, arguments in dockerfile if instruction == name][-1]


def environment(container: Manifest) -> dict[str, Any]:
    return {variable["name"]: variable["valueFrom"]["secretKeyRef"] for variable in container["env"]}


def blocks(lock: str) -> list[str]:
    """A lock file's requirements, each with its hashes."""
    return re.findall(r"^[^\s#].*(?:\n[ \t]+.*)*", (ROOT / lock).read_text(), flags=re.MULTILINE)


# deployment-k8s.yaml


@pytest.mark.parametrize("version", ["1.28", "1.32", "1.36"])
def test_manifests_follow_the_schema_of_kubernetes(manifests: dict[str, Manifest], version: str) -> None:
    """Every document holds to Kubernetes' own schema, with no key that it does not know."""
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_manifests_have_the_names_that_the_commands_use(manifests: dict[str, Manifest]) -> None:
    """`kubectl port-forward svc/alert-manager -n alert-manager` and its like find what they name."""
    assert {
        "Namespace": (None, "alert-manager"),
        "Secret": ("alert-manager", "alert-manager-secrets"),
        "ConfigMap": ("alert-manager", "alert-manager"),
        "PersistentVolumeClaim": ("alert-manager", "alert-manager"),
        "Deployment": ("alert-manager", "alert-manager"),
        "Service": ("alert-manager", "alert-manager"),
    } == {kind: (each["metadata"].get("namespace"), each["metadata"]["name"]) for kind, each in manifests.items()}


def test_namespace_comes_first(manifests: dict[str, Manifest]) -> None:
    """One `kubectl apply` on an empty cluster makes the namespace before what is in it."""
    assert "Namespace" == next(iter(manifests))


def test_namespace_enforces_the_restricted_pod_security(manifests: dict[str, Manifest]) -> None:
    """No pod that may more than this one starts in the namespace."""
    assert "restricted" == manifests["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]


def test_secret_ships_without_a_value(manifests: dict[str, Manifest]) -> None:
    """Both keys are there to be filled in, and nothing secret is in the repository."""
    assert {"slack_webhook_url": "", "pagerduty_routing_key": ""} == manifests["Secret"]["stringData"]


def test_secrets_reach_the_environment_and_may_be_missing(container: Manifest) -> None:
    """Each secret comes from its key, and the service starts without it too."""
    secret = "alert-manager-secrets"
    assert {
        "SLACK_WEBHOOK_URL": {"name": secret, "key": "slack_webhook_url", "optional": True},
        "PAGERDUTY_ROUTING_KEY": {"name": secret, "key": "pagerduty_routing_key", "optional": True},
    } == environment(container)


def test_prometheus_is_found_from_another_namespace(manifests: dict[str, Manifest], container: Manifest) -> None:
    """The URL names the namespace `monitor`, as the short name resolves only inside it."""
    assert [{"configMapRef": {"name": "alert-manager"}}] == container["envFrom"]
    assert "http://prometheus-server.monitor:9090" == manifests["ConfigMap"]["data"]["PROMETHEUS_URL"]


def test_config_map_holds_nothing_but_text(manifests: dict[str, Manifest]) -> None:
    """Kubernetes refuses numbers and booleans here, which YAML makes of bare words."""
    assert {str} == {type(value) for value in manifests["ConfigMap"]["data"].values()}


def test_commented_config_map_is_a_manifest_too(manifests: dict[str, Manifest], tmp_path: Path) -> None:
    """Without its comment signs the example is a ConfigMap with a configuration that `check-config` finds good."""
    text = (ROOT / "deployment-k8s.yaml").read_text()
    commented = re.search(r"^# ---\n((?:#.*\n)+)", text, flags=re.MULTILINE)
    assert commented
    example = yaml.safe_load(re.sub(r"^# ?", "", commented[1], flags=re.MULTILINE))
    kubernetes_validate.validate(example, "1.32", strict=True)
    assert ("alert-manager", "alert-manager-config") == (
        example["metadata"]["namespace"],
        example["metadata"]["name"],
    )
    (tmp_path / "config.yaml").write_text(example["data"]["config.yaml"])
    variables = {
        "PROMETHEUS_URL": manifests["ConfigMap"]["data"]["PROMETHEUS_URL"],
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x",
        "PAGERDUTY_ROUTING_KEY": "0123456789abcdef0123456789abcdef",
    }
    check = [sys.executable, "app.py", "check-config", str(tmp_path / "config.yaml")]
    done = subprocess.run(check, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_all_that_is_commented_is_a_manifest_too(tmp_path: Path) -> None:
    """With every key taken out of its comment the documents are well-formed, and each secret that is used is there."""
    text = (ROOT / "deployment-k8s.yaml").read_text()
    uncommented = re.sub(r"^( +)# ((?: *- )? *(?:[\w./-]+:(?: .*)?|\{.*\}))$", r"\1\2", text, flags=re.MULTILINE)
    documents = {each["kind"]: each for each in yaml.safe_load_all(uncommented)}
    for each in documents.values():
        kubernetes_validate.validate(each, "1.32", strict=True)
    (only,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    used = {each["valueFrom"]["secretKeyRef"]["key"] for each in only["env"]}
    volumes = {each["name"]: each for each in documents["Deployment"]["spec"]["template"]["spec"]["volumes"]}
    used |= {each["key"] for each in volumes["secrets"]["secret"]["items"]}
    assert used == set(documents["Secret"]["stringData"])
    assert {"SLACK_SIGNING_SECRET", "PAGERDUTY_WEBHOOK_SECRET"} <= {each["name"] for each in only["env"]}
    assert {each["name"] for each in only["volumeMounts"]} == set(volumes)


def test_service_leads_to_the_pod_on_port_8080(manifests: dict[str, Manifest], container: Manifest) -> None:
    """The Service's selector, port and target are those of the pod."""
    service, deployment = manifests["Service"]["spec"], manifests["Deployment"]["spec"]
    assert [{"name": "http", "port": 8080, "targetPort": "http"}] == service["ports"]
    assert [{"name": "http", "containerPort": 8080}] == container["ports"]
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert service["selector"] == deployment["template"]["metadata"]["labels"]


def test_one_replica_at_a_time_holds_the_sqlite_file(manifests: dict[str, Manifest]) -> None:
    """Two pods never write to the one file."""
    deployment = manifests["Deployment"]["spec"]
    assert (1, {"type": "Recreate"}) == (deployment["replicas"], deployment["strategy"])


def test_probes_ask_the_right_pages(container: Manifest) -> None:
    """Storage trouble takes the pod out of service and never restarts it."""
    paths = {name: container[name]["httpGet"] for name in container if name.endswith("Probe")}
    assert {
        "startupProbe": {"path": "/healthz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    } == paths


def test_pod_is_not_root(pod: Manifest) -> None:
    """The pod runs as the user of the image, which owns its volume."""
    assert {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    } == pod["securityContext"]
    assert pod["automountServiceAccountToken"] is False


def test_container_may_nothing(container: Manifest) -> None:
    """The container has no capability, cannot gain one, and cannot write to its image."""
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == container["securityContext"]


def test_only_data_and_tmp_are_written_to(pod: Manifest, container: Manifest) -> None:
    """What is written outlives the pod under data/, or is not meant to under /tmp."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    writable = {m["mountPath"]: volumes[m["name"]] for m in container["volumeMounts"] if not m.get("readOnly")}
    assert {
        "/app/data": {"name": "data", "persistentVolumeClaim": {"claimName": "alert-manager"}},
        "/tmp": {"name": "tmp", "emptyDir": {}},
    } == writable


def test_resources_are_bounded(container: Manifest) -> None:
    """The pod asks for CPU and memory and is held to both."""
    assert {"cpu", "memory"} == set(container["resources"]["requests"])
    assert {"cpu", "memory"} == set(container["resources"]["limits"])


# deployment-k8s-reader.yaml


@pytest.fixture
def reader() -> dict[str, Manifest]:
    """The documents of deployment-k8s-reader.yaml by kind."""
    documents = yaml.safe_load_all((ROOT / "deployment-k8s-reader.yaml").read_text())
    return {document["kind"]: document for document in documents}


@pytest.mark.parametrize("version", ["1.28", "1.32", "1.36"])
def test_reader_follows_the_schema_of_kubernetes(reader: dict[str, Manifest], version: str) -> None:
    """Every document holds to Kubernetes' own schema."""
    assert ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"] == list(reader)
    for manifest in reader.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_reader_may_read_what_is_looked_up_and_change_nothing(reader: dict[str, Manifest]) -> None:
    """What the enrichers ask for, and no more: no secrets, no lists of pods."""
    allowed = {
        (verb, group, resource)
        for rule in reader["ClusterRole"]["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert {
        ("get", "", "pods"),
        ("get", "", "pods/log"),
        ("list", "", "events"),
        ("get", "apps", "replicasets"),
        ("get", "batch", "jobs"),
    } == allowed


def test_reader_is_who_the_deployment_can_be(reader: dict[str, Manifest], manifests: dict[str, Manifest]) -> None:
    """The role is bound to the account that the Deployment's comment names, and by default the pod is nobody."""
    account, binding = reader["ServiceAccount"]["metadata"], reader["ClusterRoleBinding"]
    assert [{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}] == (
        binding["subjects"]
    )
    assert reader["ClusterRole"]["metadata"]["name"] == binding["roleRef"]["name"]
    assert account["namespace"] == manifests["Deployment"]["metadata"]["namespace"]
    text = (ROOT / "deployment-k8s.yaml").read_text()
    assert f"      # serviceAccountName: {account['name']}\n      automountServiceAccountToken: false\n" in text


# deployment-k8s-remediation.yaml


@pytest.fixture
def remediation() -> list[Manifest]:
    """Its documents as they stand."""
    return list(yaml.safe_load_all(MANIFEST.read_text()))


@pytest.fixture
def examples() -> dict[str, Manifest]:
    """Its commented documents by kind."""
    _, *parts = MANIFEST.read_text().split("\n# ---\n")
    texts = [re.match(r"(?:#.*\n)+", part) for part in parts]
    documents = [yaml.safe_load(re.sub(r"^# ?", "", text[0], flags=re.MULTILINE)) for text in texts if text]
    return {document["kind"]: document for document in documents}


def test_remediation_has_the_roles_that_the_code_knows() -> None:
    """After a change of what a verb needs: `python -m scripts.remediation_roles`."""
    text = MANIFEST.read_text()
    assert filled(text) == text


@pytest.mark.parametrize("version", ["1.28", "1.32", "1.36"])
def test_remediation_follows_the_schema_of_kubernetes(
    remediation: list[Manifest], examples: dict[str, Manifest], version: str
) -> None:
    """Every document holds to Kubernetes' own schema, and so does what is to be taken out of its comment."""
    assert ["RoleBinding", "Role", "ClusterRoleBinding"] == list(examples)
    for manifest in [*remediation, *examples.values()]:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_remediation_allows_nothing_as_it_stands(remediation: list[Manifest]) -> None:
    """It has a role for each verb, and no role is anybody's."""
    names = [each["metadata"]["name"] for each in remediation if each["kind"] == "ClusterRole"]
    assert [name_of(verb) for verb in get_args(VerbName)] == names
    assert {"ServiceAccount", "ClusterRole"} == {each["kind"] for each in remediation}


@pytest.mark.parametrize("verb", get_args(VerbName))
def test_a_verb_may_change_what_it_is_about_and_nothing_else(remediation: list[Manifest], verb: str) -> None:
    """Beside reading and leaving events each role has what its verb writes; none has secrets, or all of something."""
    (role,) = (each for each in remediation if each["metadata"]["name"] == name_of(verb))
    allowed = {(right, resource) for rule in role["rules"] for right in rule["verbs"] for resource in rule["resources"]}
    workloads = {("patch", each) for each in ("deployments", "statefulsets", "daemonsets")}
    writes = {
        "scale": {("patch", "deployments/scale"), ("patch", "statefulsets/scale")},
        "restart": workloads,
        "delete_pod": {("delete", "pods")},
        "evict_pod": {("create", "pods/eviction")},
        "cordon": {("patch", "nodes")},
        "uncordon": {("patch", "nodes")},
        "rollback": workloads,
    }
    assert writes[verb] | {("create", "events")} == {each for each in allowed if each[0] not in ("get", "list")}
    assert not {resource for _, resource in allowed} & {"*", "secrets", "configmaps", "pods/exec", "pods/log"}


def test_what_binds_a_role_binds_it_to_who_the_deployment_can_be(
    remediation: list[Manifest], examples: dict[str, Manifest], manifests: dict[str, Manifest]
) -> None:
    """The bindings are of roles that there are, and of the account that the Deployment's comment names."""
    account, *roles = (each["metadata"] for each in remediation)
    assert f"# serviceAccountName: {account['name']}" in (ROOT / "deployment-k8s.yaml").read_text()
    assert account["namespace"] == manifests["Deployment"]["metadata"]["namespace"]
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        assert [subject] == examples[kind]["subjects"]
        assert examples[kind]["roleRef"]["name"] in [each["name"] for each in roles]
    (same,) = (each for each in remediation if each["metadata"]["name"] == examples["Role"]["metadata"]["name"])
    assert same["rules"] == examples["Role"]["rules"]


# Dockerfile


def test_image_is_built_in_two_stages(dockerfile: list[tuple[str, str]]) -> None:
    """What builds the virtual environment stays behind in the first stage."""
    base = "python:${PYTHON_VERSION}-slim"
    assert [f"{base} AS builder", base] == [arguments for name, arguments in dockerfile if name == "FROM"]
    assert "--from=builder /opt/venv /opt/venv" in [arguments for name, arguments in dockerfile if name == "COPY"]


def test_image_holds_the_locked_requirements(dockerfile: list[tuple[str, str]]) -> None:
    """pip refuses whatever is not as it was when the lock was made."""
    (install,) = (arguments for name, arguments in dockerfile if name == "RUN" and "pip" in arguments)
    assert "--require-hashes -r requirements.txt" in install
    assert "REQUIREMENTS=requirements-charts.txt" in [each for name, each in dockerfile if name == "ARG"]
    assert "${REQUIREMENTS} requirements.txt" in [each for name, each in dockerfile if name == "COPY"]


def test_image_runs_as_the_user_of_the_pod(dockerfile: list[tuple[str, str]], pod: Manifest) -> None:
    """The user is a number, by which Kubernetes sees that it is not root."""
    context = pod["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == last(dockerfile, "USER")


def test_image_serves_and_stops_as_the_service_does(dockerfile: list[tuple[str, str]]) -> None:
    """The image runs `python app.py serve`, and `docker run IMAGE check-config` the other commands."""
    assert ["python", "app.py", "serve"] == [
        *json.loads(last(dockerfile, "ENTRYPOINT")),
        *json.loads(last(dockerfile, "CMD")),
    ]
    assert ("8080", "SIGTERM") == (last(dockerfile, "EXPOSE"), last(dockerfile, "STOPSIGNAL"))


def test_healthcheck_fails_where_nothing_answers(dockerfile: list[tuple[str, str]]) -> None:
    """The HEALTHCHECK is a command that runs, and says no when the service is not there."""
    _, _, command = last(dockerfile, "HEALTHCHECK").partition("CMD ")
    _, *arguments = json.loads(command)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free_port = taken.getsockname()[1]
    done = subprocess.run([sys.executable, *arguments], env={"PORT": str(free_port)}, capture_output=True, check=False)
    assert (1, True) == (done.returncode, b"refused" in done.stderr)


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile holds to the rules of hadolint."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "hadolint is missing: it comes with requirements-dev.txt"
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout)


def test_image_holds_every_package_of_the_service() -> None:
    """A new package is in .dockerignore's list, or it is named here as no part of the service."""
    packages = {path.parent.name for path in ROOT.glob("[!.]*/*.py")} - NOT_IN_IMAGE
    allowed = set((ROOT / ".dockerignore").read_text().splitlines())
    assert set() == {f"!{package}" for package in packages} - allowed


def test_image_holds_nothing_that_is_not_named() -> None:
    """.dockerignore shuts everything out before it lets in what it names."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" == next(line for line in lines if not line.startswith("#"))
    assert set() == {f"!{folder}" for folder in NOT_IN_IMAGE} & set(lines)


# requirements*.txt


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_versions_and_hashes(lock: str) -> None:
    """Each requirement is one version with the hashes of its files."""
    pattern = r"[a-z0-9.-]+==\S+(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
    assert [] == [block for block in blocks(lock) if not re.fullmatch(pattern, block)]
    assert blocks(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place(lock: str) -> None:
    """No address of a registry and no path of the machine that made it is in a lock file."""
    text = (ROOT / lock).read_text()
    assert [] == re.findall(r".*(?:://|/|\\\S|--(?!hash=)|@).*", text)


def test_locks_agree() -> None:
    """What is tested is what runs: each lock has all that the one before has."""
    # Where else one is wanted by what comes on top may be written otherwise.
    runtime, drawing, development = ({re.sub(r" ; [^\\]+", " ", each) for each in blocks(lock)} for lock in LOCKS)
    assert set() == runtime - drawing
    assert set() == drawing - development


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_what_is_asked_for(lock: str) -> None:
    """Every name in the .in file has been locked."""
    asked = (ROOT / lock).with_suffix(".in").read_text().lower().splitlines()
    locked = {block.partition("==")[0] for block in blocks(lock)}
    assert set() == {line.partition("[")[0] for line in asked if re.match("[a-z]", line)} - locked
