"""What inhibits others, and what is not told for now: found by indexes, however much fires."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Text,
    and_,
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

from alerts.model import Alert, group_id
from alerts.withheld import Withheld
from outbox.prepared import OneOf, Prepared, Several
from outbox.records import AT_ONCE, Plan
from outbox.rows import plain_text, read_alerts
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
    .where(
        _a.fingerprint == bindparam("of_fingerprint"),
        _a.group_id == bindparam("of_group"),
        _a.status == literal_column("'firing'"),
    )
    .values(withheld=bindparam("why"), inhibited_in=bindparam("scope"), again_at=_again_at)
)
# As it was when it was found to be due: what was heard of it since is decided anew.
_STILL_WITHHELD = (
    _a.fingerprint == bindparam("of_fingerprint"),
    _a.group_id == bindparam("of_group"),
    _a.event_id == bindparam("of_event"),
    _a.withheld.is_not(literal_column("NULL")),
)
_POSTPONE = Prepared(
    update(alerts)
    .where(*_STILL_WITHHELD)
    .values(withheld=bindparam("why"), inhibited_in=bindparam("scope"), again_at=_again_at)
)
_LATER = Prepared(update(alerts).where(*_STILL_WITHHELD).values(again_at=_again_at))
_OF_ALERTS = Prepared(select(sources.c.scope, sources.c.fingerprint).where(OneOf(sources.c.fingerprint, "some")))
_HEARD_OF = Prepared(select(_a.fingerprint, _a.status, _a.updated_at).where(OneOf(_a.fingerprint, "some")))
_IS_DUE = and_(_a.again_at.is_not(literal_column("NULL")), _a.again_at <= bindparam("now", type_=Moment()))
_DUE_GROUPS = Prepared(
    select(_a.group_id)
    .where(_IS_DUE)
    .group_by(_a.group_id)
    .order_by(func.min(_a.again_at))
    .limit(bindparam("at_most", type_=Integer))
)
# One of each group, then another of each: a large one holds up no other.
_turn = func.row_number().over(partition_by=_a.group_id, order_by=_a.fingerprint).label("turn")
_DUE = Prepared(
    select(groups.c.group_key, _a.fingerprint, _a.alert, _a.event_id, _a.withheld, _turn)
    .join(groups, groups.c.group_id == _a.group_id)
    .where(_IS_DUE, OneOf(_a.group_id, "some"))
    .order_by("turn")
    .limit(bindparam("at_most", type_=Integer))
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
    """Keep what came of it that alerts fire that inhibit others, and that such are over; and what is not told for now.

    The plans' alerts are kept already.
    """
    known: dict[str, tuple[str, ...]] = {}
    lapsed = set[str]()
    for plan in plans:
        of_plan = {plain_text(fingerprint): scopes for fingerprint, scopes in plan.sources.items()}
        known |= of_plan
        lapsed = lapsed | of_plan.keys() if plan.event.kind == "lapse" else lapsed - of_plan.keys()
    started = {fingerprint: scopes for fingerprint, scopes in known.items() if scopes}
    freed = _start(connection, started) if started else set()
    if ended := known.keys() - started.keys():
        freed |= _end(connection, ended, lapsed)
    for (group_key, fingerprint), why in _withheld_beside(plans).items():
        set_withheld(connection, group_key, fingerprint, why)
    # What inhibited it may be over by now, be it in this commit or since it was planned.
    scopes = {each.scope for plan in plans for why in plan.withheld.values() for each in why.values() if each.scope}
    _free(connection, freed | scopes)


def _start(connection: Connection, started: Mapping[str, Sequence[str]]) -> set[str]:
    """Keep that alerts inhibit in these scopes and no others; the scopes in which they did."""
    rows = _OF_ALERTS.rows(connection, {"some": list(started)})
    stale = [row for row in rows if row.scope not in started[row.fingerprint]]
    for row in stale:
        connection.execute(
            delete(sources).where(sources.c.scope == row.scope, sources.c.fingerprint == row.fingerprint)
        )
    pairs = [{"scope": scope, "fingerprint": each} for each, scopes in started.items() for scope in scopes]
    insert_missing_rows(connection, sources, pairs)
    return {row.scope for row in stale}


def _end(connection: Connection, ended: Collection[str], lapsed: Collection[str]) -> set[str]:
    """Keep that alerts inhibit no more, but for those that lapsed in one group and fire in another; the scopes."""
    still: set[str] = set()
    if lapsed:
        rows = _HEARD_OF.rows(connection, {"some": sorted(lapsed)})
        still = {row.fingerprint for row in rows if row.status == "firing"}
    return set(_ENDED.values(connection, {"some": sorted(set(ended) - still)}))


def _withheld_beside(plans: Iterable[Plan]) -> dict[tuple[str, str], Mapping[str, Withheld]]:
    """Of alerts that plans do not name, and whose rows they so have not written: where they are not told."""
    found: dict[tuple[str, str], Mapping[str, Withheld]] = {}
    for plan in plans:
        named = {(group_key, alert.fingerprint) for group_key, alert, _ in plan.alerts}
        found = {key: why for key, why in {**found, **plan.withheld}.items() if key not in named}
    return found


def _free(connection: Connection, scopes: Collection[str]) -> None:
    """Have what is inhibited looked at, where no source fires any more."""
    if scopes:
        _FREED.run(connection, {"some": sorted(scopes), "again_at": AT_ONCE})


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


def due(connection: Connection, now: datetime, most_groups: int, most_alerts: int) -> list[Due]:
    """Alerts that may be told by now, of the groups that have waited longest."""
    found = _DUE_GROUPS.values(connection, {"now": now, "at_most": most_groups})
    rows = _DUE.rows(connection, {"now": now, "some": found, "at_most": most_alerts}) if found else []
    return [
        Due(row.group_key, alert, row.event_id, json.loads(row.withheld or "{}"))
        for row in rows
        for alert in read_alerts([row.alert])
    ]


def ask_again(connection: Connection) -> int:
    """Have all that is not told for now looked at, as what is to be told may have changed; how many there are."""
    again = update(alerts).where(_a.withheld.is_not(None), _a.again_at.is_distinct_from(AT_ONCE))
    return connection.execute(again.values(again_at=AT_ONCE)).rowcount


def postpone(connection: Connection, still: Sequence[tuple[Due, Mapping[str, Withheld]]]) -> None:
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
    _free(connection, {each.scope for _, why in still for each in why.values() if each.scope})


def ask_later(connection: Connection, some: Iterable[Due], again_at: datetime) -> None:
    """Have alerts looked at again then, unless they are planned anew meanwhile."""
    for each in some:
        names = {"of_fingerprint": plain_text(each.alert.fingerprint), "of_group": group_id(each.group_key)}
        _LATER.run(connection, {**names, "of_event": each.event_id, "again_at": again_at})


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


def drop_stale_sources(connection: Connection) -> None:
    """Let what fires no more inhibit no more: an older version let it end, or the database is a copy."""
    fires = exists().where(_a.fingerprint == sources.c.fingerprint, _a.status == literal_column("'firing'"))
    dropped = connection.execute(delete(sources).where(not_(fires)).returning(sources.c.scope)).scalars()
    _free(connection, set(dropped))


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
