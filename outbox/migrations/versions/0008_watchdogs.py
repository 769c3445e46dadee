"""What is expected to be heard of, the clock that silence is measured by, and the calls of a switch outside.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "watchdogs",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("heard", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("noticed", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("heard_at", sa.BigInteger),
        sa.Column("heard_ticks", sa.BigInteger),
        sa.Column("since_ticks", sa.BigInteger, nullable=False),
        sa.Column("watched_ticks", sa.BigInteger, nullable=False),
        sa.Column("silent_since", sa.BigInteger),
        sa.Column("told", sa.Text),
    )
    op.create_table(
        "listening",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticks", sa.BigInteger, nullable=False),
        sa.Column("since_ticks", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("called_at", sa.BigInteger),
        sa.Column("succeeded_at", sa.BigInteger),
        sa.Column("failed_at", sa.BigInteger),
        sa.Column("problem", sa.Text),
    )
