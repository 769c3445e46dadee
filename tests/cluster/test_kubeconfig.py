"""Who one is by a kubeconfig."""

import base64
import gc
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import ClusterError
from cluster.kubeconfig import from_kubeconfig


def written(folder: Path, user: Any = None, cluster: Any = None, **changes: Any) -> Path:
    """Writes a kubeconfig, with these changes."""
    document = {
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "loopback", "user": "me", "namespace": "shop"}},
            {"name": "nobody", "context": {"cluster": "loopback"}},
            {"name": "broken", "context": {"cluster": "absent"}},
        ],
        "clusters": [{"name": "loopback", "cluster": cluster or {"server": "https://k8s.example:6443/"}}],
        "users": [{"name": "me", "user": user or {"token": "s3cret"}}],
        **changes,
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(document))
    return path


def test_has_the_token_of_the_current_context(tmp_path: Path) -> None:
    """Unless another context is named."""
    path = written(tmp_path)
    found = from_kubeconfig(path)
    assert ("https://k8s.example:6443", "s3cret") == (found.url, found.token())
    assert "" == from_kubeconfig(path, "nobody").token()


def test_reads_files_beside_it(tmp_path: Path) -> None:
    """Their paths are relative to the kubeconfig, and a token's file is read anew."""
    (tmp_path / "token").write_text("one")
    cluster = {"server": "https://k8s.example", "certificate-authority": "ca.crt", "tls-server-name": "inside"}
    user = {"tokenFile": "token", "client-certificate": "/abs/me.crt", "client-key": "me.key"}
    found = from_kubeconfig(written(tmp_path, user, cluster))
    assert "one" == found.token()
    (tmp_path / "token").write_text("two")
    assert "two" == found.token()
    expected = (tmp_path / "ca.crt", Path("/abs/me.crt"), tmp_path / "me.key", "inside", False)
    tls = found.tls
    assert expected == (tls.ca_file, tls.cert_file, tls.key_file, tls.server_name, tls.insecure)


def test_what_stands_in_it_becomes_files_that_nobody_else_reads(tmp_path: Path) -> None:
    """They end with who uses them."""
    data = base64.b64encode(b"PEM").decode()
    cluster = {"server": "https://k8s.example", "certificate-authority-data": data, "insecure-skip-tls-verify": True}
    user = {"client-certificate-data": data, "client-key-data": data}
    found = from_kubeconfig(written(tmp_path, user, cluster))
    files = [found.tls.ca_file, found.tls.cert_file, found.tls.key_file]
    assert [b"PEM"] * 3 == [each.read_bytes() for each in files if each]
    folder = files[0].parent if files[0] else tmp_path
    assert (0o700, True) == (folder.stat().st_mode & 0o777, found.tls.insecure)
    del found
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"current-context": "absent"}, "has no context 'absent'"),
        ({"current-context": "broken"}, "has no cluster 'absent'"),
        ({"contexts": None}, "has no context 'here'"),
        ({"contexts": ["s3cret"]}, "is no kubeconfig"),
        ({"user": {"exec": {"command": "aws", "args": ["s3cret"]}}}, "the user has exec: a token or"),
        ({"user": {"username": "a", "password": "s3cret"}}, "the user has username: a token or"),
        ({"user": {"client-key-data": "s3cret!"}}, "client-key-data is no base64"),
        ({"user": {"token": "s3cret\n"}}, "user: token is missing or wrong"),
        ({"user": {"token": ["s3cret"]}}, "user: token is missing or wrong"),
        ({"cluster": {"server": "https://me:s3cret@k8s.example"}}, "server: server is missing or wrong"),
        ({"cluster": {"certificate-authority": "x"}}, "server: server is missing or wrong"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_says_what_is_wrong(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    """In words that hold no secret."""
    with pytest.raises(ClusterError, match=reason) as caught:
        from_kubeconfig(written(tmp_path, **changes))
    assert str(caught.value).startswith(f"cannot be asked: {tmp_path}/config: ")
    assert "s3cret" not in repr(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"a: [", b"[]", b"s3cret", b"[" * 10_000, b"a: &a [*a]"])
def test_takes_nothing_else_for_one(tmp_path: Path, content: bytes) -> None:
    """A file of something else is said to be none."""
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(ClusterError, match=r"is no kubeconfig|has no context") as caught:
        from_kubeconfig(path)
    assert "s3cret" not in str(caught.value)


def test_says_that_there_is_none(tmp_path: Path) -> None:
    """A file that is away is named."""
    with pytest.raises(ClusterError, match="config: No such file or directory"):
        from_kubeconfig(tmp_path / "config")
