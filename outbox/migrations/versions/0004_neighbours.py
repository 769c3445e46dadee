"""What neighbours are found by. Alerts that are kept already are found as soon as they are told of again.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("name", sa.Text))
    for place in ("about", "node", "namespace"):
        op.add_column("alerts", sa.Column(f"{place}_id", sa.String(16)))
        condition = sa.text(f"status = 'firing' AND {place}_id IS NOT NULL")
        op.create_index(
            f"alerts_firing_by_{place}",
            "alerts",
            [f"{place}_id", "severity", "fingerprint"],
            sqlite_where=condition,
            postgresql_where=condition,
        )
