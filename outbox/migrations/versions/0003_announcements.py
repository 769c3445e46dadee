"""What announcements need: which dead deliveries were announced, and payloads that were rejected.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.drop_index("deliveries_untold", "deliveries")
    condition = sa.text("untold > 0")
    op.create_index(
        "deliveries_untold",
        "deliveries",
        ["destination", "group_id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
    op.create_table(
        "rejected",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
