"""Who somebody is by credentials, and what it costs to guess."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.datastructures import Authorization
from werkzeug.security import generate_password_hash

from config.access import CredentialSettings
from config.base import SecretError
from web.logins import Logins, token_name
from web.passwords import Passwords, Slowed

HASH = generate_password_hash("correct horse", "pbkdf2:sha256:10")
OTHER = generate_password_hash("battery staple", "pbkdf2:sha256:10")
TOKEN = "0123456789abcdef"


class Counted:
    """Checks hashes, each equal to its password, and counts how often; time passes as the test says."""

    def __init__(self) -> None:
        self.checked = 0
        self.now = 0.0
        self.passwords = Passwords(lambda: self.now, self.check)

    def check(self, hashed: str, password: str) -> bool:
        """Counts."""
        self.checked += 1
        return hashed == password

    def right(self, hashed: str, password: str, name: str = "jane", peer: str = "10.0.0.1") -> bool:
        """Whether it is right."""
        return self.passwords.right((hashed,) if hashed else (), name, password, peer) is not None


@pytest.fixture
def counted() -> Counted:
    """Passwords, counted."""
    return Counted()


def basic(name: str, password: str) -> Authorization:
    """Returns what a browser sends."""
    return Authorization("basic", {"username": name, "password": password})


def test_hashes_once(counted: Counted) -> None:
    """What was right a moment ago is right without a hash, until a day has passed, or it is another's."""
    assert [True, True] == [counted.right("a", "a") for _ in range(2)]
    assert 1 == counted.checked
    assert counted.right("a", "a", name="joe")
    assert not counted.right("b", "a")
    assert 3 == counted.checked
    counted.now += 86_401
    assert counted.right("a", "a")
    assert 4 == counted.checked


def test_slows_who_guesses(counted: Counted) -> None:
    """After five failures each costs a wait, twice as long as the one before, up to a minute; others do not wait."""
    waits = []
    for _ in range(13):
        while True:
            try:
                assert not counted.right("a", "b")
                break
            except Slowed as slowed:
                waits.append(slowed.seconds)
                counted.now += slowed.seconds
    assert [1, 2, 4, 8, 16, 32, 60, 60] == waits
    assert 1 == counted.checked
    with pytest.raises(Slowed):
        counted.right("a", "a")
    assert counted.right("c", "c", name="joe")
    assert counted.right("a", "a", peer="10.0.0.2")


def test_lets_in_who_is_in(counted: Counted) -> None:
    """However often somebody else fails as them."""
    assert counted.right("a", "a")
    for number in range(5):
        assert not counted.right("a", f"b{number}")
    with pytest.raises(Slowed):
        counted.right("a", "b6")
    assert counted.right("a", "a")


def test_lets_in_who_was_in_before_somebody_guessed(counted: Counted) -> None:
    """Alertmanager from the same address, after hours without a word: what it tells is a page."""
    assert counted.right("right", "right", "alertmanager")
    for at in range(200):
        counted.now += 300
        with contextlib.suppress(Slowed):
            counted.right("", "guess", f"name-{at}")
            counted.right("", "guess", f"name-{at}-again")
        if at % 80 == 79:
            assert counted.right("right", "right", "alertmanager")
    for at in range(40):
        with contextlib.suppress(Slowed):
            counted.right("", "guess", f"more-{at}")
    with pytest.raises(Slowed):
        counted.right("right", "right", "jane")
    assert counted.right("right", "right", "alertmanager")


def test_forgets_failures(counted: Counted) -> None:
    """Once it was right, or after ten minutes."""
    for number in range(4):
        assert not counted.right("a", f"b{number}")
    assert counted.right("a", "a")
    for number in range(5):
        assert not counted.right("a", f"c{number}")
    counted.now += 601
    assert not counted.right("a", "d")
    assert not counted.right("a", "e")


