"""How the service and its storage are, on both databases."""

import os
from datetime import timedelta

from sqlalchemy import Engine, insert

from outbox.store import Store
from outbox.tables import alerts, remediations
from tests.samples import NOW


def add_alert(
    engine: Engine, fingerprint: str, severity: int, status: str = "firing", withheld: str | None = None
) -> None:
    """Adds a row of an alert."""
    row = {"fingerprint": fingerprint, "group_id": "g", "status": status, "severity": severity, "withheld": withheld}
    rest = {"alert": "{}", "findings": "[]", "destinations": "", "event_id": 1, "updated_at": NOW}
    with engine.begin() as connection:
        connection.execute(insert(alerts).values(**row, **rest))


def add_remediation(engine: Engine, token: str, state: str, minutes: int) -> None:
    """Adds a row of one whose alert came so long ago."""
    row = {"token": token, "state": state, "proposed_at": NOW - timedelta(minutes=minutes), "due_at": NOW}
    about = {"destination": "a/hook/0", "rule": "r", "verb": "v", "fingerprint": "f", "starts_at": NOW, "alert": "{}"}
    rest = {"group_id": "g", "group_key": "g", "event_id": 1, "dry_run": False, "detail": ""}
    with engine.begin() as connection:
        connection.execute(insert(remediations).values(**row, **about, **rest))


def test_nothing_is_known_of_an_empty_database(store: Store) -> None:
    """No payload, no alert, no remediation; and yet it takes some room."""
    found = store.vitals()
    assert (None, {"critical": 0, "error": 0, "warning": 0, "info": 0}) == (found.heard_at, found.firing)
    assert (0, {}, False) == (found.withheld, found.remediations, found.switched_off)
    assert 10_000 < found.size_bytes < 100_000_000


def test_room_is_known_of_a_file_only(store: Store) -> None:
    """Beside SQLite's file; where PostgreSQL keeps its own nobody says."""
    assert (store.kind == "sqlite") == (store.vitals().free_bytes is not None)


def test_what_came_last_counts_and_not_what_was_made_here(store: Store) -> None:
    """A lapse is no payload, however late it is."""
    store.accept(b"{}", NOW)
    store.accept(b"{}", NOW + timedelta(seconds=5))
    store.accept(b"{}", NOW + timedelta(seconds=60), kind="lapse")
    assert NOW + timedelta(seconds=5) == store.vitals().heard_at


def test_counts_what_fires(store: Store, engine: Engine) -> None:
    """By severity, and how much of it is not told for now; what is over is not counted."""
    for number, (severity, status) in enumerate(((0, "firing"), (0, "firing"), (2, "firing"), (3, "resolved"))):
        add_alert(engine, str(number), severity, status)
    add_alert(engine, "withheld", 2, withheld="{}")
    found = store.vitals()
    assert {"critical": 2, "error": 0, "warning": 2, "info": 0} == found.firing
    assert 1 == found.withheld


def test_counts_what_is_not_done_with(store: Store, engine: Engine) -> None:
    """By state, with the age of the oldest; and whether all of it is switched off."""
    for token, state, minutes in (("a", "approval", 5), ("b", "approval", 9), ("c", "acting", 1), ("d", "done", 99)):
        add_remediation(engine, token, state, minutes)
    store.remediations.turn(False, "ada", NOW)
    found = store.vitals()
    oldest = NOW - timedelta(minutes=9)
    assert {"approval": (2, oldest), "acting": (1, NOW - timedelta(minutes=1))} == found.remediations
    assert found.switched_off
    store.remediations.turn(True, "ada", NOW)
    assert not store.vitals().switched_off


def test_the_file_that_is_written_ahead_counts(store: Store) -> None:
    """What was accepted and has not been moved into the file yet takes room, too."""
    before = store.vitals().size_bytes
    for _ in range(4):
        # What repeats itself PostgreSQL would make smaller.
        store.accept(os.urandom(500_000), NOW)
    assert before + 1_500_000 < store.vitals().size_bytes
