"""CONTRIBUTING's walks, walked: its modules and their tests, written into a copy of the house, pass there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import ROOT

# "... `enrich/threads.py`:" and the block of Python behind it.
WALKED = ("enrich/threads.py", "tests/enrich/test_threads.py", "actions/ntfy.py", "tests/actions/test_ntfy.py")
WALK = re.compile(r"`((?:enrich|actions|tests)/[\w/]+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house with all that CONTRIBUTING has one write."""
    folder = tmp_path_factory.mktemp("copy") / "house"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "data"))
    for name, code in WALK.findall((ROOT / "CONTRIBUTING.md").read_text()):
        (folder / name).write_text(code)
    return folder


def run(folder: Path, *command: str) -> str:
    """Runs a Python module in the copy; what it printed when it failed, else nothing."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", *command], cwd=folder, capture_output=True, text=True, timeout=110
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_walks_through_an_enricher_and_an_action() -> None:
    """Each walk has a module and its test."""
    written = [name for name, _ in WALK.findall((ROOT / "CONTRIBUTING.md").read_text())]
    assert list(WALKED) == written


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--no-cache", *WALKED),
        ("ruff", "format", "--no-cache", "--check", *WALKED),
        ("pytest", "-q", "-p", "no:cacheprovider", "tests/enrich/test_threads.py", "tests/enrich/test_contract.py"),
        ("pytest", "-q", "-p", "no:cacheprovider", "tests/actions/test_ntfy.py", "tests/actions/test_contract.py"),
    ],
    ids=["ruff check", "ruff format", "the enricher", "the action"],
)
def test_what_one_writes_passes(copy: Path, command: tuple[str, ...]) -> None:
    """What the walks have one write is well-formed, keeps the contracts and passes its own tests."""
    assert "" == run(copy, *command)
