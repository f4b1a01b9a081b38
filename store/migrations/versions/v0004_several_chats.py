"""Prepared rooms, and the codes by which somebody's accounts are linked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "spare_room",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "chat", name="pk_spare_room"),
    )
    ready, taken = sa.text("state = 'ready'"), sa.text("room IS NOT NULL")
    op.create_index("ix_spare_room_ready", "spare_room", ["connection", "at", "chat"], sqlite_where=ready, postgresql_where=ready)
    op.create_index("ix_spare_room_room", "spare_room", ["room"], sqlite_where=taken, postgresql_where=taken)
    op.create_table(
        "link_code",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_link_code"),
    )
