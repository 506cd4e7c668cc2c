"""Bring a database up to the tables of this program, on a connection and in a transaction of the caller's."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class NewerTablesError(Exception):
    """The tables are of a version that this program does not know."""


def upgrade(connection: Connection) -> None:
    """Apply the steps that are missing.

    Raises:
        NewerTablesError: a newer program has been here.
    """
    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    steps = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == steps.get_current_head():
        return
    known = {step.revision for step in steps.walk_revisions()}
    if current is not None and current not in known:
        raise NewerTablesError(
            f"its tables are of version {current}, this program knows up to {steps.get_current_head()}: "
            "a newer Atalaya has used it"
        )
    command.upgrade(config, "head")
