"""Where a cluster's API is, and who one is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from outbound import Tls

# https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ClusterError(Exception):
    """There is no answer; the message follows the word Kubernetes and holds no secret.

    Args:
        sent: the API server may have got the request.
        status: of an answer that began; 0 where none did.
    """

    def __init__(self, message: str, *, sent: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.sent = sent
        self.status = status


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom to ask, as whom.

    Attributes:
        url: the API server's.
        tls: what its certificate is held against, and one's own.
        token: gives what is sent along, "" where there is none; ClusterError where it cannot be had just now.
        kept: what must live as long, such as files made for it.
    """

    url: str
    tls: Tls
    token: Callable[[], str]
    kept: object = None


def in_cluster(variables: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Identity:
    """Who a pod is, by the service account that is mounted there.

    Args:
        variables: the environment.
        folder: where the account is mounted.

    Raises:
        ClusterError: this is no pod, or it has no service account.
    """
    host, port = variables.get("KUBERNETES_SERVICE_HOST"), variables.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ClusterError("is not around: this is no pod (KUBERNETES_SERVICE_HOST is not set)")
    authority = f"{'[' + host + ']' if ':' in host else host}:{port}"
    token_file = folder / "token"
    read_token(token_file)
    return Identity(f"https://{authority}", Tls(ca_file=folder / "ca.crt"), lambda: read_token(token_file))


def own_namespace(variables: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> str:
    """The namespace that this runs in, as its pod says; "" where it runs in none.

    Args:
        variables: the environment, in which POD_NAMESPACE may say it.
        folder: where the account is mounted.
    """
    if said := variables.get("POD_NAMESPACE", "").strip():
        return said
    try:
        return (folder / "namespace").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def read_token(file: Path) -> str:
    """A token, read anew each time: the kubelet puts another one there long before it ends.

    Raises:
        ClusterError: there is none.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no token"
        mounted = "; is automountServiceAccountToken false?" if isinstance(error, FileNotFoundError) else ""
        raise ClusterError(f"cannot be asked: {file}: {reason}{mounted}") from None
    if not token or not token.isprintable() or " " in token:
        raise ClusterError(f"cannot be asked: {file}: is no token")
    return token
