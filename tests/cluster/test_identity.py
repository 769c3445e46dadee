"""Who a pod is: by the account that is mounted there, and by nothing else."""

from pathlib import Path

import pytest

from cluster import ClusterError, in_cluster

VARIABLES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}


def test_is_who_is_mounted(tmp_path: Path) -> None:
    """The address is the environment's, the token the file's, each time anew."""
    token = tmp_path / "token"
    token.write_text("one\n")
    found = in_cluster(VARIABLES, tmp_path)
    assert ("https://10.0.0.1:6443", tmp_path / "ca.crt", "one") == (found.url, found.tls.ca_file, found.token())
    token.write_text("two")
    assert "two" == found.token()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, "https://[fd00::1]:443"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "https://10.0.0.1:443"),
    ],
)
def test_knows_every_address(tmp_path: Path, variables: dict[str, str], expected: str) -> None:
    """An address of IPv6 stands in brackets, and the port is the usual one unless it is said."""
    (tmp_path / "token").write_text("one")
    assert expected == in_cluster(variables, tmp_path).url


def test_says_that_it_is_no_pod(tmp_path: Path) -> None:
    """Outside of a cluster there is nobody to ask."""
    with pytest.raises(ClusterError, match="this is no pod"):
        in_cluster({}, tmp_path)


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"\xff\xfe", b"a\r\nX-Header: b"])
def test_takes_nothing_else_for_a_token(tmp_path: Path, content: bytes) -> None:
    """What no header could carry is refused, and is not repeated."""
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ClusterError, match=r"is no token$"):
        in_cluster(VARIABLES, tmp_path)


def test_says_why_there_is_no_token(tmp_path: Path) -> None:
    """The usual reason is named."""
    with pytest.raises(ClusterError, match="No such file or directory; is automountServiceAccountToken false"):
        in_cluster(VARIABLES, tmp_path)
