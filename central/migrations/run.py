"""Bring a database up to the tables of this program, on a connection and in a transaction of the caller's."""

from importlib.resources import files

from sqlalchemy import Connection, column, inspect, select, table

_VERSION = table("alembic_version", column("version_num"))


class NewerTablesError(Exception):
    """The tables are of a version that this program does not know."""


def upgrade(connection: Connection) -> None:
    """Apply the steps that are missing.

    Raises:
        NewerTablesError: a newer program has been here.
    """
    known = _steps()
    current = _current(connection)
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise NewerTablesError(
            f"its tables are of version {current}, this program knows up to {known[-1]}: "
            "a newer Atalaya has used it"
        )
    # Only here: every command opens the database, and nearly always there is nothing to do.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _steps() -> list[str]:
    """The versions, oldest first, as the files of the steps are named: v0001_first.py is 0001."""
    names = (entry.name for entry in (files("central") / "migrations" / "versions").iterdir())
    return sorted(name[1:5] for name in names if name.startswith("v") and name.endswith(".py"))


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))
