"""Damaged files, places that are not empty, folders that go away, backups and restores that are cut off."""

import shutil
from datetime import timedelta

import pytest
from central_messages import rows
from central_reads import a_read, put
from erasing import LATER, Scene
from restored import CutOffError, a_place, backups, content, cut_off_at, once, put_back, snapshot
from sqlalchemy import delete

from central.archive.place import LOG, archive_of
from central.archive.table import open_archive
from central.backup.check import listed, put_aside
from central.backup.check import verify as verify_backups
from central.backup.make import back_up
from central.backup.moment import moment
from central.backup.restore import Wanted
from central.backup.sources import logs
from central.backup.store import Store
from central.db import (
    hot_read,
    open_database,
)
from central.db import seal as seal_table
from central.errors import BackupError, StoreError
from central.lock import exclusive
from central.maintain import Step
from central.verify import verify as verify_archive


def test_a_damaged_file_is_named_and_left_out_only_where_that_is_asked(scene: Scene, other: Scene) -> None:
    made = snapshot(scene)
    store = Store(backups(scene))
    manifest = store.manifest(made.snapshot, scene.key)
    victim = next(kept for kept in manifest.archive if kept.name.startswith("reads/captured_date"))
    path = store.path(victim)
    path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    (damage,) = verify_backups(store, scene.key, store.names(), on_step=lambda _: None)
    assert (damage.file, damage.why) == (victim.name, "not what was written")
    with pytest.raises(BackupError, match=f"{victim.name}.*--without-damaged"):
        put_back(a_place(other), Wanted(store))
    done = put_back(a_place(other), Wanted(store, without_damaged=True))
    assert done.lost == (victim,)
    found = verify_archive(archive_of(other.settings), is_due=lambda _layout, _file: True)
    assert [fault.name for fault in found.faults] == [victim.name]


def test_a_damaged_file_is_put_aside_and_copied_again(scene: Scene) -> None:
    made = snapshot(scene)
    store = Store(backups(scene))
    manifest = store.manifest(made.snapshot, scene.key)
    victim = next(kept for kept in manifest.archive if kept.name.startswith("reads/captured_date"))
    path = store.path(victim)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"123456789")
    lost = next(kept for kept in manifest.pictures)
    store.path(lost).unlink()
    found = verify_backups(store, scene.key, store.names(), on_step=lambda _: None)
    assert {damage.place for damage in found} == {store.place(victim), store.place(lost)}
    assert put_aside(store, found) == 1
    assert not path.exists()
    assert len(list(path.parent.glob("*.damaged.parquet"))) == 1

    snapshot(scene, after=timedelta(hours=1))
    assert path.read_bytes() == whole
    assert verify_backups(store, scene.key, store.names(), on_step=lambda _: None) == []
    assert list(path.parent.glob("*.damaged*")) == []
    assert put_aside(store, found) == 0, "which is whole again"


def test_without_its_rows_or_logs_nothing_is_restored(scene: Scene, other: Scene) -> None:
    made = snapshot(scene)
    store = Store(backups(scene))
    manifest = store.manifest(made.snapshot, scene.key)
    log = next(kept for kept in manifest.archive if "_delta_log" in kept.name)
    for victim in (log, next(kept for kept in manifest.tables if kept.name == "hot_read.parquet")):
        path = store.path(victim)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(BackupError, match=f"{victim.name}.*{len(whole) - 1} of {len(whole)} bytes$"):
            put_back(a_place(other), Wanted(store, without_damaged=True))
        path.write_bytes(whole)


def test_an_altered_manifest_and_another_key_are_refused(scene: Scene, other: Scene) -> None:
    made = snapshot(scene)
    path = backups(scene) / "snapshots" / made.snapshot
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"rows":', b'"rows": ', 1))
    with pytest.raises(BackupError, match="altered or is damaged"):
        put_back(a_place(other), Wanted(Store(backups(scene))))
    path.write_bytes(whole)
    stranger = type(scene.key)(b"x" * 32)
    with pytest.raises(BackupError, match="another key"):
        Store(backups(scene)).manifest(made.snapshot, stranger)


