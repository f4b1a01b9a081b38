"""Action items, whose they are, and who manages whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OPEN = "state <> 'accepted'"


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "action_item",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("who", sa.String(), nullable=True),
        sa.Column("due", sa.String(), nullable=False),
        sa.Column("acceptance", sa.Text(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("sort", sa.String(), nullable=True),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("extensions", sa.BigInteger(), nullable=False),
        sa.Column("asked_due", sa.String(), nullable=False),
        sa.Column("asked_why", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("returned", sa.Text(), nullable=False),
        sa.Column("assigned_at", sa.BigInteger(), nullable=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_action_item"),
    )
    op.create_index("ix_action_item_incident", "action_item", ["incident", "number"])
    for name in ("who", "verifier"):
        op.create_index(
            f"ix_action_item_{name}", "action_item", [name, "due", "number"],
            sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN),
        )  # fmt: skip
    op.create_index(
        "ix_action_item_open", "action_item", ["due", "number"], sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)
    )
    op.add_column("incident", sa.Column("actions", sa.Text(), nullable=False, server_default='{"items":[],"closed_at":null}'))
    op.add_column("person", sa.Column("manager", sa.String(), nullable=True))
    managed = "manager IS NOT NULL"
    op.create_index("ix_person_manager", "person", ["manager"], sqlite_where=sa.text(managed), postgresql_where=sa.text(managed))
