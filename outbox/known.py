"""What planning needs to know of groups: their histories, what fires in them, and who holds something of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import bindparam, literal, literal_column, select, tuple_

from alerts.findings import Finding
from alerts.history import History
from alerts.model import ALONE, TOGETHER, Alert, group_id
from alerts.places import Neighbour, Place
from outbox import neighbours, withholding
from outbox.holding import holding_digests
from outbox.prepared import OneOf, Prepared
from outbox.records import AlertRow, Decided, Event, EventKind
from outbox.reports import Reports
from outbox.rows import FINDINGS, HISTORY, THREAD, after_telling, plain_text, read_alerts
from outbox.tables import PENDING, TELLS_STATE, alerts, deliveries, events, groups, routings, threads

_HISTORIES = Prepared(select(groups.c.group_id, groups.c.history).where(OneOf(groups.c.group_id, "some")))
_WAITING = Prepared(
    select(deliveries.c.group_id, deliveries.c.destination, deliveries.c.tells)
    .where(OneOf(deliveries.c.group_id, "some"), PENDING, TELLS_STATE)
    .order_by(deliveries.c.id)
)
_TOLD = Prepared(
    select(threads.c.group_id, threads.c.destination, threads.c.thread).where(
        OneOf(threads.c.group_id, "some"), threads.c.open == 1
    )
)
_HEARD_BY = Prepared(
    select(alerts.c.group_id, alerts.c.fingerprint, alerts.c.destinations).where(
        OneOf(alerts.c.group_id, "some"), alerts.c.status == literal_column("'firing'")
    )
)
_STILL_FIRING = Prepared(
    select(alerts.c.alert).where(
        alerts.c.group_id == bindparam("group"),
        OneOf(alerts.c.fingerprint, "some"),
        alerts.c.status == literal_column("'firing'"),
    )
)
_FIRING_IN = Prepared(
    select(groups.c.group_key, alerts.c.fingerprint)
    .join(groups, groups.c.group_id == alerts.c.group_id)
    .where(OneOf(alerts.c.fingerprint, "some"), alerts.c.status == literal_column("'firing'"))
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

    def found(self, group_key: str, at_most: int) -> dict[str, tuple[Finding, ...]]:
        """What was found of a group's firing alerts when they were heard of last, of the worst, by fingerprint."""
        worst = (
            select(alerts.c.fingerprint, alerts.c.findings)
            .where(alerts.c.group_id == group_id(group_key), alerts.c.status == "firing")
            .order_by(alerts.c.severity, alerts.c.fingerprint)
            .limit(at_most)
        )
        found: dict[str, tuple[Finding, ...]] = {}
        with self._reading() as connection:
            rows = connection.execute(worst).all()
        for row in rows:
            # What another version wrote is left out.
            with suppress(ValidationError):
                found[row.fingerprint] = FINDINGS.validate_json(row.findings)
        return found

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

    def inhibiting(self, scopes: Collection[str], besides: Collection[str]) -> dict[str, str]:
        """By scope one alert that fires and inhibits others there; scopes without one are left out.

        Args:
            besides: fingerprints that are left out.
        """
        with self._reading() as connection:
            return withholding.active(connection, scopes, besides)

    def withheld(self, group_keys: Iterable[str]) -> dict[tuple[str, str], dict[str, str]]:
        """Where alerts of groups are not told for now, and why: by group's key and fingerprint, by destination."""
        with self._reading() as connection:
            return withholding.withheld(connection, group_keys)

    def withheld_due(self, now: datetime, most_groups: int, most_alerts: int) -> list[withholding.Due]:
        """Alerts that are not told for now and may be by then, of the groups that have waited longest."""
        with self._reading() as connection:
            return withholding.due(connection, now, most_groups, most_alerts)

    def body(self, event_id: int) -> bytes | None:
        """An event's payload as it came; None when it is kept no more."""
        with self._reading() as connection:
            return connection.execute(select(events.c.body).where(events.c.id == event_id)).scalar()

    def decided(self, event_id: int) -> Decided | None:
        """What was decided of an event; None when it is kept no more."""
        e = events.c
        columns = (e.id, e.received_at, e.body, e.attempts, e.kind, e.trace, e.duplicate_of)
        with self._reading() as connection:
            row = connection.execute(select(*columns).where(e.id == event_id)).first()
        return None if row is None else Decided(Event(*row[:-2]), row.trace, row.duplicate_of)

    def routing(self, routing_id: str) -> str | None:
        """What said who heard of what, as JSON; None when it is kept no more."""
        with self._reading() as connection:
            return connection.execute(select(routings.c.document).where(routings.c.id == routing_id)).scalar()

    def firing_after(self, reached: tuple[str, str], at_most: int) -> list[tuple[tuple[str, str], Alert]]:
        """Alerts that fire, in the order of their rows' keys, each with its own.

        Args:
            reached: only those behind it, such as the last one of the page before.
        """
        behind = tuple_(alerts.c.fingerprint, alerts.c.group_id) > tuple_(*map(literal, reached))
        page = (
            select(alerts.c.fingerprint, alerts.c.group_id, alerts.c.alert)
            .where(alerts.c.status == "firing", behind)
            .order_by(alerts.c.fingerprint, alerts.c.group_id)
            .limit(at_most)
        )
        with self._reading() as connection:
            rows = connection.execute(page).all()
        return [((row.fingerprint, row.group_id), alert) for row in rows for alert in read_alerts([row.alert])]

    def bare_groups(self, fingerprints: Collection[str]) -> list[tuple[str, str]]:
        """The groups made here in which alerts are known to fire: keys, each with the alert's fingerprint."""
        with self._reading() as connection:
            rows = _FIRING_IN.rows(connection, {"some": [plain_text(each) for each in fingerprints]})
        return [(row.group_key, row.fingerprint) for row in rows if row.group_key.startswith((ALONE, TOGETHER))]

    def silent(self, group_key: str, before: datetime) -> set[str]:
        """The fingerprints of a group's alerts that fire and were last heard of before a time."""
        with self._reading() as connection:
            quiet = select(alerts.c.fingerprint).where(
                alerts.c.group_id == group_id(group_key), alerts.c.status == "firing", alerts.c.updated_at < before
            )
            return set(connection.execute(quiet).scalars())

    def holders(self, group_keys: Iterable[str]) -> dict[str, dict[str, frozenset[str] | None]]:
        """Which destinations hold, or are about to be told, something of groups that is not over there.

        Returns:
            By group key and destination the fingerprints that it holds; None where that is not known.
        """
        keys = {group_id(key): key for key in group_keys}
        found: dict[str, dict[str, frozenset[str] | None]] = {}
        with self._reading() as connection:
            for row in _TOLD.rows(connection, {"some": list(keys)}):
                found.setdefault(keys[row.group_id], {})[row.destination] = _open_fingerprints(row.thread)
            for (of_group, destination), heard in holding_digests(connection, list(keys)).items():
                found.setdefault(keys[of_group], {})[destination] = heard or None
            for row in _WAITING.rows(connection, {"some": list(keys)}):
                of_destination = found.setdefault(keys[row.group_id], {})
                held = of_destination.get(row.destination, frozenset())
                known = held is not None and row.tells is not None
                of_destination[row.destination] = after_telling(held, row.tells) if known else None  # type: ignore[arg-type]
        return {
            key: {name: held for name, held in of_group.items() if held is None or held}
            for key, of_group in found.items()
        }

    def heard_by(self, group_keys: Iterable[str]) -> dict[tuple[str, str], frozenset[str]]:
        """By group's key and fingerprint which destinations' part of the group an alert that fires was in."""
        keys = {group_id(key): key for key in group_keys}
        with self._reading() as connection:
            rows = _HEARD_BY.rows(connection, {"some": list(keys)})
        return {(keys[row.group_id], row.fingerprint): frozenset(row.destinations.split("\n")) for row in rows}

    def still_firing(self, group_key: str, fingerprints: Iterable[str]) -> list[Alert]:
        """Those of a group's alerts that are known to fire, as they were heard of last."""
        asked = {"group": group_id(group_key), "some": [plain_text(each) for each in fingerprints]}
        with self._reading() as connection:
            return list(read_alerts(_STILL_FIRING.values(connection, asked)))

    def alert_row(self, group_key: str, fingerprint: str) -> AlertRow | None:
        """What was heard last of an alert in a group; None where that is kept no more, or another version's."""
        known = select(alerts.c.alert, alerts.c.lapsed, alerts.c.withheld, alerts.c.updated_at).where(
            alerts.c.fingerprint == plain_text(fingerprint), alerts.c.group_id == group_id(group_key)
        )
        with self._reading() as connection:
            row = connection.execute(known).first()
        alert = None if row is None else next(read_alerts([row.alert]), None)
        return (
            None
            if row is None or alert is None
            else AlertRow(alert, bool(row.lapsed), json.loads(row.withheld or "{}"), row.updated_at)
        )

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

    def group_key(self, group_id: str) -> str | None:
        """A group's key, by its id; None when it is not known."""
        with self._reading() as connection:
            return connection.execute(select(groups.c.group_key).where(groups.c.group_id == group_id)).scalar()

    def held_by(self, handle: str) -> list[tuple[str, str]]:
        """The destinations that hold something by a far side's handle, each with its group's key."""
        held = (
            select(threads.c.destination, groups.c.group_key)
            .join(groups, groups.c.group_id == threads.c.group_id)
            .where(threads.c.handle == handle)
            .order_by(threads.c.destination)
        )
        with self._reading() as connection:
            return [(row.destination, row.group_key) for row in connection.execute(held)]

    def waits(self, kind: EventKind) -> bool:
        """Whether an event of a kind waits for being planned."""
        waits = select(events.c.id).where(events.c.state == "accepted", events.c.kind == kind).limit(1)
        with self._reading() as connection:
            return connection.execute(waits).first() is not None


def _open_fingerprints(text: str) -> frozenset[str] | None:
    try:
        thread = THREAD.validate_json(text)
    except ValidationError:
        # Another version's.
        return None
    # What was attempted may have arrived.
    return None if thread.attempted or thread.again else frozenset(thread.open_fingerprints)
