"""Where the postmortem of an incident stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; incidents of before have no postmortem."""
    op.add_column("incident", sa.Column("review", sa.Text(), nullable=False, server_default="{}"))