def test_slows_who_tries_names(counted: Counted) -> None:
    """From one place not more than thirty are tried at once, whether there are such users or not."""
    for number in range(30):
        assert not counted.right("", "b", name=f"user{number}")
    with pytest.raises(Slowed):
        counted.right("a", "a", name="joe")
    assert counted.right("a", "a", name="joe", peer="10.0.0.2")


def test_hashes_for_nobody(counted: Counted) -> None:
    """A name that there is not takes as long as one that there is."""
    assert not counted.right("", "b")
    assert 1 == counted.checked


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A file of tokens and one of users."""
    tokens, users = tmp_path / "tokens", tmp_path / "users"
    tokens.write_text(f"# of Prometheus\n{TOKEN}\n\nfedcba9876543210\n")
    users.write_text(f"jane:{HASH}\n")
    return tokens, users


def test_knows_tokens_and_users(files: tuple[Path, Path]) -> None:
    """Each by its name; whoever else is nobody."""
    settings = CredentialSettings(tokens_file=files[0], users_file=files[1])
    other = CredentialSettings.model_validate({"tokens": ["another-token-of-16"]})
    logins = Logins(Passwords())
    assert (token_name(TOKEN), settings) == logins.find([other, settings], Authorization("bearer", token=TOKEN), "")
    assert ("jane", settings) == logins.find([other, settings], basic("jane", "correct horse"), "")
    for wrong in (
        None,
        Authorization("bearer", token=TOKEN[:-1]),
        Authorization("bearer", token=f"{TOKEN}é"),
        Authorization("bearer", token="# of Prometheus"),
        Authorization("bearer", token=""),
        Authorization("digest", {"username": "jane"}),
        basic("jane", "correct hors"),
        basic("jane", ""),
        basic("", "correct horse"),
        basic("joe", "correct horse"),
        basic("jane", "x" * 100_000),
        basic("j" * 100_000, "correct horse"),
        basic("\ud800", "\ud800"),
    ):
        assert logins.find([other, settings], wrong, "") is None
    assert logins.find([other], basic("jane", "correct horse"), "") is None
    assert TOKEN not in token_name(TOKEN)


def test_finds_a_user_in_either_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    """By the password that is of it, where a name stands in both."""
    (tmp_path / "others").write_text(f"jane:{OTHER}\njoe:{OTHER}\n")
    change, read = CredentialSettings(users_file=files[1]), CredentialSettings(users_file=tmp_path / "others")
    logins = Logins(Passwords())
    assert ("jane", change) == logins.find([change, read], basic("jane", "correct horse"), "")
    assert ("jane", read) == logins.find([change, read], basic("jane", "battery staple"), "")
    assert ("joe", read) == logins.find([change, read], basic("joe", "battery staple"), "")


@pytest.mark.parametrize("rotate", [Path.write_text, lambda file, text: (file.unlink(), file.write_text(text))])
def test_reads_files_again(files: tuple[Path, Path], rotate: Callable[[Path, str], object]) -> None:
    """What is taken out of one counts no more with the next request, though it was right a moment ago."""
    settings = CredentialSettings(tokens_file=files[0], users_file=files[1])
    logins = Logins(Passwords())
    tried = (Authorization("bearer", token=TOKEN), basic("jane", "correct horse"))
    assert [True, True] == [logins.find([settings], each, "") is not None for each in tried]
    rotate(files[0], "another-token-of-16\n")
    rotate(files[1], f"jane:{OTHER}\n")
    assert [False, False] == [logins.find([settings], each, "") is not None for each in tried]


def test_says_which_file_cannot_be_read(files: tuple[Path, Path]) -> None:
    """And lets nobody in meanwhile."""
    settings = CredentialSettings(tokens_file=files[0], users_file=files[1])
    logins = Logins(Passwords())
    assert logins.find([settings], basic("jane", "correct horse"), "")
    files[1].unlink()
    with pytest.raises(SecretError, match=f"^{files[1]}: No such file or directory$"):
        logins.find([settings], basic("jane", "correct horse"), "")
