"""Pictures in packs: what was written comes back, or the damage is named."""

import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.archive.packing import PackWriter, Place
from central.archive.pictures import Packs
from central.errors import StoreError

AT = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)


def test_pictures_come_back(tmp_path: Path):
    with PackWriter(tmp_path) as packs:
        places = packs.write([b"one", b"three"], at=AT) + packs.write([b"five5"], at=AT)
        assert packs.write([], at=AT) == []
    assert {p.pack for p in places} == {places[0].pack}
    assert re.fullmatch(r"2026-03-01/14-[0-9a-f]{16}\.pack", places[0].pack)
    assert [(p.offset, p.length) for p in places] == [(0, 3), (3, 5), (8, 5)]
    assert [Packs(tmp_path).read(place) for place in places] == [b"one", b"three", b"five5"]


def test_a_new_hour_and_a_full_pack_begin_another(tmp_path: Path):
    with PackWriter(tmp_path, max_bytes=10) as packs:
        names = [packs.write([bytes(6)], at=AT)[0].pack for _ in range(2)]
        names += [packs.write([bytes(20)], at=AT)[0].pack]  # larger than a pack: has one of its own
        names += [packs.write([bytes(1)], at=AT + timedelta(minutes=30))[0].pack]
    assert [name[:13] for name in names] == ["2026-03-01/14"] * 3 + ["2026-03-01/15"]
    assert len(set(names)) == 4


def test_each_process_begins_packs_of_its_own(tmp_path: Path):
    with PackWriter(tmp_path) as one, PackWriter(tmp_path) as other:
        first = one.write([b"a"], at=AT)[0]
        second = other.write([b"b"], at=AT)[0]
        assert first.pack != second.pack
        assert one.write([b"c"], at=AT)[0].pack == first.pack


def test_packs_of_before_are_read_still(tmp_path: Path):
    (tmp_path / "2026-03-01").mkdir()
    (tmp_path / "2026-03-01" / "14-0.pack").write_bytes(b"..old..")
    place = Place("2026-03-01/14-0.pack", 2, 3, hashlib.sha256(b"old").hexdigest())
    assert Packs(tmp_path).read(place) == b"old"


def test_nobody_else_may_look(tmp_path: Path):
    with PackWriter(tmp_path / "pictures") as packs:
        place = packs.write([b"a"], at=AT)[0]
    assert (tmp_path / "pictures" / place.pack).stat().st_mode & 0o077 == 0


