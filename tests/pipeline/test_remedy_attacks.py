"""What is tried to have a rule touch what it should not, touch it twice, or say what is not so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.pipeline.parts import Clock
from tests.pipeline.remedy_world import OPEN
from tests.pipeline.test_remedies import Office, broken


@pytest.fixture
def office(tmp_path: Path, engine: Engine, clock: Clock) -> Office:
    """One that is not open yet."""
    return Office(tmp_path, engine, clock)


def test_what_fails_behind_a_write_is_not_told_as_nothing_done(office: Office) -> None:
    """What was written was written, whatever fails in the same step afterwards."""

    def defect() -> None:
        office.fix.answering = lambda: None
        raise ZeroDivisionError

    office.fix.answering = defect
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)
        assert "done, as is seen now: fix deployment shop/cart: found" in [each.what for each in done.steps]


def test_what_waits_for_days_is_not_looked_at_all_the_time(office: Office) -> None:
    """Kubernetes would be asked for it several times a second."""
    with office.open(OPEN.replace("settle: 1s", "settle: 1s, firing_for: 3d")):
        office.post(broken())
        office.when(lambda each: any(not verdict.passed for verdict in each.verdicts))
        looked = office.fix.proposed
        time.sleep(1.5)
        assert looked == office.fix.proposed
