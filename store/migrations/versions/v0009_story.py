"""What became of notes, and which messages they were taken from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, make the tables."""
    op.add_column("incident", sa.Column("story", sa.Text(), nullable=False, server_default="{}"))
    op.create_table(
        "captured",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "chat", "message", name="pk_captured"),
    )