def test_a_manifest_under_another_name_is_refused(scene: Scene, other: Scene) -> None:
    made = snapshot(scene)
    folder = backups(scene) / "snapshots"
    shutil.copy(folder / made.snapshot, folder / "20990101T000000000000Z")
    with pytest.raises(BackupError, match=f"20990101T.* its manifest is that of {made.snapshot}"):
        put_back(a_place(other), Wanted(Store(backups(scene))))


def test_what_ends_a_backup_says_how_it_goes_on(scene: Scene) -> None:
    snapshot(scene)
    folder = backups(scene) / "snapshots"
    (folder / "notes.txt").write_text("of somebody")
    (folder / f".{'x' * 22}.abcdefgh.part").write_text("of one that was killed")
    bad = folder / "20250202T150100000000Z"
    bad.write_bytes(b"")
    with pytest.raises(BackupError, match=f"{bad}: where it is of no use any more, delete that file"):
        snapshot(scene, after=timedelta(hours=1))
    bad.unlink()
    snapshot(scene, after=timedelta(hours=1))
    assert list(folder.glob(".*")) == []
    assert len(listed(Store(backups(scene)), scene.key)) == 2


@pytest.mark.parametrize("folder", ["archive", "archive/backups", "pictures/backups", "."])
def test_backups_lie_apart_from_what_they_back_up(scene: Scene, folder: str) -> None:
    before = sorted(scene.folder.rglob("*"))
    with pytest.raises(BackupError, match="lies in the other: name another folder"):
        back_up(a_place(scene), scene.folder / folder)
    assert sorted(scene.folder.rglob("*")) == before


def test_a_folder_that_goes_away_meanwhile_is_told(scene: Scene) -> None:
    def unmount(step: Step) -> None:
        if step.what == "logs of the archive":
            shutil.rmtree(backups(scene), ignore_errors=True)

    with pytest.raises(StoreError, match=f"backup into {backups(scene)}: it is not there any more"):
        back_up(a_place(scene, on_step=unmount), backups(scene))


@pytest.mark.parametrize("what", ["database", "archive", "pictures"])
def test_a_place_that_is_not_empty_is_refused(scene: Scene, other: Scene, what: str) -> None:
    snapshot(scene)
    if what == "database":
        put(other.engine, [a_read(1)])
    elif what == "archive":
        put(other.engine, [a_read(1)])
        other.seal()
        with other.engine.begin() as connection:
            connection.execute(delete(seal_table))
    else:
        (other.folder / "pictures" / "2026-03-01").mkdir(parents=True)
        (other.folder / "pictures" / "2026-03-01" / "14-00.pack").write_bytes(b"x")
    with pytest.raises(BackupError, match=f"not empty: {what}"):
        put_back(a_place(other), Wanted(Store(backups(scene))))


def test_a_new_disk_is_empty(scene: Scene, other: Scene) -> None:
    snapshot(scene)
    (other.folder / "archive" / "lost+found").mkdir(parents=True)
    put_back(a_place(other), Wanted(Store(backups(scene))))
    assert other.shown() == scene.shown()


@pytest.mark.parametrize("what", ["serving", "sealing", "maintaining"])
def test_while_somebody_is_at_the_place_nothing_is_restored(
    scene: Scene, elsewhere: Scene, what: str
) -> None:
    snapshot(scene)
    with exclusive(elsewhere.engine, what, wait=False), pytest.raises(StoreError, match=f"{what} already"):
        put_back(a_place(elsewhere), Wanted(Store(backups(scene))))


def test_who_writes_the_place_meanwhile_is_noticed(scene: Scene, elsewhere: Scene) -> None:
    """A centre that had opened the database before, of which PostgreSQL lets several serve."""
    snapshot(scene)
    write = once("pictures", lambda: put(elsewhere.engine, [a_read(1)]))
    with pytest.raises(BackupError, match=r"written the database meanwhile \(table hot_read\)"):
        put_back(a_place(elsewhere, on_step=write), Wanted(Store(backups(scene))))
    assert len(rows(elsewhere.engine, hot_read)) == 1


def test_rows_are_checked_again_when_they_are_loaded(scene: Scene, other: Scene) -> None:
    made, store = snapshot(scene), Store(backups(scene))
    (kept,) = (k for k in store.manifest(made.snapshot, scene.key).tables if k.name == "hot_read.parquet")
    path = store.path(kept)
    whole = path.read_bytes()
    alter = once("rows of", lambda: path.write_bytes(whole[:-1] + b"?"))
    with pytest.raises(BackupError, match="hot_read.parquet: .*: not what was written"):
        put_back(a_place(other, on_step=alter), Wanted(store))
    path.write_bytes(whole)
    put_back(a_place(other), Wanted(store))
    assert other.shown() == scene.shown()


