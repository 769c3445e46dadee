"""What planning needs to know of groups: their histories, what fires in them, and who holds something of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import literal_column, select

from alerts.history import History
from alerts.model import Alert
from alerts.places import Neighbour, Place
from outbox import neighbours
from outbox.holding import holding_digests
from outbox.prepared import OneOf, Prepared
from outbox.reports import Reports
from outbox.rows import HISTORY, THREAD, group_id, read_alerts
from outbox.tables import PENDING, alerts, deliveries, events, groups, threads

_HISTORIES = Prepared(select(groups.c.group_id, groups.c.history).where(OneOf(groups.c.group_id, "some")))
_TOLD_OR_WAITING = (
    Prepared(
        select(deliveries.c.group_id, deliveries.c.destination, literal_column("NULL").label("thread")).where(
            OneOf(deliveries.c.group_id, "some"), PENDING
        )
    ),
    Prepared(
        select(threads.c.group_id, threads.c.destination, threads.c.thread).where(
            OneOf(threads.c.group_id, "some"), threads.c.open == 1
        )
    ),
)


class Known(Reports):
    """Answers from the database, those that planning asks for among them."""

    def histories(self, group_keys: Iterable[str]) -> dict[str, History]:
        """What is remembered of groups, by their keys; those never heard of are left out."""
        keys = {group_id(key): key for key in group_keys}
        found: dict[str, History] = {}
        if not keys:
            return found
        with self._reading() as connection:
            rows = _HISTORIES.rows(connection, {"some": list(keys)})
        for row in rows:
            try:
                found[keys[row.group_id]] = HISTORY.validate_json(row.history)
            except ValidationError:
                # Another version's: the group is then one that was never heard of.
                continue
        return found

    def firing(self, group_key: str, limit: int) -> list[Alert]:
        """The alerts that are known to fire in a group, those heard of last first."""
        with self._reading() as connection:
            known = select(alerts.c.alert).where(alerts.c.group_id == group_id(group_key), alerts.c.status == "firing")
            rows = connection.execute(known.order_by(alerts.c.updated_at.desc()).limit(limit)).scalars().all()
        return list(read_alerts(rows))

    def neighbours(
        self, places: Collection[Place], besides: Collection[str], at_most: int
    ) -> dict[Place, list[Neighbour]]:
        """What is known to fire at places, once for each group that it is in; in no order.

        Args:
            besides: fingerprints that are left out.
            at_most: of one place, the worst.
        """
        with self._reading() as connection:
            return neighbours.neighbours(connection, places, besides, at_most)

    def silent(self, group_key: str, before: datetime) -> set[str]:
        """The fingerprints of a group's alerts that fire and were last heard of before a time."""
        with self._reading() as connection:
            quiet = select(alerts.c.fingerprint).where(
                alerts.c.group_id == group_id(group_key), alerts.c.status == "firing", alerts.c.updated_at < before
            )
            return set(connection.execute(quiet).scalars())

    def holders(self, group_keys: Iterable[str]) -> dict[str, dict[str, frozenset[str]]]:
        """Which destinations hold, or are about to be told, something of groups that is not over there.

        Returns:
            By group key and destination the fingerprints that it holds; empty where that is not known yet.
        """
        keys = {group_id(key): key for key in group_keys}
        found: dict[str, dict[str, frozenset[str]]] = {}
        with self._reading() as connection:
            for statement in _TOLD_OR_WAITING:
                for row in statement.rows(connection, {"some": list(keys)}):
                    held = _open_fingerprints(row.thread) if row.thread else frozenset[str]()
                    found.setdefault(keys[row.group_id], {})[row.destination] = held
            for (of_group, destination), heard in holding_digests(connection, list(keys)).items():
                of_destination = found.setdefault(keys[of_group], {})
                of_destination[destination] = heard or of_destination.get(destination, heard)
        return found

    def silent_alerts(self, before: datetime, limit: int) -> list[tuple[str, Alert]]:
        """Alerts that fire and were last heard of before a time, the longest ago first, each with its group's key."""
        silent = (
            select(groups.c.group_key, alerts.c.alert)
            .join(groups, groups.c.group_id == alerts.c.group_id)
            .where(alerts.c.status == "firing", alerts.c.updated_at < before)
            .order_by(alerts.c.updated_at)
            .limit(limit)
        )
        with self._reading() as connection:
            rows = connection.execute(silent).all()
        return [(row.group_key, alert) for row in rows for alert in read_alerts([row.alert])]

    def lapse_waits(self) -> bool:
        """Whether alerts that are to be taken as over wait for being planned."""
        waits = select(events.c.id).where(events.c.state == "accepted", events.c.kind == "lapse").limit(1)
        with self._reading() as connection:
            return connection.execute(waits).first() is not None


def _open_fingerprints(thread: str) -> frozenset[str]:
    try:
        return frozenset(THREAD.validate_json(thread).open_fingerprints)
    except ValidationError:
        # Another version's: what it holds is not known.
        return frozenset()
