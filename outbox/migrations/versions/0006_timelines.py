"""The far side's handle on what it holds of a group, and when what was found is to be looked up again.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("threads", sa.Column("handle", sa.String(300)))
    op.add_column("threads", sa.Column("reread_at", sa.BigInteger))
    for name, column in (("threads_by_handle", "handle"), ("threads_to_reread", "reread_at")):
        condition = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "threads", [column], sqlite_where=condition, postgresql_where=condition)