def test_a_log_that_names_other_files_is_not_restored(scene: Scene, other: Scene) -> None:
    made, store = snapshot(scene), Store(backups(scene))
    manifest = store.manifest(made.snapshot, scene.key)
    less = [kept for kept in manifest.archive if not kept.name.startswith("reads/captured_date")]
    assert len(less) < len(manifest.archive)
    store.publish(made.snapshot, manifest.model_copy(update={"archive": tuple(less)}), scene.key)
    with pytest.raises(BackupError, match="reads: .* its log is not that of the snapshot's files"):
        put_back(a_place(other), Wanted(store))


def test_a_log_that_was_shortened_meanwhile_ends_a_backup(scene: Scene) -> None:
    archive = archive_of(scene.settings)
    table = open_archive(archive)
    assert table is not None
    table.create_checkpoint()
    first, last = (scene.folder / f"archive/reads/{LOG}/{version:020}.json" for version in (0, 1))
    with moment(scene.engine, archive, clock=lambda: LATER) as there:
        first.unlink()
        assert {f"reads/{LOG}/{last.name}"} < {source.name for source in logs(archive, there)}
        checkpoint = last.with_suffix(".checkpoint.parquet")
        checkpoint.rename(checkpoint.with_suffix(".gone"))
        with pytest.raises(BackupError, match="reads: its log was shortened meanwhile; run it again"):
            logs(archive, there)


def test_cut_off_anywhere_a_restore_goes_on_and_nothing_else_opens_the_place(
    scene: Scene, other: Scene
) -> None:
    before = content(scene)
    made = snapshot(scene)
    wanted = Wanted(Store(backups(scene)))
    steps, cuts = 0, 0
    while True:
        try:
            put_back(a_place(other, on_step=cut_off_at(steps)), wanted)
        except CutOffError:
            cuts += 1
            with pytest.raises(
                StoreError, match=f"restore of snapshot {made.snapshot} has not come to its end"
            ):
                open_database(str(other.settings.database_url))
        else:
            break
        steps += 13
    assert cuts > 3
    assert content(other) == before
    open_database(str(other.settings.database_url)).dispose()


def test_a_restore_that_was_cut_off_goes_on_with_the_same_snapshot(scene: Scene, other: Scene) -> None:
    first = snapshot(scene)
    with pytest.raises(CutOffError):
        put_back(a_place(other, on_step=cut_off_at(9)), Wanted(Store(backups(scene))))
    snapshot(scene, after=timedelta(hours=1), keep=1)
    with pytest.raises(BackupError, match=f"--snapshot {first.snapshot}.*, or empty the place"):
        put_back(a_place(other), Wanted(Store(backups(scene))))


def test_cut_off_anywhere_a_backup_leaves_what_was_there(scene: Scene) -> None:
    first = snapshot(scene)
    scene.take(scene.messages(4, "NEW001"))
    place = a_place(scene)
    cuts = 0
    for steps in range(0, 100, 4):
        tell = cut_off_at(steps)
        cut = type(place)(place.engine, place.settings, place.key, lambda: LATER + timedelta(hours=1), tell)
        try:
            back_up(cut, backups(scene))
        except CutOffError:
            cuts += 1
            assert Store(backups(scene)).names() == [first.snapshot]
        else:
            break
    assert cuts > 5
    snapshot(scene, after=timedelta(hours=2))
    store = Store(backups(scene))
    assert verify_backups(store, scene.key, store.names(), on_step=lambda _: None) == []


def test_what_is_copied_again_takes_the_place_of_what_a_disk_damaged(scene: Scene) -> None:
    snapshot(scene)
    kept = next((backups(scene) / "files").glob("*/*.pack"))
    whole = kept.read_bytes()
    kept.write_bytes(bytes(len(whole)))
    for pack in (scene.folder / "pictures").rglob("*.pack"):
        pack.touch()
    snapshot(scene, after=timedelta(hours=1))
    assert kept.read_bytes() == whole
