"""What every settings class is made of: types that read text, secrets, and keys left out."""

import os
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, ValidationError

from config.base import (
    DurationSeconds,
    HttpUrl,
    SecretError,
    SecretUrl,
    Settings,
    SizeBytes,
    http_url,
    read_secret,
    require_one,
)

SECRET = "hunter2"


class Example(Settings):
    """Settings with one of each type."""

    wait: DurationSeconds = 1.5
    room: SizeBytes = 10
    url: HttpUrl = "http://a.example"
    secret_url: SecretUrl | None = None
    secret: SecretStr | None = None
    names: tuple[str, ...] = ("default",)
    class_: Annotated[str, Field(alias="class")] = "first"


def test_reads_text() -> None:
    """Durations and sizes are read from the text that a file has; numbers of our own stay."""
    settings = Example.model_validate(
        {"wait": "1m30s", "room": "2KiB", "url": "https://b.example:8443/x?y=z", "class": "second"}
    )

    assert (90.0, 2048, "https://b.example:8443/x?y=z", "second") == (
        settings.wait,
        settings.room,
        settings.url,
        settings.class_,
    )
    assert (2.0, 7) == (Example(wait=2.0).wait, Example(room=7).room)


def test_a_key_with_nothing_behind_it_is_left_out() -> None:
    """`names:` with every element commented out means the default, as Alertmanager takes it."""
    assert Example() == Example.model_validate(dict.fromkeys(("wait", "room", "url", "secret", "names", "class")))


@pytest.mark.parametrize(
    "data",
    [{"unknown": 1}, {"unknown": None}, {"class_": "x"}, {"class_": None}],
    ids=["with a value", "with nothing", "a field's own name", "a field's own name with nothing"],
)
def test_rejects_unknown_keys(data: dict[str, object]) -> None:
    """A key that is not there is refused, even with nothing behind it."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Example.model_validate(data)


def test_cannot_be_changed() -> None:
    """Settings are read once and stay."""
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Example(), "wait", 2.0)  # noqa: B010  # assigned outright, mypy sees it


@pytest.mark.parametrize(
    "data",
    [
        {"wait": SECRET},
        {"room": SECRET},
        {"url": f"ftp://{SECRET}.example"},
        {"secret_url": f"{SECRET}.example/services"},
        {"secret": [SECRET]},
        {"secret": {SECRET: SECRET}},
        {"names": SECRET},
    ],
    ids=["a duration", "a size", "a URL", "a secret URL", "a list", "a mapping", "a text for a list"],
)
def test_never_shows_a_value(data: dict[str, object]) -> None:
    """An error names the key and what was expected, and nothing of what was given."""
    with pytest.raises(ValidationError) as caught:
        Example.model_validate(data)

    assert SECRET not in str(caught.value)


def test_never_shows_a_secret() -> None:
    """What holds a secret shows stars, wherever it is printed."""
    settings = Example(secret=SecretStr(SECRET), secret_url=SecretStr(f"https://hooks.example/{SECRET}"))

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://a.example/path?query#fragment",
        "http://127.0.0.1:9090/prefix/",
        "http://[::1]:9090",
        "https://user:password@a.example",
        "https://ü.example",
    ],
)
def test_takes_whole_urls(url: str) -> None:
    """A whole URL is taken as it is."""
    assert url == http_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "//a.example",
        "/path",
        "http:",
        "http://",
        "http:///path",
        "http://:80",
        "ftp://a.example",
        "javascript:alert(1)",
        "http://a.example:0",
        "http://a.example:99999",
        "http://a.example:port",
        "http://[::1",
        "http://a .example",
        "http://a.example/\n",
        " http://a.example",
    ],
)
def test_rejects_what_is_no_whole_url(url: str) -> None:
    """Half a URL, or another scheme, is refused without being repeated."""
    with pytest.raises(ValueError, match=r"^is not an http:// or https:// URL$"):
        http_url(url)


def test_reads_a_secret_from_its_value_or_its_file(tmp_path: Path) -> None:
    """A value is the secret as it is; a file is stripped, and read anew each time, so that it can be rotated."""
    path = tmp_path / "secret"
    path.write_text(f" {SECRET}\n")
    first = read_secret(None, path)
    path.write_text("rotated")

    assert (f" {SECRET}", SECRET, "rotated") == (
        read_secret(SecretStr(f" {SECRET}"), None),
        first,
        read_secret(None, path),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"\xff", "is not text"),
        (b" \n", "is empty"),
        (b"a" * 65_537, "is longer than 64 KiB"),
    ],
    ids=["missing", "not text", "empty", "long"],
)
def test_says_which_secret_file_cannot_be_read(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """The message names the file; it may be there next time."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SecretError) as caught:
        read_secret(None, path)

    assert f"{path}: {reason}" == str(caught.value)


def test_waits_for_no_pipe(tmp_path: Path) -> None:
    """Nobody writes to it; a device never ends."""
    pipe = tmp_path / "secret"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(SecretError, match=f"^{path}: is no file$"):
            read_secret(None, path)


def test_a_secret_is_given_somehow() -> None:
    """Neither a value nor a file is no secret."""
    with pytest.raises(SecretError, match="neither a value nor a file is set"):
        read_secret(None, None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"secret": "x"}, ""),
        ({"secret_url": "http://x"}, ""),
        ({}, "needs secret or secret_url"),
        ({"secret": "x", "secret_url": "http://x"}, "has both secret and secret_url"),
    ],
    ids=["the one", "the other", "neither", "both"],
)
def test_requires_exactly_one(data: dict[str, str], expected: str) -> None:
    """Of two ways to say the same, one has to be there and one only."""
    settings = Example.model_validate(data)
    said = ""
    try:
        require_one(settings, "secret", "secret_url")
    except ValueError as error:
        said = str(error)

    assert expected == said
