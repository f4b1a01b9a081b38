"""How command is handed over, when updates are due, and who waits for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and make the table."""
    op.add_column("incident", sa.Column("handover", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("incident", sa.Column("pace", sa.Text(), nullable=False, server_default="{}"))
    op.create_table(
        "asker",
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident", "person", name="pk_asker"),
    )
