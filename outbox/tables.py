"""The tables. Times are microseconds since 1970, whole values JSON, group keys hashed (they may be of any length)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    and_,
    false,
    literal_column,
    text,
)
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970: exact, ordered and the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


# SQLite counts only an INTEGER PRIMARY KEY up by itself.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _where(name: str, condition: TextClause, *columns: str) -> Index:
    """An index of few rows of many, so that what is finished costs nothing."""
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _where_pending(name: str, *columns: str) -> Index:
    return _where(name, text("state = 'pending'"), *columns)


def _where_firing_at(place: str) -> Index:
    name = f"alerts_firing_by_{place.removesuffix('_id')}"
    return _where(name, text(f"status = 'firing' AND {place} IS NOT NULL"), place, "severity", "fingerprint")


metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("received_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="as it came"),
    Column(
        "kind",
        String(16),
        nullable=False,
        server_default="alert",
        comment="alert; lapse, release, notice, taken, reread: made here",
    ),
    Column("state", String(16), nullable=False, comment="accepted, planned, unrouted, duplicate, merged, dead"),
    Column("error", Text, comment="why it is dead"),
    Column("duplicate_of", _Id, comment="the event that tells it"),
    Column("trace", Text, comment="by what it was decided who is told"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lease_owner", String(128)),
    Column("lease_until", Moment),
    _where("events_accepted", text("state = 'accepted'"), "id"),
    _where("events_dead", text("state = 'dead'"), "id"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("event_id", _Id, ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    Column("destination", String(512), nullable=False, comment="receiver/action/index"),
    Column("receiver", String(256), nullable=False),
    Column("action", String(64), nullable=False),
    Column("group_id", String(64), nullable=False),
    Column(
        "kind",
        String(16),
        nullable=False,
        server_default="state",
        comment="state, digest, fallback; entry, picture, refresh: beside a state",
    ),
    Column(
        "rank",
        Integer,
        nullable=False,
        server_default="1",
        comment="0 for what is critical and fires, less where it waits for its turn, 2 for what need not be heard",
    ),
    Column("notification", Text, nullable=False, comment="all that is to be said, unrendered"),
    Column("counts", Text, comment="its alerts: firing, by severity, and resolved"),
    Column(
        "tells", Text, comment="their fingerprints, a line each: behind + of those that fire, behind - of the others"
    ),
    Column("state", String(16), nullable=False, comment="pending, delivered, superseded, digested, suppressed, dead"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Moment, nullable=False),
    Column("lease_owner", String(128)),
    Column("lease_until", Moment),
    Column("received_at", Moment, nullable=False, comment="the event's"),
    Column("wanted_at", Moment, comment="since when it is tried, where that is not since it was received"),
    Column("settled_at", Moment),
    Column("detail", Text, comment="the receipt, the last error, or why it is suppressed"),
    Column("successor_id", _Id, comment="the delivery that tells it instead"),
    Column(
        "untold",
        Integer,
        nullable=False,
        server_default="0",
        comment="1: dead, nothing later got through; 2: announced",
    ),
    Index("deliveries_by_state", "state", "id"),
    Index("deliveries_by_event", "event_id"),
    _where_pending("deliveries_waiting", "destination", "rank", "id"),
    _where_pending("deliveries_waiting_by_group", "group_id", "destination", "id"),
    _where("deliveries_digested", text("state = 'digested'"), "group_id", "destination", "id"),
    _where("deliveries_untold", text("untold > 0"), "destination", "group_id"),
    _where("deliveries_by_successor", text("successor_id IS NOT NULL"), "successor_id"),
    sqlite_autoincrement=True,
)

destinations = Table(
    "destinations",
    metadata,
    Column("name", String(512), primary_key=True, comment="receiver/action/index"),
    Column("failures", Integer, nullable=False, server_default="0", comment="in a row"),
    Column("failing_since", Moment),
    Column("paused_until", Moment),
    Column("paused_at", Moment, comment="when that was said"),
    Column("probing", Boolean, nullable=False, server_default=false(), comment="the pause is for what a probe brings"),
    Column("throttled_until", Moment, comment="until when the slow pace holds that follows a 429"),
    Column("error", Text, comment="the last one"),
    Column("pace_at", Moment, comment="when what was sent is paid off (GCRA's theoretical arrival time)"),
    Column("digested_at", Moment, comment="when the last digest was made"),
    Column("announced", Text, comment="what its fallback was told last; null when all is well"),
    Column("announced_at", Moment),
)

groups = Table(
    "groups",
    metadata,
    Column("group_id", String(64), primary_key=True),
    Column("group_key", Text, nullable=False),
    Column("history", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

threads = Table(
    "threads",
    metadata,
    Column("destination", String(512), primary_key=True),
    Column("group_id", String(64), primary_key=True),
    Column("thread", Text, nullable=False),
    Column("open", Integer, nullable=False, server_default="1", comment="0: what was told is over there"),
    Column("updated_at", Moment, nullable=False),
    Column("handle", String(300), comment="the far side's on it"),
    Column("reread_at", Moment, comment="when what was found is to be looked up again for it"),
    Index("threads_by_group", "group_id"),
    _where("threads_by_handle", text("handle IS NOT NULL"), "handle"),
    _where("threads_to_reread", text("reread_at IS NOT NULL"), "reread_at"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", String(256), primary_key=True),
    Column("group_id", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("severity", Integer, nullable=False, comment="0 is the worst"),
    Column("alert", Text, nullable=False),
    Column("findings", Text, nullable=False),
    Column("destinations", Text, nullable=False, comment="whose part of the group it is in, one a line"),
    Column("event_id", _Id, nullable=False),
    Column("updated_at", Moment, nullable=False, comment="when it was last heard of"),
    Column("lapsed", Integer, nullable=False, server_default="0", comment="1: taken as over, for it was not heard of"),
    Column("name", Text, comment="its beginning"),
    Column("about_id", String(16), comment="the place that its pod or instance is, hashed; null when it names none"),
    Column("node_id", String(16), comment="likewise its node"),
    Column("namespace_id", String(16), comment="likewise its namespace"),
    Column("withheld", Text, comment="where it is not told for now, and why, by destination"),
    Column("inhibited_in", String(32), comment="the scope in which a source inhibits it"),
    Column("again_at", Moment, comment="when it is to be looked at whether it may be told"),
    Index("alerts_by_status", "status", "severity", "updated_at"),
    Index("alerts_by_group", "group_id", "status"),
    Index("alerts_by_silence", "status", "updated_at"),
    *map(_where_firing_at, ("about_id", "node_id", "namespace_id")),
    _where("alerts_withheld", text("withheld IS NOT NULL"), "group_id"),
    _where("alerts_inhibited", text("inhibited_in IS NOT NULL"), "inhibited_in"),
    _where("alerts_again", text("again_at IS NOT NULL"), "again_at"),
)

sources = Table(
    "sources",
    metadata,
    Column("scope", String(32), primary_key=True, comment="a rule of inhibition and values of labels, hashed"),
    Column("fingerprint", String(256), primary_key=True, comment="an alert that fires and inhibits others there"),
    Index("sources_by_fingerprint", "fingerprint"),
)

rejected = Table(
    "rejected",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("received_at", Moment, nullable=False),
    Column("error", Text, nullable=False, comment="what it was answered"),
    Column("body", LargeBinary, nullable=False, comment="its beginning"),
    sqlite_autoincrement=True,
)

routings = Table(
    "routings",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("document", Text, nullable=False, comment="routes, rules of inhibition and intervals of a configuration"),
    Column("kept_at", Moment, nullable=False, comment="when it was last seen in force"),
)

remediations = Table(
    "remediations",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("token", String(32), nullable=False, comment="of the rule's place, the alert and when that began to fire"),
    Column("destination", String(512), nullable=False, comment="the rule's place: receiver/action/index"),
    Column("rule", String(512), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("fingerprint", String(256), nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("group_id", String(64), nullable=False),
    Column("group_key", Text, nullable=False),
    Column("event_id", _Id, nullable=False, comment="what it was taken up with; it may be gone"),
    Column("alert", Text, nullable=False, comment="as it was then"),
    Column("dry_run", Boolean, nullable=False),
    Column("hidden", Integer, nullable=False, server_default="0", comment="how many more its payload was cut of"),
    Column("state", String(16), nullable=False, comment="proposed, considered, approval, acting, verifying, done"),
    Column("result", String(16), comment="fixed, not_fixed, unknown, failed, dry_run, refused, declined, expired"),
    Column("detail", Text, nullable=False, comment="the result in words"),
    Column("target", String(700), comment="what tells its target from all others"),
    Column("proposal", Text, comment="what is done, or would be"),
    Column("performed", Text, comment="what was"),
    Column("verdicts", Text, nullable=False, server_default="[]", comment="what each guard said last"),
    Column("steps", Text, nullable=False, server_default="[]", comment="what happened, and when"),
    Column("tries", Integer, nullable=False, server_default="0", comment="of its state"),
    Column("proposed_at", Moment, nullable=False, comment="when the alert was received"),
    Column("proposed_ticks", BigInteger, comment="the same by the guards' clock; null until it was looked at"),
    Column("due_at", Moment, nullable=False),
    Column("acted_at", Moment, comment="when its write was begun"),
    Column("acted_ticks", BigInteger, comment="the same by the guards' clock"),
    Column("cooldown_ticks", BigInteger, nullable=False, server_default="0", comment="for how long after that"),
    Column("approved_at", Moment),
    Column("approved_by", Text),
    Column("storm", Boolean, nullable=False, server_default=false(), comment="refused for there were too many at once"),
    Column("asked", Text, comment="the destinations where a person was told of it, and is to hear its end"),
    Column("lease_owner", String(128)),
    Column("lease_until", Moment),
    Index("remediations_by_token", "token", unique=True),
    _where("remediations_due", text("state <> 'done'"), "due_at"),
    _where("remediations_acted", text("acted_ticks IS NOT NULL"), "acted_ticks"),
    _where("remediations_acted_by_target", text("acted_ticks IS NOT NULL"), "target", "acted_ticks"),
    _where("remediations_asked", text("asked IS NOT NULL"), "id"),
    Index("remediations_by_destination", "destination", "id"),
    sqlite_autoincrement=True,
)

remediation_control = Table(
    "remediation_control",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticks", BigInteger, nullable=False, comment="microseconds that processes have lived through"),
    Column("enabled", Boolean, nullable=False, comment="whether anything is done about alerts"),
    Column("switched_by", Text),
    Column("switched_at", Moment),
)

watchdogs = Table(
    "watchdogs",
    metadata,
    Column("key", String(16), primary_key=True, comment="its matchers and its receiver, hashed"),
    Column("name", Text, nullable=False, comment="its matchers"),
    Column("heard", BigInteger, nullable=False, server_default="0", comment="how often it was accepted"),
    Column("noticed", BigInteger, nullable=False, server_default="0", comment="how much of that was looked at"),
    Column("heard_at", Moment, comment="when it was accepted last"),
    Column("heard_ticks", BigInteger, comment="when that was noticed, by the clock of `listening`"),
    Column("since_ticks", BigInteger, nullable=False, comment="since when it is expected"),
    Column("watched_ticks", BigInteger, nullable=False, comment="when a process last expected it"),
    Column("silent_since", Moment, comment="null while it is not said to be silent"),
    Column("told", Text, comment="the destinations that were told"),
)

listening = Table(
    "listening",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticks", BigInteger, nullable=False, comment="microseconds in which a process listened"),
    Column("since_ticks", BigInteger, nullable=False, comment="since when without a gap"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("called_at", Moment, comment="since when the next call is waited for"),
    Column("succeeded_at", Moment),
    Column("failed_at", Moment),
    Column("problem", Text, comment="why it was not made"),
)

probes = Table(
    "probes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("written_at", Moment, nullable=False),
)

# In so many words, not as parameters: SQLite takes an index of some rows only where it sees the same condition.
# https://www.sqlite.org/partialindex.html#queries_using_partial_indexes
ACCEPTED = events.c.state == literal_column("'accepted'")
"""Whether an event is still to be planned."""

DEAD = events.c.state == literal_column("'dead'")
"""Whether an event could not be planned."""

PENDING = deliveries.c.state == literal_column("'pending'")
"""Whether a delivery is not at its end yet."""

TELLS_STATE = and_(*(deliveries.c.kind != literal_column(kind) for kind in ("'entry'", "'picture'", "'refresh'")))
"""Whether a delivery tells a group's state, or a digest's, and not what is told beside."""

DIGESTED = deliveries.c.state == literal_column("'digested'")
"""Whether a delivery was told in a digest."""
