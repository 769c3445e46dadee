"""What inhibits others, what is not told for now, and by what that was decided.

Alerts that fire already inhibit others once the service starts.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("withheld", sa.Text))
    op.add_column("alerts", sa.Column("inhibited_in", sa.String(32)))
    op.add_column("alerts", sa.Column("again_at", sa.BigInteger))
    for name, column, indexed in (
        ("alerts_withheld", "withheld", "group_id"),
        ("alerts_inhibited", "inhibited_in", "inhibited_in"),
        ("alerts_again", "again_at", "again_at"),
    ):
        condition = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "alerts", [indexed], sqlite_where=condition, postgresql_where=condition)
    op.create_table(
        "sources",
        sa.Column("scope", sa.String(32), primary_key=True),
        sa.Column("fingerprint", sa.String(256), primary_key=True),
    )
    op.create_index("sources_by_fingerprint", "sources", ["fingerprint"])
    op.add_column("events", sa.Column("trace", sa.Text))
    op.add_column("deliveries", sa.Column("tells", sa.Text))
    op.create_table(
        "routings",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
    )
