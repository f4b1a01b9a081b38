"""Which alerts are silent, and how a recovery stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("incident", sa.Column("muting", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("incident", sa.Column("recovering", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("alert_group", sa.Column("muted_until", sa.BigInteger(), nullable=True))
    op.add_column("alert_group", sa.Column("muted_by", sa.String(), nullable=True))
    op.add_column("alert_group", sa.Column("mute_refused", sa.String(), nullable=True))
