"""What is S3's alone: a server that is away, wrong keys, and an archive that moves there and back."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from archived import archived_rows
from central_reads import LASTING, NOON, a_read, put
from pyarrow import fs
from s3_servers import S3Server
from sqlalchemy import Engine

from central.archive.place import LocalArchive, archive_of
from central.archive.s3 import open_s3_archive
from central.archive.table import open_archive
from central.archive.write import seal
from central.db import open_database
from central.erase.roots import _archived
from central.errors import StoreError
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from central.settings import CentralSettings

pytestmark = pytest.mark.s3


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield opened
    opened.dispose()


@pytest.fixture
def settings(tmp_path: Path, s3_server: S3Server) -> CentralSettings:
    made = CentralSettings.model_validate({"archive": {"path": tmp_path / "archive"}})
    return made.model_copy(update={"storage": s3_server.settings()})


def seal_now(engine: Engine, settings: CentralSettings) -> None:
    seal(engine, archive_of(settings), clock=lambda: NOON)


def found(engine: Engine, settings: CentralSettings) -> Counter[int]:
    with Reads(engine, archive_of(settings), QuerySettings(), rules=LASTING) as reads:
        return Counter(read.seq for read in reads.find(Question(plate="ABC123")).reads)


def test_while_it_is_away_reads_stay_and_questions_say_so(
    engine: Engine, settings: CentralSettings, s3_server: S3Server
) -> None:
    put(engine, [a_read(seq) for seq in range(1, 6)])
    seal_now(engine, settings)
    put(engine, [a_read(seq) for seq in range(6, 9)])
    where = f"s3://{settings.storage.bucket}/{settings.storage.prefix}/archive: archive cannot be opened: "
    with Reads(engine, archive_of(settings), QuerySettings(), rules=LASTING) as reads:
        assert len(reads.find(Question(plate="ABC123")).reads) == 8
        s3_server.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreError) as caught:
                    reads.find(Question(plate="ABC123"))
                message = str(caught.value)
                assert message.startswith(where)
                assert "\n" not in message
                assert "ABC123" not in message
                with pytest.raises(StoreError, match=where):
                    seal_now(engine, settings)
        finally:
            s3_server.start()
        assert len(reads.find(Question(plate="ABC123")).reads) == 8
    seal_now(engine, settings)
    assert found(engine, settings) == Counter(range(1, 9))
    table = open_archive(archive_of(settings))
    assert table is not None
    assert archived_rows(table, ["seq"]).num_rows == 8


def test_a_wrong_key_is_told_and_not_shown(
    engine: Engine, settings: CentralSettings, tmp_path: Path, s3_server: S3Server
) -> None:
    (tmp_path / "key").write_text("wr0ngWR0NGwr0ng")
    wrong = settings.storage.model_copy(update={"secret_key_file": tmp_path / "key"})
    put(engine, [a_read(1)])
    with pytest.raises(StoreError, match="403 Forbidden SignatureDoesNotMatch") as caught:
        seal_now(engine, settings.model_copy(update={"storage": wrong}))
    assert "wr0ng" not in str(caught.value)
    assert s3_server.access_key_file.read_text().strip() not in str(caught.value)


def test_with_tls_its_own_authority_is_trusted_and_no_other(
    engine: Engine, settings: CentralSettings, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)  # and given back as it was
    put(engine, [a_read(1)])
    tls = settings.storage.model_copy(update={"endpoint": s3_server.tls_endpoint})
    with pytest.raises(StoreError, match="certificate"):
        seal_now(engine, settings.model_copy(update={"storage": tls}))
    monkeypatch.setenv("SSL_CERT_FILE", "")
    secure = settings.model_copy(update={"storage": tls.model_copy(update={"ca_file": s3_server.ca_file})})
    seal_now(engine, secure)
    assert found(engine, secure) == Counter([1])


def test_a_bucket_that_is_not_there_is_a_fault(engine: Engine, settings: CentralSettings) -> None:
    nowhere = settings.storage.model_copy(update={"bucket": "nobodys"})
    put(engine, [a_read(1)])
    with pytest.raises(StoreError, match=r"s3://nobodys/\w+/archive: .* NoSuchBucket"):
        seal_now(engine, settings.model_copy(update={"storage": nowhere}))


def test_a_local_archive_is_not_forgotten_and_moves(
    engine: Engine, settings: CentralSettings, s3_server: S3Server
) -> None:
    local = settings.model_copy(update={"storage": CentralSettings().storage})
    put(engine, [a_read(seq) for seq in range(1, 4)])
    seal_now(engine, local)
    put(engine, [a_read(4)])
    for attempt in (seal_now, found):
        with pytest.raises(
            StoreError, match=r"nothing is archived here yet, but the archive is in .*/archive: stop"
        ):
            attempt(engine, settings)
    root = f"{settings.storage.bucket}/{settings.storage.prefix}/archive"
    fs.copy_files(str(settings.archive.path), root, fs.LocalFileSystem(), s3_server.filesystem())
    seal_now(engine, settings)
    assert found(engine, settings) == Counter(range(1, 5))
    assert archive_of(settings).files("reads/_delta_log")


def test_nor_is_one_in_a_bucket(engine: Engine, settings: CentralSettings) -> None:
    put(engine, [a_read(1)])
    seal_now(engine, settings)
    put(engine, [a_read(2)])
    local = settings.model_copy(update={"storage": CentralSettings().storage})
    for attempt in (seal_now, found):
        with pytest.raises(StoreError, match=r"the archive is in s3://atalaya-tests/\w+/archive: stop"):
            attempt(engine, local)
    (settings.archive.path / "tables-are-in").unlink()
    seal_now(engine, local)
    assert open_archive(LocalArchive(settings.archive.path)) is not None


def test_nor_is_one_in_another_bucket(engine: Engine, settings: CentralSettings, s3_server: S3Server) -> None:
    put(engine, [a_read(1)])
    seal_now(engine, settings)
    put(engine, [a_read(2)])
    other = settings.model_copy(update={"storage": s3_server.settings()})
    for attempt in (seal_now, found):
        with pytest.raises(StoreError, match=rf"the archive is in {archive_of(settings)}: stop"):
            attempt(engine, other)
    seal_now(engine, settings)
    assert found(engine, settings) == Counter([1, 2])


def test_a_search_for_an_erased_plate_reads_all_of_the_bucket(
    engine: Engine, settings: CentralSettings
) -> None:
    put(engine, [a_read(1)])
    seal_now(engine, settings)
    archive = open_s3_archive(settings)
    with archive.create("set-aside/damaged.parquet") as kept:
        kept.write(b"ABC123")
    found = {name.rpartition("/")[0]: content for name, content in _archived(archive)}
    day = f"reads/captured_date={NOON:%Y-%m-%d}"
    assert set(found) == {day, "reads/_delta_log", "set-aside"}
    assert found["set-aside"] == b"ABC123"
    assert found[day].startswith(b"PAR1")


def test_nothing_of_a_prefix_is_another_s(settings: CentralSettings, s3_server: S3Server) -> None:
    other = settings.model_copy(update={"storage": s3_server.settings()})
    here, there = open_s3_archive(settings), open_s3_archive(other)
    here.prepare()
    with here.create("reads/file") as file:
        file.write(b"mine")
    assert here.read("reads/file") == b"mine"
    assert there.files("reads") == []
