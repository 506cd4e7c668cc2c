"""Packs on this machine alone and with S3: whoever reads finds a picture before, while and after its pack moves."""

import fcntl
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kept_pictures import lengths

from central.archive.packing import PackWriter, Place
from central.archive.pictures import Packs
from central.archive.storage import LocalStorage
from central.errors import DamagedError, MissingError, StoreError

AT = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)


class CutError(Exception):
    """A process that ends here."""


class RemoteThatEnds(LocalStorage):
    """Another place, at which the process ends: before a file is stored, or just after."""

    when = ""

    def put(self, name: str, content: bytes) -> None:
        if self.when == "before":
            raise CutError
        super().put(name, content)
        if self.when == "after":
            raise CutError


def test_pictures_are_read_before_and_after_their_pack_moves(packs: Packs, tmp_path: Path) -> None:
    with PackWriter(tmp_path / "pictures", max_bytes=6) as writer:
        places = [place for n in range(5) for place in writer.write([f"pic{n}".encode()], at=AT)]
        packs.move_finished()
        assert [packs.read(place) for place in places] == [f"pic{n}".encode() for n in range(5)]
    packs.move_finished()
    assert packs.move_finished() == 0
    assert [packs.read(place) for place in places] == [f"pic{n}".encode() for n in range(5)]
    assert sum(lengths(packs).values()) == 20, "each once"


def test_a_kept_pack_is_read_like_any_other(packs: Packs) -> None:
    packs.put("2026-03-01/kept-0a.pack", b"kept")
    place = Place("2026-03-01/kept-0a.pack", 1, 2, "9c1185a5c5e9fc54612808977ee8f548b2258d31" + "0" * 24)
    with pytest.raises(DamagedError, match="the picture at 1"):
        packs.read(place)
    assert packs.days() == ["2026-03-01"]
    packs.delete("2026-03-01/kept-0a.pack")
    packs.delete("2026-03-01/kept-0a.pack")
    with pytest.raises(MissingError, match=r"kept-0a\.pack: cannot be read: No such file"):
        packs.read(place)


def test_what_is_named_in_a_pack_is_looked_up_once_nobody_can_name_another(
    packs: Packs, tmp_path: Path
) -> None:
    named: list[tuple[int, int]] = []

    def look() -> list[tuple[int, int]]:
        """As a transaction that began to name a picture before the blanking, and has ended now."""
        if path.exists():
            with path.open("r+b") as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return named

    with PackWriter(tmp_path / "pictures", max_bytes=4) as writer:
        with writer.trying():
            gone, kept = writer.write([b"gone", b"kept"], at=AT)
            path = tmp_path / "pictures" / kept.pack
            for place in (gone, kept):
                assert not packs.blank(place.pack, lambda: pytest.fail("somebody may name a picture of it"))
                assert not packs.delete(place.pack)
        named.append((kept.offset, kept.length))
        assert packs.blank(gone.pack, list)
    assert packs.blank(kept.pack, look)
    assert packs.read(kept) == b"kept"
    assert packs.whole(gone.pack) == bytes(4)


def test_a_pack_that_is_written_stays_and_another_moves(tmp_path: Path) -> None:
    remote = LocalStorage(tmp_path / "remote")
    packs = Packs(tmp_path / "pictures", remote)
    with PackWriter(tmp_path / "pictures") as writer:
        (full,) = writer.write([b"before"], at=AT - timedelta(hours=1))
        (open_still,) = writer.write([b"now"], at=AT)
        assert packs.move_finished() == 1
        assert remote.read(full.pack) == b"before"
        assert not (tmp_path / "pictures" / full.pack).exists()
        (more,) = writer.write([b"more"], at=AT)
        assert more.pack == open_still.pack
    assert packs.move_finished() == 1
    assert remote.read(more.pack) == b"nowmore"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_mover_that_ends_loses_and_doubles_nothing(tmp_path: Path, when: str) -> None:
    remote = RemoteThatEnds(tmp_path / "remote")
    packs = Packs(tmp_path / "pictures", remote)
    with PackWriter(tmp_path / "pictures") as writer:
        (place,) = writer.write([b"picture"], at=AT)
    remote.when = when
    with pytest.raises(CutError):
        packs.move_finished()
    assert packs.read(place) == b"picture"
    remote.when = ""
    assert packs.move_finished() == 1
    assert packs.read(place) == b"picture"
    assert lengths(packs) == {place.pack: 7}
    assert not (tmp_path / "pictures" / place.pack).exists()


def test_a_pack_that_another_process_moves_is_left_to_it(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "pictures", LocalStorage(tmp_path / "remote"))
    with PackWriter(tmp_path / "pictures") as writer:
        (place,) = writer.write([b"picture"], at=AT)
    with (tmp_path / "pictures" / place.pack).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert packs.move_finished() == 0
    assert packs.move_finished() == 1


def test_a_pack_that_is_written_is_not_deleted(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "pictures")
    with PackWriter(tmp_path / "pictures") as writer:
        (place,) = writer.write([b"picture"], at=AT)
        assert not packs.delete(place.pack)
        writer.write([b"more"], at=AT)
    assert packs.read(place) == b"picture"
    assert packs.delete(place.pack)
    assert lengths(packs) == {}


def test_a_new_pack_that_was_moved_before_it_was_locked_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = Packs(tmp_path / "pictures", LocalStorage(tmp_path / "remote"))
    real, moved = os.open, list[int]()

    def open_and_lose_it(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        if Path(path).suffix == ".pack" and not moved:
            moved.append(packs.move_finished())
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose_it)
    with PackWriter(tmp_path / "pictures") as writer:
        (place,) = writer.write([b"picture"], at=AT)
    assert moved == [1]
    assert packs.read(place) == b"picture"


def test_where_the_other_place_is_away_pictures_stay_here(tmp_path: Path) -> None:
    (tmp_path / "remote").write_text("no folder")
    packs = Packs(tmp_path / "pictures", LocalStorage(tmp_path / "remote"))
    with PackWriter(tmp_path / "pictures") as writer:
        (place,) = writer.write([b"picture"], at=AT)
    with pytest.raises(StoreError, match="storage fails"):
        packs.move_finished()
    assert packs.read(place) == b"picture"
    assert (tmp_path / "pictures" / place.pack).exists()


def test_what_is_no_pack_is_not_moved(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "pictures", LocalStorage(tmp_path / "remote"))
    (tmp_path / "pictures" / "2026-03-01").mkdir(parents=True)
    (tmp_path / "pictures" / "2026-03-01" / "notes.txt").write_text("mine")
    assert packs.move_finished() == 0
    assert (tmp_path / "pictures" / "2026-03-01" / "notes.txt").exists()
    assert packs.of_day("2026-03-01") == []


def test_readers_never_miss_a_pack_that_moves(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "pictures", LocalStorage(tmp_path / "remote"))
    places: list[Place] = []
    over = threading.Event()
    faults: list[str] = []
    looks = 0

    def look() -> None:
        nonlocal looks
        while not over.is_set():
            for number, place in enumerate(places[-20:], start=max(0, len(places) - 20)):
                looks += 1
                try:
                    packs.read(place)
                except StoreError as error:
                    faults.append(f"{number}: {error}")

    reader = threading.Thread(target=look)
    reader.start()
    with PackWriter(tmp_path / "pictures", max_bytes=1) as writer:
        for number in range(150):
            places += writer.write([str(number).encode()], at=AT)
            packs.move_finished()
    over.set()
    reader.join()
    assert looks > 100
    assert faults == []
