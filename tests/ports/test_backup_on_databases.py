"""A snapshot restored elsewhere is the same centre: on both databases, and from either into the other."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from central_messages import rows
from erasing import LATER, PLATE, Scene
from restored import (
    CutOffError,
    a_place,
    an_empty_place,
    backups,
    content,
    put_back,
    snapshot,
)
from sqlalchemy import Engine, delete

from central.access.audit import verify
from central.archive.pictures import open_packs
from central.archive.place import LOG, archive_of
from central.archive.schema import DERIVED, READS
from central.archive.table import live_files, open_archive, sealed_through
from central.backup.check import listed
from central.backup.check import verify as verify_backups
from central.backup.make import Made, back_up
from central.backup.restore import Wanted
from central.backup.rows import CLEARED
from central.backup.store import Store
from central.db import (
    alert,
    audit,
    hotlist_entry,
    picture,
)
from central.erase import run as erasing_run
from central.erase.certificate import issued
from central.erase.run import Result
from central.errors import ErasureError
from central.maintain import Step
from central.query.pictures import hand_out
from central.sections import BackupSettings
from central.verify import verify as verify_archive
from edge.contract.read import ReadId


@pytest.fixture
def full(database: Engine, tmp_path: Path) -> Scene:
    """With everything: closed and merged days, copies, hits, late updates."""
    there = Scene(database, tmp_path)
    there.fill()
    return there


def pictures(scene: Scene) -> dict[int, bytes]:
    packs, found = open_packs(scene.settings), {}
    for row in rows(scene.engine, picture):
        seq = int(str(row["read_seq"]))
        ((_, found[seq]),) = hand_out(scene.engine, packs, ReadId(str(row["edge_id"]), 7, seq))
    return found


def test_restored_elsewhere_everything_is_as_it_was(full: Scene, elsewhere: Scene) -> None:
    before, shown, counted, seen = content(full), full.shown(), full.counted(), pictures(full)
    assert before["alert"], "or it proves little"
    assert before["dead_letter"]
    assert len(seen) == 3
    made = snapshot(full)

    done = put_back(a_place(elsewhere), Wanted(Store(backups(full))))

    assert done.snapshot == made.snapshot
    assert content(elsewhere) == before
    assert (elsewhere.shown(), elsewhere.counted(), pictures(elsewhere)) == (shown, counted, seen)
    found = verify_archive(archive_of(elsewhere.settings), is_due=lambda _layout, _file: True)
    assert (found.faults, found.read) == ((), found.files)
    for layout in (READS, *DERIVED):
        ours, theirs = (open_archive(archive_of(each.settings), layout) for each in (full, elsewhere))
        assert ours is not None
        assert theirs is not None
        assert theirs.version() == ours.version()
        assert sealed_through(theirs) == sealed_through(ours)
        assert sorted(file.name for file in live_files(theirs)) == sorted(f.name for f in live_files(ours))
    assert verify(elsewhere.engine, elsewhere.key).fault == ""
    assert rows(elsewhere.engine, audit)[-1]["action"] == "restore"


def test_the_restored_centre_goes_on_and_takes_nothing_twice(full: Scene, other: Scene) -> None:
    snapshot(full)
    shown = full.shown()
    put_back(a_place(other), Wanted(Store(backups(full))))
    again = other.take(other.messages(1, PLATE, "XYZ789", PLATE))
    assert again.counts["read"] == 0
    other.take(other.messages(4, "NEW001"))
    other.seal()
    other.city.maintain(LATER + timedelta(days=2))
    assert [row for row in other.shown() if row[2] != "NEW001"] == shown
    assert [row[2] for row in other.shown() if row not in shown] == ["NEW001"]
    assert other.counted() == len(shown) + 1


def test_no_number_is_given_again(scene: Scene, elsewhere: Scene) -> None:
    scene.list_plate()
    scene.take(scene.messages(5, PLATE))
    (entry,), (raised,) = rows(scene.engine, hotlist_entry), rows(scene.engine, alert)
    with scene.engine.begin() as connection:
        connection.execute(delete(hotlist_entry))
    snapshot(scene)
    put_back(a_place(elsewhere), Wanted(Store(backups(scene))))
    elsewhere.list_plate()
    assert int(str(rows(elsewhere.engine, hotlist_entry)[0]["id"])) > int(str(entry["id"]))
    elsewhere.take(elsewhere.messages(50, PLATE))
    assert int(str(rows(elsewhere.engine, alert)[-1]["alert_id"])) > int(str(raised["alert_id"]))


def test_a_second_snapshot_copies_only_what_is_new(scene: Scene) -> None:
    written_before(scene, LATER - timedelta(seconds=3))
    first = snapshot(scene)
    assert first.copied > 2
    assert snapshot(scene, after=timedelta(hours=1)).copied == 0
    scene.take(scene.messages(4, "NEW001"))
    scene.seal()
    third = snapshot(scene, after=timedelta(hours=2))
    store = Store(backups(scene))
    held, now = (
        {kept.name for kept in (*manifest.archive, *manifest.pictures)}
        for manifest in (store.manifest(each.snapshot, scene.key) for each in (first, third))
    )
    assert third.copied == len(now - held) > 2
    assert [each.files for each in listed(store, scene.key)] == [first.files, first.files, third.files]
    assert verify_backups(store, scene.key, store.names(), on_step=lambda _: None) == []


def written_before(scene: Scene, at: datetime) -> None:
    for pack in (scene.folder / "pictures").rglob("*.pack"):
        os.utime(pack, times=(at.timestamp(), at.timestamp()))


def test_a_pack_written_about_when_it_was_copied_is_copied_again(scene: Scene) -> None:
    """It may have been written once more within the same tick of the file system's clock."""
    written_before(scene, LATER - timedelta(seconds=1))
    packs = len(list((scene.folder / "pictures").rglob("*.pack")))
    snapshot(scene)
    assert snapshot(scene, after=timedelta(hours=1)).copied == packs > 0
    assert snapshot(scene, after=timedelta(hours=2)).copied == 0


