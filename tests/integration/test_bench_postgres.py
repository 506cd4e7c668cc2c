"""The PostgreSQL beside which the archive is measured answers as plain files do."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from central.archive.schema import PARTITION
from central.bench.history import reads_of
from central.bench.peers import QUESTIONS, Asked, Plain
from central.bench.postgres import Postgres
from central.errors import ConfigError

DAY = date(2026, 6, 1)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder where the server's user gets: pytest's own are ours alone."""
    with tempfile.TemporaryDirectory(prefix="atalaya-bench-") as folder:
        yield Path(folder)


@pytest.mark.postgres
def test_it_answers_as_plain_files_do_and_keeps_what_it_was_given(tmp_path: Path, reachable: Path) -> None:
    try:
        server = Postgres(reachable / "postgres")
    except ConfigError as error:
        pytest.skip(f"no PostgreSQL server programs (initdb, pg_ctl) on this machine: {error}")
    reads = reads_of(DAY, 3_000)
    file = tmp_path / "reads.parquet"
    pq.write_table(reads.drop_columns(PARTITION), file)
    row = reads.slice(1234, 1).to_pylist()[0]
    since = datetime.combine(DAY, row["captured_at"].time().replace(minute=0, second=0, microsecond=0), UTC)
    parameters = Asked(row["plate"], row["camera_id"], since).parameters()
    plain = Plain(tmp_path / "plain")
    filled: list[date] = []
    for peer in (plain, server, server):
        peer.fill({DAY: [file]}, filled.append)
    assert filled == [DAY, DAY], "the second filling of the server had nothing to do"
    with plain.opened() as ask_plain, server.opened() as ask_server:
        for name, sql in QUESTIONS.items():
            named = {key: value for key, value in parameters.items() if f"{{{key}}}" in sql}
            assert ask_server(sql, named) == ask_plain(sql, named) > 0, name
