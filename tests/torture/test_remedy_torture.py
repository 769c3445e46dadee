"""Remediation under kills, freezes and an API server that fails: what is done is done once, within all bounds."""

import os
import secrets
from pathlib import Path

import pytest

from tests.far_sides.postgresql import PostgreSQL
from tests.torture.remedy_run import torture

SECONDS = float(os.environ.get("TORTURE_SECONDS") or 20)
# A lease, what is looked at again, and again whether it helped.
QUIET_SECONDS = float(os.environ.get("TORTURE_QUIET_SECONDS") or 180)


@pytest.mark.timeout(SECONDS + QUIET_SECONDS + 120)
def test_what_is_done_is_done_once(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> None:
    """Whatever is killed and whatever fails, nothing is touched more often than it may be, and rows say what is so.

    TORTURE_SECONDS, TORTURE_SEED and TORTURE_QUIET_SECONDS set how long, how, and how long it may take to come to rest.
    """
    seed = int(os.environ.get("TORTURE_SEED") or secrets.randbits(32))
    print(f"TORTURE_SEED={seed}")
    server: PostgreSQL | None = None
    if not database_url.startswith("sqlite"):
        server = request.getfixturevalue("postgresql_server")
    outcome = torture(
        database_url,
        tmp_path,
        seconds=SECONDS,
        seed=seed,
        quiet_seconds=QUIET_SECONDS,
        restart_database=(lambda: server.restart("immediate")) if server else None,
    )
    print(outcome.summary)
    assert () == outcome.wrong, "\n".join(["", *outcome.wrong[:40], f"({len(outcome.wrong)} in all)", outcome.summary])