def test_an_entry_of_the_same_number_and_length_is_not_taken_for_another_ones(
    scene: Scene, other: Scene, tmp_path: Path
) -> None:
    """An earlier snapshot is restored, and backups go on into the same folder."""
    store = Store(backups(scene))
    snapshot(scene)
    put_back(a_place(other), Wanted(store))
    for there, plate in ((scene, "AAA111"), (other, "BBB222")):
        there.take(there.messages(50, plate))
        there.seal()
    of_equal_length(*(each.folder / f"archive/reads/{LOG}/{2:020}.json" for each in (scene, other)))
    snapshot(scene, after=timedelta(hours=1))

    place = a_place(other)
    back_up(
        type(place)(place.engine, place.settings, place.key, lambda: LATER + timedelta(hours=2)),
        backups(scene),
    )

    with an_empty_place(f"sqlite:///{tmp_path}/third/central.sqlite", tmp_path / "third") as third:
        put_back(a_place(third), Wanted(store))
        assert third.shown() == other.shown()


def of_equal_length(*paths: Path) -> None:
    """Two entries of a log: spaces between lines mean nothing."""
    contents = [path.read_bytes() for path in paths]
    assert len(set(contents)) == len(paths)
    longest = max(map(len, contents))
    for path, written in zip(paths, contents, strict=True):
        path.write_bytes(written + b" " * (longest - len(written)))


def test_old_snapshots_go_with_what_they_alone_name(scene: Scene) -> None:
    snapshot(scene)
    scene.seal()
    scene.city.maintain(LATER + timedelta(days=3))
    made = [snapshot(scene, after=timedelta(days=3 + n), keep=2) for n in range(3)]
    store = Store(backups(scene))
    assert store.names() == [each.snapshot for each in made[1:]]
    kept = {store.path(k) for name in store.names() for k in store.manifest(name, scene.key).files()}
    assert set((backups(scene) / "files").glob("*/*")) == kept


def test_a_folder_of_backups_is_its_owners_alone(scene: Scene) -> None:
    snapshot(scene)
    for path in backups(scene).rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert list((backups(scene) / "drafts").iterdir()) == []


def test_reads_that_come_while_it_is_made_are_not_in_it(full: Scene, other: Scene) -> None:
    """From one moment: what is sealed and maintained between its steps changes nothing of it."""
    shown, left = full.shown(), [full.messages(4, "NEW001"), full.messages(5, "NEW002")]

    def meanwhile(step: Step) -> None:
        if step.what.startswith(("rows of hot", "files of")) and left:
            full.take(left.pop())
            full.seal()
            full.city.maintain(LATER + timedelta(days=2))

    back_up(a_place(full, on_step=meanwhile), backups(full))
    assert left == []
    put_back(a_place(other), Wanted(Store(backups(full))))
    assert other.shown() == shown


