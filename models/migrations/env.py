"""Alembic's entry: runs revisions on the connection it is handed, or prints them as SQL."""

from alembic import context

from models.metadata import metadata

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    context.run_migrations()
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
    )
    context.run_migrations()
