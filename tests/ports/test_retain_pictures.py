"""Retention of pictures and clips, on both databases and both storages."""

import contextlib
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import JPEG, a_store, ingest, list_plates, picture_message, read_message, rows
from central_reads import NOON, a_read
from edge_clips import MP4_HEAD, clip_parts
from kept_pictures import KEEP, LATER, lengths
from sqlalchemy import ColumnElement, Engine, delete, event, update

from central.archive.packing import PackWriter
from central.archive.pictures import Packs
from central.archive.retain_pictures import Retained, Tie, in_a_trail, retain_pictures
from central.clip.store import Wish, ask, asked
from central.consume.store import Store
from central.db import alert_trail, clip, clip_part, picture
from central.errors import QueryError, StoreError
from central.query.clips import find_clip
from central.query.pictures import hand_out, pictures_of
from central.types import Arrival
from edge.contract.read import ReadId
from edge.contract.topics import Address, Kind, Numbered

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"
OVERVIEW = JPEG[:2] + b"\xff\x01" + JPEG[2:]
VIDEO = MP4_HEAD + bytes(range(256)) * 600


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Store:
    list_plates(database, tmp_path, LISTED)
    return a_store(database, tmp_path / "pictures")


def jpeg_of(seq: int) -> bytes:
    """A picture of its own: the number stands in a comment."""
    return JPEG[:2] + b"\xff\xfe\x00\x08%06d" % seq + JPEG[2:]


def take(store: Store, *seqs: int, listed: Sequence[int] = (), hours: float = 0) -> None:
    """Reads with a crop each; those that are listed raise an alert. Then the packs are finished."""
    for seq in seqs:
        at = NOON + timedelta(hours=hours, minutes=seq)
        read = a_read(seq, plate="ABC123" if seq in listed else f"QQQ{seq:03}", captured_at=at)
        ingest(store, [read_message(read), picture_message(read, seq, jpeg=jpeg_of(seq))])
    store._pictures.close()


def retain(database: Engine, packs: Packs, ties: Sequence[Tie] = (in_a_trail,)) -> Retained:
    packs.move_finished()
    return retain_pictures(database, packs, keep=KEEP, now=LATER, ties=ties)


def shown(database: Engine, packs: Packs) -> dict[int, bytes]:
    """Every picture that the database names, by its read; each must be there."""
    seqs = sorted({int(str(row["read_seq"])) for row in rows(database, picture)})
    found = {}
    for seq in seqs:
        ((_, found[seq]),) = hand_out(database, packs, ReadId("edge-1", 7, seq))
    return found


def held(*seqs: int) -> Tie:
    """A hold on these reads."""

    def is_held(
        edge_id: ColumnElement[str], epoch: ColumnElement[int], seq: ColumnElement[int]
    ) -> ColumnElement[bool]:
        return (edge_id == "edge-1") & (epoch == 7) & seq.in_(seqs)

    return is_held


def test_what_is_tied_stays_and_the_rest_goes_with_its_files(
    database: Engine,
    store: Store,
    packs: Packs,
) -> None:
    take(store, 1, 2, 3, 4, listed=(2, 4))
    take(store, 71, 72)  # another hour, another pack: nothing of it is tied
    result = retain(database, packs)
    assert (result.dropped, result.kept, result.damaged, result.packs) == (4, 2, 0, 2)
    assert result.freed_bytes == 6 * len(jpeg_of(1))
    assert shown(database, packs) == {2: jpeg_of(2), 4: jpeg_of(4)}
    ((name, length),) = lengths(packs).items()
    assert name.startswith("2025-03-04/kept-")
    assert length == 2 * len(jpeg_of(1))


def test_again_nothing_happens(database: Engine, store: Store, packs: Packs) -> None:
    take(store, 1, 2, listed=(2,))
    retain(database, packs)
    before = lengths(packs), rows(database, picture)
    assert retain(database, packs) == Retained()
    assert (lengths(packs), rows(database, picture)) == before


def test_a_pack_goes_when_the_last_of_its_hour_is_old_enough(
    database: Engine,
    store: Store,
    packs: Packs,
) -> None:
    take(store, 1)
    packs.move_finished()
    end_of_hour = NOON + timedelta(hours=1)
    for now, left in ((end_of_hour - timedelta(microseconds=1), [1]), (end_of_hour, [])):
        retain_pictures(database, packs, keep=KEEP, now=now + KEEP)
        assert [row["read_seq"] for row in rows(database, picture)] == left


