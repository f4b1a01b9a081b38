"""What Alembic runs; the connection comes from `store.migrate`, already in a transaction and alone."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from store.tables import Row


def run() -> None:
    """Run the pending migrations on the given connection."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=Row.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file: an ordinary import has no effect
    run()
