"""What is done about alerts, and the clock and the switch of its guards.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "remediations",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("destination", sa.String(512), nullable=False),
        sa.Column("rule", sa.String(512), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.String(256), nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("group_id", sa.String(64), nullable=False),
        sa.Column("group_key", sa.Text, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("alert", sa.Text, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("hidden", sa.Integer, nullable=False, server_default="0"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("result", sa.String(16)),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("target", sa.String(700)),
        sa.Column("proposal", sa.Text),
        sa.Column("performed", sa.Text),
        sa.Column("verdicts", sa.Text, nullable=False, server_default="[]"),
        sa.Column("steps", sa.Text, nullable=False, server_default="[]"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("proposed_at", sa.BigInteger, nullable=False),
        sa.Column("proposed_ticks", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("acted_at", sa.BigInteger),
        sa.Column("acted_ticks", sa.BigInteger),
        sa.Column("cooldown_ticks", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("approved_at", sa.BigInteger),
        sa.Column("approved_by", sa.Text),
        sa.Column("storm", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("asked", sa.Text),
        sa.Column("lease_owner", sa.String(128)),
        sa.Column("lease_until", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("remediations_by_token", "remediations", ["token"], unique=True)
    op.create_index("remediations_by_destination", "remediations", ["destination", "id"])
    for name, condition, columns in (
        ("remediations_due", "state <> 'done'", ["due_at"]),
        ("remediations_acted", "acted_ticks IS NOT NULL", ["acted_ticks"]),
        ("remediations_acted_by_target", "acted_ticks IS NOT NULL", ["target", "acted_ticks"]),
        ("remediations_asked", "asked IS NOT NULL", ["id"]),
    ):
        some = sa.text(condition)
        op.create_index(name, "remediations", columns, sqlite_where=some, postgresql_where=some)
    op.create_table(
        "remediation_control",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticks", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("switched_by", sa.Text),
        sa.Column("switched_at", sa.BigInteger),
    )
