"""Databases for the centre's tests: `database_url` is an empty SQLite file, then an empty PostgreSQL database.

The PostgreSQL server is a real one of our own, started once a run on a Unix socket, where its programs are
found; elsewhere those tests are skipped and say so.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from central.db import open_database


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl, which Debian leaves out of PATH."""
    places = [Path(found).parent for found in [shutil.which("initdb")] if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _run(program: Path, *words: object, cwd: Path) -> None:
    # PostgreSQL refuses to run as root.
    somebody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    done = [str(word) for word in (program, *words)]
    subprocess.run(done, check=True, cwd=cwd, stdout=subprocess.DEVNULL, **somebody)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The host part of a server's URL: the folder of its socket."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) on this machine")
    # Not below pytest's own folder, into which only we may look.
    folder = Path(tempfile.mkdtemp(prefix="atalaya-pg-"))
    data = folder / "data"
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        _run(programs / "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", cwd=folder)
        options = f"-k {folder} -c listen_addresses= -c fsync=off"
        control = [programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w"]
        _run(*control, "-o", options, "start", cwd=folder)
        yield str(folder)
        _run(*control, "-m", "immediate", "stop", cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database of its own."""
    name = f"t{uuid4().hex}"
    server = create_engine(
        f"postgresql+psycopg://test@/postgres?host={postgres_server}", isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"postgresql+psycopg://test@/{name}?host={postgres_server}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/central.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """The same, opened: with its tables."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()
