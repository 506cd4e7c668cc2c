"""What every storage does: a folder of this machine, and a bucket of a real S3 server."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3_servers import S3Server

from central.archive.storage import LocalStorage, Storage, check_writable, open_s3
from central.errors import MissingError, StoreError
from central.sections import StorageSettings


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "files")
    server: S3Server = request.getfixturevalue("s3_server")
    return open_s3(server.settings(), "files")


def test_what_was_put_is_read_whole_and_in_ranges(storage: Storage) -> None:
    storage.put("2026-03-01/14-a.pack", b"0123456789")
    assert storage.read("2026-03-01/14-a.pack") == b"0123456789"
    assert storage.read("2026-03-01/14-a.pack", offset=3, length=4) == b"3456"
    assert storage.read("2026-03-01/14-a.pack", offset=7) == b"789"
    assert storage.read("2026-03-01/14-a.pack", offset=7, length=9) == b"789", "shorter than asked"
    assert storage.read("2026-03-01/14-a.pack", offset=10, length=1) == b""
    assert storage.read("2026-03-01/14-a.pack", offset=99, length=1) == b""


@pytest.mark.parametrize("size", [0, 1, 5 * 2**20, 17 * 2**20 + 3])
def test_any_size_comes_back(storage: Storage, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    storage.put("day/file", content)
    assert storage.read("day/file") == content
    (stored,) = storage.files("day")
    assert (stored.name, stored.length) == ("day/file", size)


def test_to_put_the_same_again_changes_nothing(storage: Storage) -> None:
    for _ in range(2):
        storage.put("day/file", b"same")
    assert storage.read("day/file") == b"same"
    assert [file.name for file in storage.files("day")] == ["day/file"]


def test_listings_are_sorted_and_say_when(storage: Storage) -> None:
    for name in ("b/2", "a/1", "b/1", "b/10"):
        storage.put(name, b"x")
    assert storage.folders() == ["a", "b"]
    assert [file.name for file in storage.files("b")] == ["b/1", "b/10", "b/2"]
    age = datetime.now(UTC) - storage.files("a")[0].modified_at
    assert abs(age) < timedelta(minutes=2)


def test_nothing_is_listed_where_nothing_is(storage: Storage) -> None:
    assert storage.folders() == []
    assert storage.files("nowhere") == []


def test_what_was_deleted_is_gone_and_to_delete_it_again_is_nothing(storage: Storage) -> None:
    storage.put("a/1", b"x")
    storage.put("a/2", b"y")
    storage.delete("a/1")
    storage.delete("a/1")
    storage.delete("nowhere/1")
    with pytest.raises(MissingError, match="a/1: cannot be read: No such file"):
        storage.read("a/1")
    assert [file.name for file in storage.files("a")] == ["a/2"]
    assert storage.read("a/2") == b"y"


def test_a_file_that_never_was_is_missing(storage: Storage) -> None:
    with pytest.raises(MissingError, match="day/none: cannot be read: No such file"):
        storage.read("day/none", offset=3, length=1)


@pytest.mark.s3
class TestS3:
    def test_two_prefixes_of_a_bucket_know_nothing_of_each_other(self, s3_server: S3Server) -> None:
        settings = s3_server.settings()
        here, there = open_s3(settings, "pictures"), open_s3(settings, "archive")
        here.put("day/file", b"here")
        assert there.folders() == []
        found = s3_server.filesystem().get_file_info(f"{settings.bucket}/{settings.prefix}/pictures/day/file")
        assert found.size == 4

    @pytest.mark.parametrize("fault", ["bucket", "secret"])
    def test_a_wrong_setting_is_a_fault_that_says_where(
        self, s3_server: S3Server, tmp_path: Path, fault: str
    ) -> None:
        settings = s3_server.settings()
        if fault == "bucket":
            settings = settings.model_copy(update={"bucket": "nobodys"})
        else:
            (tmp_path / "secret").write_text("wrong")
            settings = settings.model_copy(update={"secret_key_file": tmp_path / "secret"})
        storage = open_s3(settings, "pictures")
        with pytest.raises(
            StoreError, match=f"^{settings.bucket}/{settings.prefix}/pictures/day/file: storage fails"
        ):
            storage.put("day/file", b"x")

    def test_a_server_that_is_away_is_a_fault_and_nothing_is_missing(self, tmp_path: Path) -> None:
        settings = StorageSettings(kind="s3", bucket="bucket", endpoint="http://127.0.0.1:9")
        (tmp_path / "key").write_text("x")
        keys = {"access_key_file": tmp_path / "key", "secret_key_file": tmp_path / "key"}
        storage = open_s3(settings.model_copy(update=keys), "pictures")
        with pytest.raises(StoreError, match="storage fails") as caught:
            storage.read("day/file")
        assert not isinstance(caught.value, MissingError)


def test_a_disk_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="storage fails: "):
        LocalStorage(tmp_path / "file").put("a/1", b"x")


def test_nobody_else_may_look_into_a_folder(tmp_path: Path) -> None:
    LocalStorage(tmp_path / "files").put("a/1", b"x")
    assert (tmp_path / "files" / "a" / "1").stat().st_mode & 0o077 == 0
    assert (tmp_path / "files" / "a").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_even_be_looked_for_is_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 300)
    with pytest.raises(StoreError, match=rf"^{folder}: cannot be written: File name too long$"):
        check_writable(folder)
