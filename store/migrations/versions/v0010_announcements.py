"""Announcements, and who follows what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("incident", sa.Column("announcing", sa.Text(), nullable=False, server_default="{}"))
    op.create_table(
        "subscription",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=True),
        sa.Column("severity", sa.String(), nullable=True),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "key", name="pk_subscription"),
    )
    op.create_index("ix_subscription_about", "subscription", ["about"])
