"""What speaks for an incident's level, and which one was asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("incident", sa.Column("extent", sa.String(), nullable=False, server_default="unknown"))
    op.add_column("incident", sa.Column("percent", sa.BigInteger(), nullable=True))
    op.add_column("incident", sa.Column("complaints", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("incident", sa.Column("asked", sa.Text(), nullable=True))
    op.add_column("incident", sa.Column("proposed", sa.String(), nullable=True))
    op.add_column("incident", sa.Column("counted_from", sa.BigInteger(), nullable=True))
