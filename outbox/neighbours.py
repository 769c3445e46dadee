"""What fires at a place: of each that is asked about the worst rows, found by an index, and never all that fire."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    not_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from alerts.model import Alert
from alerts.places import Neighbour, Place, places
from alerts.severity import SEVERITIES
from outbox.prepared import OneOf, Prepared, Several
from outbox.rows import plain_text
from outbox.tables import alerts

_COLUMNS = {"pod": "about_id", "instance": "about_id", "node": "node_id", "namespace": "namespace_id"}
_LONGEST_NAME = 200


def place_columns(alert: Alert) -> dict[str, str | None]:
    """The columns by which an alert is found as another one's neighbour."""
    ids = {_COLUMNS[place.kind]: _place_id(place) for place in places(alert)}
    return {"name": plain_text(alert.name[:_LONGEST_NAME]), **{each: ids.get(each) for each in _COLUMNS.values()}}


def neighbours(
    connection: Connection, of: Collection[Place], besides: Collection[str], at_most: int
) -> dict[Place, list[Neighbour]]:
    """What fires at each of these places, once for each group that it is in; in no order.

    Args:
        besides: fingerprints that are left out.
        at_most: of one place, the worst.
    """
    by_id = {_place_id(place): place for place in of}
    asked: dict[str, list[str]] = {column: [] for column in _COLUMNS.values()}
    for place_id, place in by_id.items():
        asked[_COLUMNS[place.kind]].append(place_id)
    besides = [plain_text(each) for each in besides]
    rows = _worst(connection.dialect.name).rows(connection, {**asked, "besides": besides, "at_most": at_most})
    return {
        by_id[row.place_id]: [Neighbour(fingerprint, name, SEVERITIES[at]) for fingerprint, name, at in told]
        for row in rows
        if (told := json.loads(row.told or "[]"))
    }


@cache
def _worst(dialect_name: str) -> Prepared:
    """A row for each place; the ids of the places are parameters that are called as their columns."""
    of_column = partial(_worst_of, dialect_name)
    return Prepared(union_all(*(of_column(alerts.c[name]) for name in dict.fromkeys(_COLUMNS.values()))))


def _worst_of(dialect_name: str, column: Column[Any]) -> Select[Any]:
    """A list of lists as JSON: a join of that many rows at most would be LATERAL, which SQLite does not know."""
    ids = bindparam(column.name, type_=Several())
    if dialect_name == "postgresql":
        asked = func.unnest(cast(ids, ARRAY(Text))).table_valued("value").render_derived(f"asked_{column.name}")
        listed, of_columns = func.json_agg, func.json_build_array
    else:
        asked = func.json_each(ids).table_valued("value", name=f"asked_{column.name}")
        listed, of_columns = func.json_group_array, func.json_array
    firing = alerts.c.status == literal_column("'firing'")
    worst = (
        select(alerts.c.fingerprint, alerts.c.name, alerts.c.severity)
        .where(column == asked.c.value, firing, not_(OneOf(alerts.c.fingerprint, "besides")))
        # By the fingerprint too: what fires is in the order of severity in another index, which is not to be walked.
        .order_by(alerts.c.severity, alerts.c.fingerprint)
        .limit(bindparam("at_most", type_=Integer))
        .correlate(asked)
        .subquery(f"worst_by_{column.name}")
    )
    told = select(cast(listed(of_columns(*worst.c)), Text)).scalar_subquery()
    return select(asked.c.value.label("place_id"), told.label("told"))


def _place_id(place: Place) -> str:
    """A place of any name, as a column that can be indexed: 16 hex digits."""
    whole = ascii((place.kind, place.cluster, place.namespace, place.name))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]
