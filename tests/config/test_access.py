"""`web.auth`, and the files that it names."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from config.base import SecretError
from config.logins import is_hash, read_tokens, read_users
from config.schema import Configuration

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

SMALL = "route: {receiver: a}\nreceivers: [{name: a, log_configs: [{}]}]\nweb:\n  auth:\n    "
ZEROS = f"${'0' * 16}${'0' * 128}"


def test_is_open_unless_set(load_yaml: Load) -> None:
    """Nobody may change anything then."""
    auth = load_yaml(SMALL.partition("web:")[0]).file.web.auth
    assert (None, None, None, None, False) == (auth.alert, auth.read, auth.change, auth.trusted_proxy, auth.changers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("change: {}", "change: needs tokens, tokens_file or users_file"),
        ("change: {tokens: []}", "change: needs tokens, tokens_file or users_file"),
        (
            "read: {tokens: [hunter2]}",
            "read.tokens[0]: should have 16 ASCII characters or more and no space: openssl rand -hex 32",
        ),
        ("read: {tokens: [0123456789abcdef], tokens_file: a}", "read: has both tokens and tokens_file"),
        ("alert: {users: [a]}", "alert.users: is no key here; did you mean users_file?"),
        ("trusted_proxy: {}", "trusted_proxy.addresses: is missing"),
        ("trusted_proxy: {addresses: []}", "trusted_proxy.addresses: is empty"),
        (
            "trusted_proxy: {addresses: [proxy.example]}",
            "trusted_proxy.addresses: should be addresses such as 10.0.0.7 or 10.0.0.0/8",
        ),
        (
            "trusted_proxy: {addresses: [10.0.0.1/8]}",
            "trusted_proxy.addresses: should be addresses such as 10.0.0.7 or 10.0.0.0/8",
        ),
        (
            "trusted_proxy: {addresses: ['::/0']}",
            "trusted_proxy.addresses: has every address, so that everybody could be the proxy",
        ),
        (
            "trusted_proxy: {addresses: [10.0.0.7], header: 'X User'}",
            "trusted_proxy.header: should be a header's name such as X-Forwarded-User",
        ),
    ],
)
def test_refuses_nonsense(problems_of: Problems, text: str, expected: str) -> None:
    """At its place, and without what may be a secret."""
    assert [expected] == [re.sub(r"^f.yml:5:\d+ web.auth.", "", each) for each in problems_of(SMALL + text)]


def test_warns_of_files_that_hold_something_else(load_yaml: Load, tmp_path: Path) -> None:
    """As of those that are not there; both may be better by the time that they are used."""
    users = tmp_path / "users"
    users.write_text("jane:hunter2\n")
    text = f"{SMALL}read: {{tokens_file: {tmp_path / 'none'}, users_file: {users}}}"
    warnings = [each.partition("f.yml:")[2] for each in load_yaml(text).warnings]
    hashed = "has no hash as `python app.py hash-password` makes one"
    assert 2 == len(warnings)
    assert any(each.endswith(f"{users}: line 1: {hashed}; it is read when it is used") for each in warnings)
    assert any(each.endswith("No such file or directory; it is read when it is used") for each in warnings)
    assert "hunter2" not in "".join(warnings)


def test_reads_tokens(tmp_path: Path) -> None:
    """One a line, but for remarks and what is empty."""
    file = tmp_path / "tokens"
    file.write_text("# old\n0123456789abcdef\r\n\n  fedcba9876543210  \n#next\n")
    assert ("0123456789abcdef", "fedcba9876543210") == read_tokens(file)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"# nothing\n\n", "is empty"),
        (b"0123456789abcdef\nhunter2\n", "line 2: is no token of 16 ASCII characters or more"),
        (b"0123456789 abcdef\n", "line 1: is no token of 16 ASCII characters or more"),
        (b"\xff\xfe", "is not text"),
        (b"x" * 70_000, "is longer than 64 KiB"),
    ],
)
def test_refuses_what_is_no_file_of_tokens(tmp_path: Path, content: bytes, expected: str) -> None:
    """Whole, so that a file that is broken lets nobody in by its better half."""
    file = tmp_path / "tokens"
    file.write_bytes(content)
    with pytest.raises(SecretError) as caught:
        read_tokens(file)
    assert f"{file}: {expected}" == str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        ("jane\n", "line 1: has no hash as `python app.py hash-password` makes one"),
        (f":scrypt:32768:8:1{ZEROS}", "line 1: should be name:hash"),
        (f"{'j' * 201}:scrypt:32768:8:1{ZEROS}", "line 1: should be name:hash"),
        (f"j\x07:scrypt:32768:8:1{ZEROS}", "line 1: should be name:hash"),
        (f"jane:scrypt:32768:8:1{ZEROS}\n" * 2, "line 2: has a name for the second time"),
        ("jane:$2y$10$abcdefghijklmnopqrstuu", "line 1: has no hash as `python app.py hash-password` makes one"),
    ],
)
def test_refuses_what_is_no_file_of_users(tmp_path: Path, content: str, expected: str) -> None:
    """With the line, and nothing of what stands there."""
    file = tmp_path / "users"
    file.write_text(content)
    with pytest.raises(SecretError) as caught:
        read_users(file)
    assert f"{file}: {expected}" == str(caught.value)


def test_reads_users(tmp_path: Path) -> None:
    """Names as people have them."""
    file = tmp_path / "users"
    file.write_text(f"# on call\njané@example.com:scrypt:32768:8:1{ZEROS}\n")
    assert {"jané@example.com": f"scrypt:32768:8:1{ZEROS}"} == read_users(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (generate_password_hash("x"), True),
        (generate_password_hash("x", "pbkdf2"), True),
        (generate_password_hash("x", "pbkdf2:sha512:1000"), True),
        (f"scrypt:131072:8:1{ZEROS}", True),
        (f"scrypt:1048576:8:1{ZEROS}", False),
        (f"scrypt:32768:999:1{ZEROS}", False),
        (f"scrypt:32767:8:1{ZEROS}", False),
        (f"scrypt:32768:8:0{ZEROS}", False),
        (f"pbkdf2:sha256:999999999{ZEROS}", False),
        (f"pbkdf2:md5:1000{ZEROS}", False),
        ("plain$abcdefgh$hunter2", False),
    ],
)
def test_knows_hashes(text: str, expected: bool) -> None:
    """Those of werkzeug's that are checked in good time, whatever somebody writes into the file."""
    assert expected == is_hash(text)
