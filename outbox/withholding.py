"""What inhibits others, and what is not told for now: found by indexes, however much fires."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal_column,
    not_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from alerts.model import Alert
from alerts.withheld import Withheld
from outbox.prepared import OneOf, Prepared, Several
from outbox.records import AT_ONCE, Plan
from outbox.rows import group_id, plain_text, read_alerts
from outbox.statements import insert_missing_rows
from outbox.tables import Moment, alerts, groups, sources

_a = alerts.c
_again_at = bindparam("again_at", type_=Moment())

_ENDED = Prepared(delete(sources).where(OneOf(sources.c.fingerprint, "some")).returning(sources.c.scope))
_FREED = Prepared(
    update(alerts)
    .where(OneOf(_a.inhibited_in, "some"), not_(exists().where(sources.c.scope == _a.inhibited_in)))
    .values(again_at=_again_at)
)
_WITHHELD = Prepared(
    select(_a.group_id, _a.fingerprint, _a.withheld).where(
        OneOf(_a.group_id, "some"), _a.withheld.is_not(literal_column("NULL"))
    )
)
_WITHHOLD = Prepared(
    update(alerts)
    .where(_a.fingerprint == bindparam("of_fingerprint"), _a.group_id == bindparam("of_group"))
    .values(withheld=bindparam("why"), inhibited_in=bindparam("scope"), again_at=_again_at)
)
_POSTPONE = Prepared(
    update(alerts)
    .where(
        _a.fingerprint == bindparam("of_fingerprint"),
        _a.group_id == bindparam("of_group"),
        _a.event_id == bindparam("of_event"),
        _a.withheld.is_not(literal_column("NULL")),
    )
    .values(withheld=bindparam("why"), inhibited_in=bindparam("scope"), again_at=_again_at)
)
_HEARD_OF = Prepared(select(_a.fingerprint, _a.status, _a.updated_at).where(OneOf(_a.fingerprint, "some")))
_DUE = Prepared(
    select(groups.c.group_key, _a.fingerprint, _a.alert, _a.event_id, _a.withheld)
    .join(groups, groups.c.group_id == _a.group_id)
    .where(_a.again_at.is_not(literal_column("NULL")), _a.again_at <= bindparam("now", type_=Moment()))
    .order_by(_a.again_at)
    .limit(bindparam("at_most"))
)


@dataclass(frozen=True, slots=True)
class Due:
    """An alert that was not told somewhere, and may be by now.

    Attributes:
        alert: as it was last heard of.
        event_id: the event that told it last.
        withheld: where it was not told, and why, in words.
    """

    group_key: str
    alert: Alert
    event_id: int
    withheld: Mapping[str, str]


def active(connection: Connection, scopes: Iterable[str], besides: Iterable[str]) -> dict[str, str]:
    """By scope the fingerprint of one alert that fires and inhibits others there; scopes without are left out.

    Args:
        besides: fingerprints that are left out.
    """
    asked = {"scopes": sorted(set(scopes)), "besides": [plain_text(each) for each in besides]}
    rows = _one_of_each(connection.dialect.name).rows(connection, asked)
    return {row.scope: row.fingerprint for row in rows if row.fingerprint is not None}


def withheld(connection: Connection, group_keys: Iterable[str]) -> dict[tuple[str, str], dict[str, str]]:
    """By group's key and fingerprint where alerts are not told for now, and why; what may be told is left out."""
    keys = {group_id(key): key for key in group_keys}
    rows = _WITHHELD.rows(connection, {"some": list(keys)})
    return {(keys[row.group_id], row.fingerprint): json.loads(row.withheld) for row in rows}


def columns(why: Mapping[str, Withheld]) -> dict[str, Any]:
    """The columns of an alert's row that say where it is not told for now."""
    reasons = {plain_text(destination): plain_text(each.reason) for destination, each in why.items()}
    scopes = sorted({each.scope for each in why.values() if each.scope})
    moments = [each.again_at for each in why.values() if each.again_at]
    return {
        "withheld": json.dumps(reasons, ensure_ascii=False) if reasons else None,
        "inhibited_in": scopes[0] if scopes else None,
        "again_at": min(moments, default=None),
    }


