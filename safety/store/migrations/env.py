"""Alembic's environment: runs migrations in the transaction that `safety.store.migrate` began."""

from alembic import context

from safety.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most things in place: batch mode copies the table instead.
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
