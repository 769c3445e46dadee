"""Tokens stand for pictures, are nobody else's to make, and end; the key is made once and nobody's to read."""

import base64
import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from alerts.picture import Picture
from pipeline import NoKey, Signer, find_key
from tests.samples import NOW

KEY = b"k" * 64
LASTS = timedelta(days=30)
SIGNER = Signer(KEY, LASTS)
QUERY = 'sum(max by (container) (container_memory_working_set_bytes{namespace="shop",pod="cart-1"}))'
MEMORY = Picture("", "memory", "shop/cart-1 · Crash", QUERY, "bytes", NOW, NOW, "220 MiB of 256 MiB", None, 2.0**28)

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_TIMES = st.integers(-(10**15), 10**16).map(lambda micros: NOW + timedelta(microseconds=micros))
_NUMBERS = st.none() | st.floats(allow_nan=False)
PICTURES = st.builds(
    Picture, _TEXTS, _TEXTS, _TEXTS, _TEXTS, _TEXTS, _TIMES, _TIMES, _TEXTS, _NUMBERS, _NUMBERS, _NUMBERS
)


@given(PICTURES)
@settings(deadline=None)
def test_a_token_stands_for_its_picture(shown: Picture) -> None:
    """It comes back as it was, and its token is the same each time: caches go by it."""
    token = SIGNER.token(shown)
    assert token == Signer(KEY, LASTS).token(shown)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert shown == SIGNER.picture(token, shown.at)


def test_a_token_is_short() -> None:
    """Short enough for a message; and of what would be too long for a URL there is none."""
    assert len(SIGNER.token(MEMORY)) < 400
    noise = "".join(f"{number:x}" for number in range(10**6, 10**6 + 2_000))
    assert "" == SIGNER.token(replace(MEMORY, query=noise))


def test_a_token_ends() -> None:
    """With what is kept of its alert: a month after the reading, unless set otherwise."""
    token = SIGNER.token(MEMORY)
    assert NOW + LASTS == SIGNER.ends_at(MEMORY)
    assert MEMORY == SIGNER.picture(token, NOW + LASTS)
    assert SIGNER.picture(token, NOW + LASTS + timedelta(seconds=1)) is None


def test_another_key_makes_other_tokens() -> None:
    """Who does not have the key can make none; after it was changed the old ones are none."""
    assert Signer(b"another" * 8, LASTS).picture(SIGNER.token(MEMORY), NOW) is None


@given(st.data())
@settings(deadline=None)
def test_no_letter_of_it_can_be_changed(data: st.DataObject) -> None:
    """Changed, left out, added or swapped: it is none."""
    token = SIGNER.token(MEMORY)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("Aa0_-."))
    changed = data.draw(
        st.sampled_from([token[:at] + letter + token[at + 1 :], token[:at], token[at + 1 :], token + letter])
    )
    assert (changed == token) is (SIGNER.picture(changed, NOW) is not None)


@pytest.mark.parametrize(
    "token",
    ["", "A", "=", "A" * 43, "A" * 44, "A" * 100_000, "é" * 50, "....", "a b", base64.urlsafe_b64encode(b"x" * 99)],
)
def test_nonsense_is_none(token: str | bytes) -> None:
    """Whatever is asked for, nothing fails."""
    assert SIGNER.picture(token if isinstance(token, str) else token.decode(), NOW) is None


@given(st.text(max_size=200))
def test_any_text_is_none(token: str) -> None:
    """Nothing that we did not sign is a picture."""
    assert SIGNER.picture(token, NOW) is None


def test_what_another_version_signed_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have had another shape."""
    monkeypatch.setattr("pipeline.tokens._NAMES", ("title", "about"))
    token = Signer(KEY, LASTS).token(MEMORY)
    monkeypatch.undo()
    assert SIGNER.picture(token, NOW) is None


def test_the_key_is_what_is_set(tmp_path: Path) -> None:
    """Outright, or in a file; without either, that of the file beside the database."""
    file, beside = tmp_path / "key", tmp_path / "database-charts-key"
    file.write_text(f"{'f' * 32}\n")
    assert b"v" * 32 == find_key(SecretStr("v" * 32), None, beside)
    assert b"f" * 32 == find_key(None, file, beside)
    assert not beside.exists()
    made = find_key(None, None, beside)
    assert len(made) == 64
    assert made == find_key(None, None, beside)
    assert 0o600 == stat.S_IMODE(beside.stat().st_mode)


def test_processes_that_begin_together_have_one_key(tmp_path: Path) -> None:
    """Whoever comes second takes what is there, and nothing else is left behind."""
    path, found, barrier = tmp_path / "key", list[bytes](), threading.Barrier(8)

    def begin() -> None:
        barrier.wait(10)
        found.append(find_key(None, None, path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert (8, 1) == (len(found), len(set(found)))
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "beside", "expected"),
    [
        (None, None, "web.charts_key is not set, which all replicas must share"),
        ("missing", None, "{folder}/missing: No such file or directory"),
        ("short", None, "{folder}/short: is shorter than 32 characters"),
        ("empty", None, "{folder}/empty: is empty"),
        (None, "away/key", "{folder}/away/key: No such file or directory"),
        (None, "short", "{folder}/short: is shorter than 32 characters"),
    ],
)
def test_says_why_there_is_no_key(tmp_path: Path, file: str | None, beside: str | None, expected: str) -> None:
    """Pictures are left out then, and nothing else."""
    (tmp_path / "short").write_text("hunter2")
    (tmp_path / "empty").touch()
    with pytest.raises(NoKey) as raised:
        find_key(None, tmp_path / file if file else None, tmp_path / beside if beside else None)
    assert expected.format(folder=tmp_path) == str(raised.value)