def keep(connection: Connection, plans: Sequence[Plan]) -> None:
    """Keep what came of it that alerts fire that inhibit others, and that such are over."""
    known = {each: scopes for plan in plans for each, scopes in plan.sources.items()}
    started = [{"scope": scope, "fingerprint": plain_text(each)} for each, some in known.items() for scope in some]
    ended = [plain_text(each) for each, scopes in known.items() if not scopes]
    insert_missing_rows(connection, sources, started)
    freed = _ENDED.values(connection, {"some": ended}) if ended else []
    if freed:
        _FREED.run(connection, {"some": sorted(set(freed)), "again_at": AT_ONCE})
    for plan in plans:
        told = {(group_key, alert.fingerprint) for group_key, alert, _ in plan.alerts}
        for (group_key, fingerprint), why in plan.withheld.items():
            if (group_key, fingerprint) not in told:
                set_withheld(connection, group_key, fingerprint, why)


def set_withheld(connection: Connection, group_key: str, fingerprint: str, why: Mapping[str, Withheld]) -> None:
    """Say of an alert's row where it is not told for now."""
    said = columns(why)
    _WITHHOLD.run(
        connection,
        {
            "of_fingerprint": plain_text(fingerprint),
            "of_group": group_id(group_key),
            "why": said["withheld"],
            "scope": said["inhibited_in"],
            "again_at": said["again_at"],
        },
    )


def due(connection: Connection, now: datetime, at_most: int) -> list[Due]:
    """Alerts that may be told by now, those that have waited longest first."""
    rows = _DUE.rows(connection, {"now": now, "at_most": at_most})
    return [
        Due(row.group_key, alert, row.event_id, json.loads(row.withheld or "{}"))
        for row in rows
        for alert in read_alerts([row.alert])
    ]


def ask_again(connection: Connection) -> int:
    """Have all that is not told for now looked at, as what is to be told may have changed; how many there are."""
    again = update(alerts).where(_a.withheld.is_not(None), _a.again_at.is_distinct_from(AT_ONCE))
    return connection.execute(again.values(again_at=AT_ONCE)).rowcount


def postpone(connection: Connection, still: Iterable[tuple[Due, Mapping[str, Withheld]]]) -> None:
    """Keep why alerts are not told yet, of those that nobody has planned anew meanwhile."""
    for each, why in still:
        said = columns(why)
        _POSTPONE.run(
            connection,
            {
                "of_fingerprint": plain_text(each.alert.fingerprint),
                "of_group": group_id(each.group_key),
                "of_event": each.event_id,
                "why": said["withheld"],
                "scope": said["inhibited_in"],
                "again_at": said["again_at"],
            },
        )


def add_sources(connection: Connection, inhibiting: Mapping[str, Sequence[str]]) -> None:
    """Keep that alerts inhibit others, by fingerprint the scopes: of those that fire still.

    An alert fires when it did when it was heard of last, in whatever group.
    """
    names = {plain_text(fingerprint): scopes for fingerprint, scopes in inhibiting.items()}
    rows = _HEARD_OF.rows(connection, {"some": list(names)})
    last = {row.fingerprint: row.status for row in sorted(rows, key=lambda row: row.updated_at)}
    firing = [each for each, status in last.items() if status == "firing"]
    insert_missing_rows(
        connection, sources, [{"scope": scope, "fingerprint": each} for each in firing for scope in names[each]]
    )


@cache
def _one_of_each(dialect_name: str) -> Prepared:
    """A row for each scope that is asked about."""
    scopes = bindparam("scopes", type_=Several())
    if dialect_name == "postgresql":
        asked = func.unnest(cast(scopes, ARRAY(Text))).table_valued("value").render_derived("asked")
    else:
        asked = func.json_each(scopes).table_valued("value", name="asked")
    one = (
        select(sources.c.fingerprint)
        .where(sources.c.scope == asked.c.value, not_(OneOf(sources.c.fingerprint, "besides")))
        .order_by(sources.c.fingerprint)
        .limit(1)
        .correlate(asked)
        .scalar_subquery()
    )
    return Prepared(select(asked.c.value.label("scope"), one.label("fingerprint")))
