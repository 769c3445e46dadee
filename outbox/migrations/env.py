"""Runs the migrations on the connection it is given; see `outbox/database.py`."""

from alembic import context

from outbox.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
