"""What came of looking people up on chats that do not have them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "look_up",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sought", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "person", name="pk_look_up"),
    )
