"""The database is away for a while around a write, or a process is held up: what the guards have allowed is done once,
and known again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from outbox.database import StoreError
from outbox.records import Remediation
from outbox.remediations import Begun, Remediations
from pipeline.remedy_steps import LEASE_SECONDS
from tests.far_sides.postgresql import PostgreSQL
from tests.pipeline.parts import Clock
from tests.pipeline.test_remedies import Office, broken
from tests.pipeline.test_remedy_chaos import Chance, Land
from tests.service import eventually

# Longer than anything waits for the database.
_LOCKED_SECONDS = 7.0


@pytest.fixture
def office(tmp_path: Path, engine: Engine, clock: Clock) -> Office:
    """One that is not open yet."""
    return Office(tmp_path, engine, clock)


@pytest.fixture
def trouble(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Callable[[], None]]:
    """Makes it: PostgreSQL crashes and comes back; SQLite's file is locked by somebody else for seconds."""
    threads: list[threading.Thread] = []

    def lock(taken: threading.Event, over: threading.Event) -> None:
        with closing(sqlite3.connect(str(engine.url.database), isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            taken.set()
            over.wait(_LOCKED_SECONDS)
            connection.rollback()

    over = threading.Event()

    def make() -> None:
        if engine.dialect.name == "postgresql":
            server: PostgreSQL = request.getfixturevalue("postgresql_server")
            server.restart("immediate")
            return
        taken = threading.Event()
        threads.append(threading.Thread(target=lock, args=(taken, over)))
        threads[-1].start()
        assert taken.wait(30)

    yield make
    over.set()
    for thread in threads:
        thread.join()


def ended(office: Office) -> Remediation:
    """Waits until it is at its end, whether the database is there meanwhile or not."""

    def look() -> list[Remediation]:
        office.clock.pass_seconds(0.5)
        with suppress(StoreError):
            return [each for each in office.all() if each.state == "done"]
        return []

    return eventually(look, "a remediation that has ended", timeout_seconds=40)[0]


def once(office: Office, where: str, what: Callable[[], None]) -> None:
    """Has something happen before the first write ("performing"), or after it ("answering")."""

    def happens() -> None:
        setattr(office.fix, where, lambda: None)
        what()

    setattr(office.fix, where, happens)


@pytest.mark.parametrize("where", ["performing", "answering"])
def test_the_database_is_away_around_a_write(office: Office, trouble: Callable[[], None], where: str) -> None:
    """Between the leave and the write, and between the write and its being kept: it is done once and verified."""
    once(office, where, trouble)
    with office.open():
        office.post(broken())
        done = ended(office)
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)


def test_without_the_database_nothing_is_written(office: Office, trouble: Callable[[], None]) -> None:
    """What the guards could not be asked is not done, until they can be."""
    proposals = 0

    def away(alert: object) -> None:
        nonlocal proposals
        proposals += 1
        # The second is that of who is about to decide.
        if proposals == 2:
            trouble()

    office.fix.proposing = away
    touched: list[int] = []
    office.fix.performing = lambda: touched.append(proposals)
    with office.open():
        office.post(broken())
        done = ended(office)
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)
        if office.engine.dialect.name == "sqlite":
            # It was locked for longer than that decision waited.
            assert [3] == touched


def test_who_was_held_up_after_the_leave_writes_nothing(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guards leave a write 15 s to take place in: who is frozen for most of them leaves it to who looks next."""
    monkeypatch.setattr(Chance, "is_so", lambda chance, share: False)
    land = Land(tmp_path, engine, 0, 1)
    begin, freezes = Remediations.begin, [9.5]

    def frozen(remediations: Remediations, *arguments: Any, **named: Any) -> Begun:
        begun = begin(remediations, *arguments, **named)
        land.world.now += freezes.pop() if freezes else 0.0
        return begun

    monkeypatch.setattr(Remediations, "begin", frozen)
    land.fire("d0")
    while freezes:
        land.replicas[0].turn()
        land.pass_seconds(2.0)
    acting = [each.state for each in land.all() if not each.dry_run]
    assert (["acting"], []) == (acting, land.world.touched)
    land.pass_seconds(LEASE_SECONDS)
    land.replicas[0].turn()
    assert ["deployment/shop/d0"] == land.world.touched