def test_a_hold_keeps_it_until_it_is_lifted(database: Engine, store: Store, packs: Packs) -> None:
    take(store, 1, 2, 3, listed=(2,))
    retain(database, packs, (in_a_trail, held(1)))
    assert shown(database, packs) == {1: jpeg_of(1), 2: jpeg_of(2)}
    before = set(lengths(packs))
    result = retain(database, packs)
    assert (result.dropped, result.kept, result.packs) == (1, 1, 1)
    assert shown(database, packs) == {2: jpeg_of(2)}
    assert set(lengths(packs)).isdisjoint(before), "the bytes of what was held are gone too"
    assert list(lengths(packs).values()) == [len(jpeg_of(2))]


def test_days_are_kept_apart_and_a_kept_pack_is_no_longer_than_a_pack(
    database: Engine,
    store: Store,
    packs: Packs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("central.archive.retain_pictures.MAX_PACK_BYTES", 2 * len(jpeg_of(1)))
    for seq in (1, 61, 121):  # an hour each
        take(store, seq, listed=(seq,))
    take(store, 1441, listed=(1441,))
    told: list[tuple[int, int]] = []
    packs.move_finished()
    retain_pictures(database, packs, keep=KEEP, now=LATER, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sorted((name[:16], length // len(jpeg_of(1))) for name, length in lengths(packs).items()) == [
        ("2025-03-04/kept-", 1),
        ("2025-03-04/kept-", 2),
        ("2025-03-05/kept-", 1),
    ]
    assert shown(database, packs) == {seq: jpeg_of(seq) for seq in (1, 61, 121, 1441)}


def deliver_clip(database: Engine, store: Store, seq: int) -> str:
    """A clip that was asked for and came."""
    read, address = ReadId("edge-1", 7, seq), Address("site-1", "edge-1")
    with database.begin() as connection:
        name = ask(connection, Wish(address, "cam-1", read, NOON, 5.0, 5.0, "ana.rojas", NOON))
        (request,) = asked(connection)[address].clips
    parts = clip_parts(request, VIDEO)
    numbers = range(seq * 10, seq * 10 + len(parts))
    ingest(
        store,
        [
            Arrival(str(Numbered(address, "cam-1", Kind.CLIP, 7, n, seq)), part, NOON, 1)
            for n, part in zip(numbers, parts, strict=True)
        ],
    )
    store._pictures.close()
    return name


def test_clips_stay_and_go_like_pictures(database: Engine, store: Store, packs: Packs) -> None:
    take(store, 1, 2, listed=(2,))
    gone, kept = deliver_clip(database, store, 1), deliver_clip(database, store, 2)
    retain(database, packs)
    found = hand_out(database, packs, ReadId("edge-1", 7, 2))
    assert [(each.kind, data) for each, data in found] == [("crop", jpeg_of(2)), ("clip", VIDEO)]
    assert find_clip(database, kept)[0].state == "came"
    with pytest.raises(QueryError, match=r"it is expired: it came, and was removed when its time was over"):
        find_clip(database, gone)
    assert {row["request"] for row in rows(database, clip_part)} == {kept}
    with pytest.raises(QueryError, match=r"no picture of read edge-1/7/1 is kept: it was removed"):
        pictures_of(database, ReadId("edge-1", 7, 1))


class CutError(Exception):
    """The process ends here."""


def test_cut_off_at_any_statement_it_goes_on_and_nothing_is_lost(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    packs = Packs(tmp_path / "pictures")
    left = 0

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CutError

    for statement in range(60):
        first, left = 10 * statement, 10**9
        take(store, first + 1, first + 2, listed=(first + 2,))
        kept = {first + 2: jpeg_of(first + 2)}
        left = statement
        event.listen(database, "before_cursor_execute", count_down)
        with contextlib.suppress(CutError):
            retain(database, packs)
        event.remove(database, "before_cursor_execute", count_down)
        assert kept.items() <= shown(database, packs).items(), statement
        retain(database, packs)
        assert shown(database, packs) == kept, statement
        assert list(lengths(packs).values()) == [len(jpeg_of(1))], "no file that nothing names"
        if left >= 0:
            break
        with database.begin() as connection:
            connection.execute(delete(picture))
    assert 10 < statement < 59, "from the first statement to the last"


def test_what_nothing_names_goes_when_it_is_old_and_a_young_file_stays(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    packs = Packs(tmp_path / "pictures")
    take(store, 1, listed=(1,))
    with PackWriter(tmp_path / "pictures") as writer:
        (orphan,) = writer.write([b"of a transaction that was cut off"], at=NOON)
    day = tmp_path / "pictures" / "2025-03-04"
    (day / ".kept-0a.pack.abcd1234.part").write_bytes(b"of a process that was killed")
    (day / "notes.txt").write_text("not ours")
    (tmp_path / "pictures" / "more").mkdir()
    assert retain_pictures(database, packs, keep=KEEP, now=LATER - timedelta(hours=2)).packs == 0
    old = day / "12-00.pack"
    old.write_bytes(b"old")
    os.utime(old, (0, 0))
    assert retain_pictures(database, packs, keep=KEEP, now=LATER - timedelta(hours=2)).packs == 1
    assert not old.exists()
    assert (tmp_path / "pictures" / orphan.pack).exists()
    retain_pictures(database, packs, keep=KEEP, now=LATER)
    (kept, _) = sorted(path.name for path in day.iterdir())
    assert kept.startswith("kept-")
    assert (day / "notes.txt").exists()


def test_a_damaged_picture_that_is_to_be_kept_is_counted_and_the_rest_goes_on(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    packs = Packs(tmp_path / "pictures")
    take(store, 1, 2, 3, listed=(1, 2))
    (row,) = (row for row in rows(database, picture) if row["read_seq"] == 2)
    path = tmp_path / "pictures" / str(row["pack"])
    content = bytearray(path.read_bytes())
    content[int(str(row["offset"]))] ^= 1
    path.write_bytes(content)
    result = retain(database, packs)
    assert (result.dropped, result.kept, result.damaged, result.packs) == (1, 1, 1, 0)
    assert {row["read_seq"] for row in rows(database, picture)} == {1, 2}
    assert path.exists(), "what is left of it"
    assert retain(database, packs) == Retained(damaged=1)


def test_where_a_pack_cannot_be_reached_nothing_is_given_up(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    take(store, 1, 2, listed=(2,))

    class Away(Packs):
        def read(self, place: object) -> bytes:
            raise StoreError("storage fails")

    with pytest.raises(StoreError, match="storage fails"):
        retain(database, Away(tmp_path / "pictures"))
    assert len(rows(database, picture)) == 2


def test_a_better_picture_that_comes_meanwhile_keeps_its_row(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    take(store, 1, listed=(1,))

    class Meanwhile(Packs):
        def put(self, name: str, content: bytes) -> None:
            super().put(name, content)
            ingest(store, [picture_message(a_read(1), 9, jpeg=jpeg_of(9))])
            store._pictures.close()

    retain(database, Meanwhile(tmp_path / "pictures"))
    assert shown(database, Packs(tmp_path / "pictures")) == {1: jpeg_of(9)}


def test_who_reads_while_a_picture_goes_into_another_pack_gets_it(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    take(store, 1, listed=(1,))
    packs = Packs(tmp_path / "pictures")
    calls: list[Retained] = []

    class Slow(Packs):
        def read(self, place: object) -> bytes:
            if not calls:
                calls.append(retain(database, packs))
            return super().read(place)  # type: ignore[arg-type]

    ((_, data),) = hand_out(database, Slow(tmp_path / "pictures"), ReadId("edge-1", 7, 1))
    assert data == jpeg_of(1)
    assert calls[0].kept == calls[0].packs == 1


def test_a_read_that_never_came_is_told_from_one_without_pictures(database: Engine, store: Store) -> None:
    with pytest.raises(QueryError, match="no read edge-1/7/9 ever came"):
        pictures_of(database, ReadId("edge-1", 7, 9))
    ingest(store, [read_message(a_read(9))])
    with pytest.raises(QueryError, match="no picture of read edge-1/7/9 is kept: .*or none has come"):
        pictures_of(database, ReadId("edge-1", 7, 9))


def test_every_kind_of_a_read_is_handed_out(database: Engine, store: Store, tmp_path: Path) -> None:
    read = a_read(1)
    ingest(store, [picture_message(read, 1), picture_message(read, 2, kind=Kind.OVERVIEW, jpeg=OVERVIEW)])
    deliver_clip(database, store, 1)
    found = hand_out(database, Packs(tmp_path / "pictures"), ReadId("edge-1", 7, 1))
    assert {each.file_name: data for each, data in found} == {
        "edge-1-7-1-crop.jpg": JPEG,
        "edge-1-7-1-overview.jpg": OVERVIEW,
        "edge-1-7-1-clip.mp4": VIDEO,
    }


def test_an_older_clip_that_went_is_not_mixed_with_a_newer_one(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    first = deliver_clip(database, store, 1)
    with database.begin() as connection:
        connection.execute(update(clip).values(before_s=1.0))  # so that a wider one is asked for anew
    second = deliver_clip(database, store, 1) if first else ""
    (newest,) = pictures_of(database, ReadId("edge-1", 7, 1))
    assert second != first
    assert len(newest.places) == len({row["part"] for row in rows(database, clip_part)})
    assert rows(database, alert_trail) == []
