"""Numbers that stand under messages, and links to web forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "menu",
        sa.Column("spot", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("spot", name="pk_menu"),
    )
    op.create_index("ix_menu_at", "menu", ["at"])
    op.create_table(
        "form_link",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("press", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_form_link"),
    )
    op.create_index("ix_form_link_until", "form_link", ["until"])