def test_no_certificate_while_a_snapshot_of_before_is_there(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    made = snapshot(scene)
    scene.order()
    between = snapshot(scene, after=timedelta(minutes=1))
    (result,) = scene.run()
    assert (result.state, result.backups) == ("cleared", (made.snapshot, between.snapshot))
    assert scene.run()[0].backups == result.backups
    clean = snapshot(scene, after=timedelta(hours=1))
    assert clean.removed == result.backups
    assert Store(backups(scene)).names() == [clean.snapshot]
    (result,) = scene.run()
    assert (result.state, result.backups, result.found) == (erasing_run.DONE, (), ())


def test_the_search_finds_the_plate_among_the_backups(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    scene.order()
    scene.run()
    snapshot(scene)
    copy = backups(scene) / "copy.csv"
    copy.write_text(PLATE)
    (result,) = scene.run()
    assert [str(copy) in found for found in result.found] == [True]
    copy.unlink()
    assert scene.run()[0].state == erasing_run.DONE


def test_while_a_backup_is_made_no_certificate_is_issued_and_each_order_says_so(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    for day in (1, 2):
        scene.order(since=LATER + timedelta(days=day), until=LATER + timedelta(days=day, hours=1))
    snapshot(scene)
    with Store(backups(scene)).alone():
        results = scene.run()
    assert [(each.number, each.state) for each in results] == [(1, "cleared"), (2, "cleared")]
    assert all("somebody else makes a backup" in each.fault for each in results)
    snapshot(scene, after=timedelta(hours=1))
    assert [(each.state, each.fault) for each in scene.run()] == [(erasing_run.DONE, "")] * 2


def test_while_the_folder_of_backups_cannot_be_used_no_certificate_is_issued(scene: Scene) -> None:
    """What it holds nobody knows; as of a share that is away, or one that is somebody else's."""
    scene.order()
    (scene.folder / "file").write_text("no folder")
    (scene.folder / "empty").mkdir()
    none = "no backups there; mount it, make one, or unset backup.path"
    for name, why in (("file", none), ("empty", none), ("gone", none), ("a" * 300, "cannot be used: ")):
        folder = scene.folder / name
        scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=folder)})
        (result,) = scene.run()
        assert (result.state, result.found) == ("cleared", ())
        assert result.fault.startswith(f"{folder}: {why}")
    assert list((scene.folder / "empty").iterdir()) == [], "which the disk hides when it is mounted"
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    snapshot(scene)
    assert scene.run()[0].state == erasing_run.DONE


def test_what_a_killed_backup_left_goes_before_the_certificate(scene: Scene) -> None:
    """A picture in it cannot be searched for."""
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    store = Store(backups(scene))

    def cut_off(step: Step) -> None:
        if (step.what, step.done) == ("pictures", 1):
            raise CutOffError

    with pytest.raises(CutOffError):
        back_up(a_place(scene, on_step=cut_off), backups(scene))
    left = set((backups(scene) / "files").glob("*/*.pack"))
    scene.order()
    assert "no backups there" in scene.run()[0].fault
    snapshot(scene)
    with store.alone():
        kept = store.take(lambda path: path.write_bytes(b"a picture"), "2025-02-02/14-00.pack")
    assert left
    (result,) = scene.run()
    assert result.state == erasing_run.DONE
    assert not left & set((backups(scene) / "files").glob("*/*.pack"))
    assert not store.has(kept)
    assert verify_backups(store, scene.key, store.names(), on_step=lambda _: None) == []


def test_a_clean_snapshot_holds_no_plate_not_even_encrypted(scene: Scene, other: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    snapshot(scene)
    scene.order()
    dirty = snapshot(scene, after=timedelta(minutes=1))
    assert boxes(scene, dirty) == 1, "or the order could not be carried out where it is restored"
    (result,) = scene.run()
    assert (result.state, result.backups[-1]) == (erasing_run.CLEARED, dirty.snapshot)
    clean = snapshot(scene, after=timedelta(hours=1))
    assert boxes(scene, clean) == 0

    put_back(a_place(other), Wanted(Store(backups(scene))))
    assert other.run() == [Result(1, erasing_run.RESTORED)]
    assert other.run() == []
    with pytest.raises(ErasureError, match="order #1 has no certificate: a backup of before was restored"):
        issued(other.engine, 1, other.key)
    other.order()
    assert other.run() == [Result(2, erasing_run.DONE)]


def boxes(scene: Scene, made: Made) -> int:
    """How many plates a snapshot holds encrypted."""
    store = Store(backups(scene))
    (kept,) = (k for k in store.manifest(made.snapshot, scene.key).tables if k.name == "erasure.parquet")
    held = pq.read_table(store.path(kept))["plate_box"]
    return len(held) - held.null_count


def test_the_states_of_an_order_are_those_of_its_run() -> None:
    states = (erasing_run.CLEARED, erasing_run.SIGNED, erasing_run.DONE, erasing_run.RESTORED)
    assert states == CLEARED
