"""Databases for the centre's tests: `database` is a SQLite file, then a database of PostgreSQL.

The PostgreSQL server is a real one of our own, started once a run on a Unix socket, where its programs are
found; elsewhere those tests are skipped and say so.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from central.db import open_database

NewDatabase = Callable[[Path], AbstractContextManager[Engine]]
"""Gives a new database with its tables and no rows; a file of its own goes into the folder."""


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
    with _folder() as folder, _server(programs, folder, folder / "data"):
        yield str(folder)


@contextmanager
def postgres_on(disk: Path) -> Iterator[str]:
    """The URL of a database of a server of its own whose data lie on that disk; for a test that fills it."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) on this machine")
    with _folder() as folder:
        data = folder / "disk"  # the disk's own place lies below pytest's folder
        data.mkdir()
        subprocess.run(["mount", "--bind", disk, data], check=True)
        try:
            small = ("-c max_wal_size=32MB", "-c min_wal_size=32MB")
            with _server(programs, folder, data / "data", *small):
                yield f"postgresql+psycopg://test@/postgres?host={folder}"
        finally:
            subprocess.run(["umount", "-l", data], check=True)


@contextmanager
def _folder() -> Iterator[Path]:
    # Not below pytest's own folder, into which only we may look.
    folder = Path(tempfile.mkdtemp(prefix="atalaya-pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(programs: Path, folder: Path, data: Path, *options: str) -> Iterator[None]:
    """A server whose socket lies in the folder."""
    if os.getuid() == 0:
        shutil.chown(data.parent, "nobody", "nogroup")
    _run(programs / "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", cwd=folder)
    told = " ".join((f"-k {folder}", "-c listen_addresses=", "-c fsync=off", *options))
    control = [programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w"]
    _run(*control, "-o", told, "start", cwd=folder)
    try:
        yield
    finally:
        _run(*control, "-m", "immediate", "stop", cwd=folder)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a database with all tables and no rows: copying it is quicker than making them."""
    with _as_owner(postgres_server) as connection:
        connection.execute(text("CREATE DATABASE template"))
    open_database(f"postgresql+psycopg://test@/template?host={postgres_server}").dispose()
    return "template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables and no rows."""
    path = tmp_path_factory.mktemp("sqlite") / "central.sqlite"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of either kind without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/central.sqlite"
    else:
        with _postgres_database(request.getfixturevalue("postgres_server"), "template0") as url:
            yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of either kind with its tables and no rows."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "central.sqlite")
        yield f"sqlite:///{tmp_path}/central.sqlite"
    else:
        server = request.getfixturevalue("postgres_server")
        with _postgres_database(server, request.getfixturevalue("postgres_template")) as url:
            yield url


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A database of PostgreSQL with its tables and no rows."""
    with _postgres_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Makes one database of either kind after another, for tests that need a new one for each example."""
    postgres = request.param == "postgres"
    server, template = (
        [request.getfixturevalue(name) for name in ("postgres_server", "postgres_template")]
        if postgres
        else ["", request.getfixturevalue("sqlite_template")]
    )

    @contextmanager
    def make(folder: Path) -> Iterator[Engine]:
        with ExitStack() as stack:
            if postgres:
                url = stack.enter_context(_postgres_database(server, template))
            else:
                shutil.copy(template, folder / "central.sqlite")
                url = f"sqlite:///{folder}/central.sqlite"
            engine = open_database(url)
            stack.callback(engine.dispose)
            yield engine

    return make


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """The same, opened."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@contextmanager
def _as_owner(server: str) -> Iterator[Connection]:
    engine = create_engine(f"postgresql+psycopg://test@/postgres?host={server}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _postgres_database(server: str, template: str) -> Iterator[str]:
    name = f"t{uuid4().hex}"
    with _as_owner(server) as connection:
        # Files as they are, as all servers did before 15: since then each page goes through the log unless told.
        newer = (connection.dialect.server_version_info or ()) >= (15,)
        how = "STRATEGY file_copy" if newer else ""
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} {how}"))
    yield f"postgresql+psycopg://test@/{name}?host={server}"
    with _as_owner(server) as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
