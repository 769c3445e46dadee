"""What delivering needs: ranks, successors, destinations and what is known of groups.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("events", sa.Column("kind", sa.String(16), nullable=False, server_default="alert"))
    op.add_column("events", sa.Column("duplicate_of", _ID))
    op.add_column("deliveries", sa.Column("kind", sa.String(16), nullable=False, server_default="state"))
    op.add_column("deliveries", sa.Column("rank", sa.Integer, nullable=False, server_default="1"))
    op.add_column("deliveries", sa.Column("counts", sa.Text))
    op.add_column("deliveries", sa.Column("wanted_at", sa.BigInteger))
    op.add_column("deliveries", sa.Column("successor_id", _ID))
    op.add_column("deliveries", sa.Column("untold", sa.Integer, nullable=False, server_default="0"))
    op.add_column("threads", sa.Column("open", sa.Integer, nullable=False, server_default="1"))
    op.add_column("alerts", sa.Column("lapsed", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "destinations",
        sa.Column("name", sa.String(512), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("paused_until", sa.BigInteger),
        sa.Column("paused_at", sa.BigInteger),
        sa.Column("probing", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("throttled_until", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("pace_at", sa.BigInteger),
        sa.Column("digested_at", sa.BigInteger),
        sa.Column("announced", sa.Text),
        sa.Column("announced_at", sa.BigInteger),
    )
    op.create_table(
        "groups",
        sa.Column("group_id", sa.String(64), primary_key=True),
        sa.Column("group_key", sa.Text, nullable=False),
        sa.Column("history", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.drop_index("events_by_state", "events")
    _create_index("events_accepted", "events", ["id"], "state = 'accepted'")
    _create_index("events_dead", "events", ["id"], "state = 'dead'")
    op.drop_index("deliveries_by_state", "deliveries")
    op.drop_index("deliveries_by_group", "deliveries")
    op.create_index("deliveries_by_state", "deliveries", ["state", "id"])
    _create_index("deliveries_waiting", "deliveries", ["destination", "rank", "id"], "state = 'pending'")
    _create_index("deliveries_waiting_by_group", "deliveries", ["group_id", "destination", "id"], "state = 'pending'")
    _create_index("deliveries_digested", "deliveries", ["group_id", "destination", "id"], "state = 'digested'")
    _create_index("deliveries_untold", "deliveries", ["destination", "group_id"], "untold = 1")
    _create_index("deliveries_by_successor", "deliveries", ["successor_id"], "successor_id IS NOT NULL")
    op.create_index("threads_by_group", "threads", ["group_id"])
    op.create_index("alerts_by_group", "alerts", ["group_id", "status"])
    op.create_index("alerts_by_silence", "alerts", ["status", "updated_at"])


def _create_index(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