def test_it_is_on_the_disk_before_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((status.st_ino, status.st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with PackWriter(tmp_path) as packs:
        place = packs.write([b"abc", b"de"], at=AT)[0]
    status = (tmp_path / place.pack).stat()
    assert synced[-1] == (status.st_ino, 5)
    assert {(tmp_path / "2026-03-01").stat().st_ino, tmp_path.stat().st_ino} <= {ino for ino, _ in synced}


def test_a_full_disk_is_named_and_the_next_picture_goes_into_a_new_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    packs = PackWriter(tmp_path)
    before = packs.write([b"before"], at=AT)[0]
    real = os.write

    def half(descriptor: int, data: memoryview) -> int:
        real(descriptor, data[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StoreError, match="a picture cannot be written: No space left"):
        packs.write([b"lost"], at=AT)
    monkeypatch.setattr(os, "write", real)
    after = packs.write([b"after"], at=AT)[0]
    packs.close()
    assert after.pack != before.pack
    assert [Packs(tmp_path).read(p) for p in (before, after)] == [b"before", b"after"]


class RefusedError(Exception):
    """A transaction that fails."""


def attempt(packs: PackWriter, *pictures: bytes, fails: bool = False) -> list[Place]:
    with packs.trying():
        places = packs.write(pictures, at=AT)
        if fails:
            raise RefusedError
    return places


def test_what_failed_is_not_written_again_however_often_it_is_tried(tmp_path: Path):
    with PackWriter(tmp_path) as packs:
        (before,) = attempt(packs, b"before")
        for _ in range(5):
            with pytest.raises(RefusedError):
                attempt(packs, b"one", b"two", b"two", fails=True)
        places = attempt(packs, b"one", b"two", b"two", b"three")
        (after,) = attempt(packs, b"one")
    pictures = [b"before", b"one", b"two", b"two", b"three", b"one"]
    assert [Packs(tmp_path).read(p) for p in (before, *places, after)] == pictures
    assert len({(p.pack, p.offset) for p in (before, *places, after)}) == 6, "each has a place of its own"
    (pack,) = tmp_path.rglob("*.pack")
    assert pack.stat().st_size <= sum(map(len, pictures)) + 5 * len(b"two"), "not five times all of it"


def test_what_failed_is_written_again_where_its_pack_is_closed(tmp_path: Path):
    with PackWriter(tmp_path) as packs:
        with pytest.raises(RefusedError):
            attempt(packs, b"picture", fails=True)
        packs.close()
        (place,) = attempt(packs, b"picture")
    assert Packs(tmp_path).read(place) == b"picture"
    assert len(list(tmp_path.rglob("*.pack"))) == 2


def packed(folder: Path) -> list[int]:
    """The lengths of the packs."""
    return sorted(pack.stat().st_size for pack in folder.rglob("*.pack"))


@pytest.mark.parametrize("limit", [1, 8, 100])
def test_a_batch_of_several_packs_is_written_once_too_and_equal_pictures_once_each(
    tmp_path: Path, limit: int
) -> None:
    batch = [b"one", b"two", b"two", b"three"]
    with PackWriter(tmp_path, max_bytes=limit) as packs:
        for _ in range(5):
            with pytest.raises(RefusedError):
                attempt(packs, *batch, fails=True)
        assert sum(packed(tmp_path)) == len(b"".join(batch))
        places = attempt(packs, *batch)
    assert sum(packed(tmp_path)) == len(b"".join(batch))
    assert [Packs(tmp_path).read(place) for place in places] == batch


def test_a_try_that_fails_before_it_writes_forgets_nothing(tmp_path: Path) -> None:
    with PackWriter(tmp_path) as packs:
        for _ in range(3):
            with pytest.raises(RefusedError):
                attempt(packs, b"picture", fails=True)
            with pytest.raises(RefusedError):
                attempt(packs, fails=True)
    assert packed(tmp_path) == [7]


def test_what_fitted_is_written_once_where_the_rest_of_its_batch_never_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def write(descriptor: int, data: memoryview) -> int:
        if len(data) > 7:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    packs = PackWriter(tmp_path, max_bytes=10)

    def attempt_both() -> None:
        with packs.trying():
            packs.write([b"picture"], at=AT)
            packs.write([b"a clip that is long"], at=AT)

    for _ in range(5):
        with pytest.raises(StoreError, match="No space left"):
            attempt_both()
    packs.close()
    assert packed(tmp_path) == [7]


def test_once_a_batch_is_named_its_finished_packs_are_let_go(tmp_path: Path) -> None:
    with PackWriter(tmp_path, max_bytes=3) as packs:
        first, last = attempt(packs, b"one", b"two")
        assert Packs(tmp_path).delete(first.pack)
        assert not Packs(tmp_path).delete(last.pack), "the next picture goes there"


def test_damage_is_named(tmp_path: Path):
    with PackWriter(tmp_path) as packs:
        place = packs.write([b"picture"], at=AT)[0]
    path = tmp_path / place.pack
    path.write_bytes(b"pictUre")
    with pytest.raises(StoreError, match=r"14-[0-9a-f]+\.pack: the picture at 0 \(7 bytes\) is damaged"):
        Packs(tmp_path).read(place)
    path.write_bytes(b"pic")
    with pytest.raises(StoreError, match="damaged"):
        Packs(tmp_path).read(place)
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        Packs(tmp_path).read(place)


def test_a_place_names_a_pack_and_nothing_else(tmp_path: Path):
    with pytest.raises(StoreError, match="not the name of a pack"):
        Packs(tmp_path).read(Place("../../etc/passwd", 0, 1, "0" * 64))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(batches=st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=6), limit=st.integers(1, 60))
def test_whatever_is_written_comes_back(tmp_path: Path, batches: list[list[bytes]], limit: int):
    with PackWriter(tmp_path, max_bytes=limit) as packs:
        written = [
            (place, picture)
            for batch in batches
            for place, picture in zip(packs.write(batch, at=AT), batch, strict=True)
        ]
    assert all(Packs(tmp_path).read(place) == picture for place, picture in written)
