"""Called by Alembic: runs the migrations on the connection that `upgrade` was given."""

from alembic import context

from workbench.store.catalog.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
    transaction_per_migration=False,
)
context.run_migrations()
