"""Delivery under load, kills, freezes and a far side that fails: nothing is lost, late or left untold."""

import os
import secrets
from pathlib import Path

import pytest

from tests.torture.run import torture

SECONDS = float(os.environ.get("TORTURE_SECONDS") or 60)
QUIET_SECONDS = float(os.environ.get("TORTURE_QUIET_SECONDS") or 90)


@pytest.mark.timeout(SECONDS + QUIET_SECONDS + 120)
def test_everybody_knows_the_last_state(database_url: str, tmp_path: Path) -> None:
    """Whatever is killed and whatever fails, what was accepted last is what PagerDuty was told last, in order.

    TORTURE_SECONDS, TORTURE_SEED and TORTURE_QUIET_SECONDS set how long, how, and how long it may take to come to rest.
    """
    seed = int(os.environ.get("TORTURE_SEED") or secrets.randbits(32))
    print(f"TORTURE_SEED={seed}")
    outcome = torture(database_url, tmp_path, seconds=SECONDS, seed=seed, quiet_seconds=QUIET_SECONDS)
    print(outcome.summary)
    assert () == outcome.wrong, "\n".join(["", *outcome.wrong[:40], f"({len(outcome.wrong)} in all)", outcome.summary])
