"""Who one is by a kubeconfig, as kubectl has it.

Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.identity import ClusterError, Identity, read_token
from outbound import Tls

# What commands and plug-ins give would have to be waited for, and could hang.
_UNSUPPORTED = ("exec", "auth-provider", "username", "password", "as")


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"), hide_input_in_errors=True)


class _Context(_Part):
    cluster: str
    user: str = ""


class _Server(_Part):
    server: str = Field(pattern=r"^https?://[^\s@]+$")
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool = False


class _User(_Part):
    token: str = Field(default="", pattern=r"^[!-~]*$")
    token_file: str = Field(default="", alias="tokenFile")
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""


def from_kubeconfig(path: Path, context: str | None = None) -> Identity:
    """Who one is by a file.

    Args:
        context: instead of the file's current one.

    Raises:
        ClusterError: it cannot be read, or says nothing that can be used.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        chosen = _Context.model_validate(_named(document, "context", context or document.get("current-context")))
        server = _Server.model_validate(_named(document, "cluster", chosen.cluster))
        said = _named(document, "user", chosen.user) if chosen.user else {}
        if refused := next(filter(said.get, _UNSUPPORTED), None):
            raise ClusterError(f"the user has {refused}: a token or a certificate is needed")
        return _identity(path, server, _User.model_validate(said))
    except ValidationError as error:
        # The place alone: what stands there may be a secret.
        reason = f"{error.title.strip('_').lower()}: {error.errors()[0]['loc'][0]} is missing or wrong"
    except OSError as error:
        reason = str(error.strerror)
    except ClusterError as error:
        reason = str(error)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, AttributeError, TypeError):
        reason = "is no kubeconfig"
    raise ClusterError(f"cannot be asked: {path}: {reason}")


def _named(document: Any, kind: str, name: Any) -> dict[str, Any]:
    """The part of a kind that has that name."""
    for each in document.get(f"{kind}s") or ():
        if each.get("name") == name:
            return dict(each.get(kind) or {})
    raise ClusterError(f"has no {kind} {name!r}")


def _identity(path: Path, server: _Server, user: _User) -> Identity:
    files = _Files(path.parent)
    tls = Tls(
        files.file("certificate-authority", server.certificate_authority, server.certificate_authority_data),
        files.file("client-certificate", user.client_certificate, user.client_certificate_data),
        files.file("client-key", user.client_key, user.client_key_data),
        server.tls_server_name,
        server.insecure_skip_tls_verify,
    )
    return Identity(server.server.rstrip("/"), tls, _token(path, user), files)


class _Files:
    """The files that are named, and those that are made of what stands in the kubeconfig itself.

    OpenSSL reads keys from files alone. These are nobody else's to read, and end with this.

    Args:
        beside: what relative names are relative to.
    """

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._made = Path()

    def file(self, name: str, named: str, data: str) -> Path | None:
        """A file; None where there is none."""
        if not data:
            return self._beside / named if named else None
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise ClusterError(f"{name}-data is no base64") from None
        if not self._made.name:
            self._made = Path(tempfile.mkdtemp(prefix="alert-manager-"))
            weakref.finalize(self, shutil.rmtree, self._made, ignore_errors=True)
        made = self._made / name
        made.write_bytes(content)
        return made


def _token(path: Path, user: _User) -> Callable[[], str]:
    if user.token_file:
        return lambda: read_token(path.parent / user.token_file)
    return lambda: user.token
