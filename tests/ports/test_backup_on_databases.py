"""A snapshot restored elsewhere is the same centre: on both databases, and from either into the other."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from central_messages import rows
from central_reads import a_read, put
from erasing import LATER, PLATE, Scene
from restored import a_place, an_empty_place, put_back
from sqlalchemy import Engine, delete

from central.access.audit import verify
from central.archive.pictures import open_packs
from central.archive.place import LOG, archive_of
from central.archive.schema import DERIVED, READS
from central.archive.table import live_files, open_archive, sealed_through
from central.backup.check import listed, put_aside
from central.backup.check import verify as verify_backups
from central.backup.make import Made, back_up
from central.backup.moment import moment
from central.backup.restore import Wanted
from central.backup.rows import CLEARED, tables
from central.backup.sources import logs
from central.backup.store import Store
from central.db import (
    alert,
    audit,
    hot_read,
    hotlist_entry,
    open_database,
    picture,
)
from central.db import seal as seal_table
from central.erase import run as erasing_run
from central.erase.certificate import issued
from central.erase.run import Result
from central.errors import BackupError, ErasureError, StoreError
from central.lock import exclusive
from central.maintain import Step
from central.query.pictures import hand_out
from central.settings import BackupSettings
from central.verify import verify as verify_archive
from edge.contract.read import ReadId


@pytest.fixture
def full(database: Engine, tmp_path: Path) -> Scene:
    """With everything: closed and merged days, copies, hits, late updates."""
    there = Scene(database, tmp_path)
    there.fill()
    return there


@pytest.fixture
def scene(database: Engine, tmp_path: Path) -> Scene:
    """With some reads in the archive, some hot, and pictures."""
    there = Scene(database, tmp_path)
    there.take(there.messages(1, PLATE, "XYZ789"))
    there.seal()
    there.take(there.messages(3, PLATE))
    return there


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Scene]:
    with an_empty_place(f"sqlite:///{tmp_path}/other/central.sqlite", tmp_path / "other") as place:
        yield place


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Of either kind, whatever the other's."""
    folder = tmp_path / "other"
    postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{folder}/central.sqlite"
    with an_empty_place(url, folder) as place:
        yield place


def backups(scene: Scene) -> Path:
    return scene.folder / "backups"


def snapshot(scene: Scene, *, after: timedelta = timedelta(0), **more: object) -> Made:
    place = a_place(scene)
    later = LATER + after
    moved = type(place)(place.engine, place.settings, place.key, lambda: later)
    return back_up(moved, backups(scene), **more)


def content(scene: Scene) -> dict[str, list[dict[str, object]]]:
    """Every row but those of the log that restoring writes."""
    found = {table.name: rows(scene.engine, table) for table in tables()}
    found["audit"] = [row for row in found["audit"] if row["action"] != "restore"]
    return {name: sorted(each, key=repr) for name, each in found.items()}


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
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content + b" " * (longest - len(content)))


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


def once(what: str, act: Callable[[], object]) -> Callable[[Step], None]:
    """Do something at a step that begins so."""
    left = [act]

    def tell(step: Step) -> None:
        if left and step.what.startswith(what):
            left.pop()()

    return tell


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


class _CutOffError(Exception):
    pass


def cut_off_at(step: int) -> Callable[[Step], None]:
    left = step

    def tell(_step: Step) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _CutOffError

    return tell


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
        except _CutOffError:
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
        except _CutOffError:
            cuts += 1
            assert Store(backups(scene)).names() == [first.snapshot]
        else:
            break
    assert cuts > 5
    snapshot(scene, after=timedelta(hours=2))
    store = Store(backups(scene))
    assert verify_backups(store, scene.key, store.names(), on_step=lambda _: None) == []


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


def test_the_search_finds_the_plate_in_what_a_killed_backup_left(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    place = a_place(scene, on_step=cut_off_at(len(tables()) + 3))
    with pytest.raises(_CutOffError):
        back_up(place, backups(scene))
    scene.order()
    (result,) = scene.run()
    assert result.found
    assert all("backups/files" in found for found in result.found)
    snapshot(scene)
    assert scene.run()[0].state == erasing_run.DONE


def test_while_a_backup_is_made_no_certificate_is_issued(scene: Scene) -> None:
    scene.settings = scene.settings.model_copy(update={"backup": BackupSettings(path=backups(scene))})
    scene.order()
    with Store(backups(scene)).alone(), pytest.raises(BackupError, match="somebody else makes a backup"):
        scene.run()
    assert scene.run()[0].state == erasing_run.DONE


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
