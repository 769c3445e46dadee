"""A real Kubernetes API on loopback: etcd, kube-apiserver and the controllers, without nodes and kubelets.

What a kubelet would say, tests say for it: a pod runs once `pods/status` has been told so.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import requests
import yaml

from tests.far_sides import process
from tests.far_sides.certificate import make_certificate

# Of system:masters, whom RBAC refuses nothing.
ADMIN = "admin-of-the-tests"
_START_SECONDS = 60.0
_CONTROLLERS = "deployment,replicaset,statefulset,daemonset,disruption,job,garbagecollector,namespace"
# Every request with what it named and was answered, as it came in.
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}

Object = dict[str, Any]
Found = TypeVar("Found")


class KubeApiserver:
    """An API server of Kubernetes 1.20 with RBAC, an audit log, and the controllers of workloads.

    Args:
        programs: the folder with kube-apiserver and kube-controller-manager (scripts/build-kubernetes.sh).
        folder: a temporary one, for its data, logs, keys.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        """Starts nothing yet."""
        self._programs = programs
        self._folder = folder
        self._running = ExitStack()
        self.url = f"https://127.0.0.1:{process.free_port()}"
        self.ca_file = folder / "cert.pem"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {ADMIN}"

    def __enter__(self) -> Self:
        try:
            self._running.callback(self._session.close)
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        certificate, key = make_certificate(self._folder)
        self._session.verify = str(certificate)
        etcd = self._etcd()
        (self._folder / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n')
        (self._folder / "audit.yaml").write_text(json.dumps(_AUDIT))
        command = [
            str(self._programs / "kube-apiserver"),
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={urlsplit(self.url).port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--cert-dir={self._folder}",
            f"--token-auth-file={self._folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={certificate}",
            # It would have every pod wait for a token that nobody makes here.
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={self._folder / 'audit.yaml'}",
            f"--audit-log-path={self._folder / 'audit.log'}",
        ]
        # RBAC itself lets anybody ask this, once its own roles are there.
        ready = f"{self.url}/readyz"
        log = self._folder / "kube-apiserver.log"
        self._running.enter_context(
            process.running(command, ready, log, ca_file=certificate, start_seconds=_START_SECONDS)
        )
        self._controllers()

    def _etcd(self) -> str:
        process.require("etcd")
        client, peer = (f"http://127.0.0.1:{process.free_port()}" for _ in range(2))
        command = [
            str(shutil.which("etcd")),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]
        log = self._folder / "etcd.log"
        self._running.enter_context(process.running(command, f"{client}/health", log, start_seconds=_START_SECONDS))
        return client

    def _controllers(self) -> None:
        port = process.free_port()
        command = [
            str(self._programs / "kube-controller-manager"),
            f"--kubeconfig={self.kubeconfig('controllers', ADMIN)}",
            f"--controllers={_CONTROLLERS}",
            "--leader-elect=false",
            # Its own, of 20 a second, would have tests wait for one another.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            "--port=0",
            f"--cert-dir={self._folder / 'controllers'}",
            f"--tls-cert-file={self.ca_file}",
            f"--tls-private-key-file={self._folder / 'key.pem'}",
            "--authorization-always-allow-paths=/healthz",
        ]
        ready, log = f"https://127.0.0.1:{port}/healthz", self._folder / "kube-controller-manager.log"
        self._running.enter_context(
            process.running(command, ready, log, ca_file=self.ca_file, start_seconds=_START_SECONDS)
        )

    def kubeconfig(self, name: str, token: str) -> Path:
        """Writes a kubeconfig by which one is who the token says."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "real", "user": "me"}}],
            "clusters": [{"name": "real", "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": "me", "user": {"token": token}}],
        }
        path = self._folder / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    def ask(self, method: str, path: str, body: Any = None, *, patch: str = "merge-patch") -> requests.Response:
        """Asks as the administrator, whatever the answer's status is."""
        kind = f"application/{patch}+json" if method == "PATCH" else "application/json"
        return self._session.request(
            method,
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": kind},
            timeout=30,
        )

    def done(self, method: str, path: str, body: Any = None, *, patch: str = "merge-patch") -> Object:
        """Asks as the administrator and returns the answer; AssertionError where it is a refusal."""
        answer = self.ask(method, path, body, patch=patch)
        if not answer.ok:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        found: Object = answer.json()
        return found

    def get(self, path: str) -> Object:
        """Returns what is there."""
        return self.done("GET", path)

    def apply(self, manifest: Mapping[str, Any], path: str) -> Object:
        """Makes what a manifest says among what has that path, or puts it in the place of what has its name."""
        made = self.ask("POST", path, manifest)
        if made.status_code == 409:
            return self.done("PUT", f"{path}/{manifest['metadata']['name']}", manifest)
        if not made.ok:
            raise AssertionError(f"POST {path}: {made.status_code} {made.text}")
        found: Object = made.json()
        return found

    def token(self, namespace: str, account: str) -> str:
        """Makes a service account, if there is none, and returns a token of its own."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        manifest = {"metadata": {"name": account}}
        answer = self.ask("POST", accounts, manifest)
        assert answer.status_code in (201, 409), answer.text
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        return str(self.done("POST", f"{accounts}/{account}/token", wanted)["status"]["token"])

    def wait_until(self, look: Callable[[], Found | None], timeout_seconds: float = 30.0) -> Found:
        """Looks every 50 ms until something is found; AssertionError with what the controllers logged if not."""
        deadline = time.monotonic() + timeout_seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                log = (self._folder / "kube-controller-manager.log").read_text(errors="replace")
                raise AssertionError(f"not seen within {timeout_seconds} s; the controllers' log ends:\n{log[-2000:]}")
            time.sleep(0.05)
        return found

    def audited(self) -> list[Object]:
        """Every request that it has answered, oldest first."""
        # Its last line may be half written.
        lines = (self._folder / "audit.log").read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]
