"""The meeting about the postmortem of an incident."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; incidents of before have no meeting."""
    op.add_column("incident", sa.Column("meeting", sa.Text(), nullable=False, server_default="{}"))
