"""Who was called and came, and how often whom was called by which way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("incident", sa.Column("roll", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("alert_group", sa.Column("unclaimed_since", sa.BigInteger(), nullable=True))
    op.add_column("alert_group", sa.Column("unclaimed_calls", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "rung",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "way", "at", name="pk_rung"),
    )
