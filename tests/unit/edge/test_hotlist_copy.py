"""The copy on disk: whole or of before, for its owner alone, and had anew where it is damaged."""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hotlist_copies import NOW, an_entry, packed

from edge.contract.hotlist import EMPTY, PARTS, Head, digest
from edge.errors import HotlistError
from edge.hotlist.copy import CopyFile

Opener = Callable[[], CopyFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite.hotlist"


@pytest.fixture
def open_copy(path: Path) -> Iterator[Opener]:
    opened: list[CopyFile] = []

    def opener() -> CopyFile:
        opened.append(CopyFile(path))
        return opened[-1]

    yield opener
    for each in opened:
        each.close()


def a_head(number: int, *plates: str) -> tuple[Head, list[bytes]]:
    """A head, and its parts that are not empty."""
    parts = packed([an_entry(plate) for plate in plates])
    digests = [digest(part) for part in parts]
    head = Head.of(digests, issued_at=NOW, number=number, entries=len(plates), least={})
    return head, [part for part in parts if part]


def in_force(file: CopyFile, number: int, *plates: str) -> Head:
    head, parts = a_head(number, *plates)
    for part in parts:
        file.put(part)
    file.put_in_force(head, head.model_dump_json())
    return head


def test_a_new_one_holds_nothing_for_its_owner_alone(open_copy: Opener, path: Path) -> None:
    file = open_copy()
    assert (file.head(), file.held(), file.part(EMPTY)) == (None, {EMPTY}, b"")
    in_force(file, 1, "ABC123")
    beside = [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
    assert path in beside
    assert {stat.S_IMODE(each.stat().st_mode) for each in beside} == {0o600}


def test_what_is_in_force_is_so_after_a_restart(open_copy: Opener) -> None:
    file = open_copy()
    head = in_force(file, 1, "ABC123", "XYZ789")
    file.close()
    again = open_copy()
    assert again.head() == head
    assert [digest(again.part(name)) for name in head.parts] == list(head.parts)


def test_a_head_is_not_put_in_force_before_all_its_parts_are_there(open_copy: Opener) -> None:
    file = open_copy()
    head = in_force(file, 1, "ABC123")
    following, parts = a_head(2, "ABC123", "XYZ789", "KLM456")
    file.put(parts[0])
    with pytest.raises(HotlistError, match="parts of the hotlists are missing"):
        file.put_in_force(following, following.model_dump_json())
    assert file.head() == head


def test_what_the_new_head_does_not_name_is_deleted(open_copy: Opener, path: Path) -> None:
    file = open_copy()
    in_force(file, 1, "ABC123", "XYZ789")
    head = in_force(file, 2, "XYZ789")
    assert file.held() == set(head.parts)
    (gone,) = a_head(1, "ABC123")[1]
    with pytest.raises(HotlistError, match="missing"):
        file.part(digest(gone))
    file.close()
    everything = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    assert gone not in everything, "nor does it stand in a page that is free"


def test_only_what_is_named_is_kept(open_copy: Opener) -> None:
    file = open_copy()
    _, parts = a_head(1, "ABC123", "XYZ789", "KLM456")
    for part in parts:
        file.put(part)
    file.keep_only([digest(parts[1])])
    assert file.held() == {EMPTY, digest(parts[1])}


def test_a_part_that_was_damaged_is_not_held(open_copy: Opener, path: Path) -> None:
    file = open_copy()
    head = in_force(file, 1, "ABC123")
    file.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE part SET payload = x'00'")
        db.commit()
    again = open_copy()
    (name,) = set(head.parts) - {EMPTY}
    with pytest.raises(HotlistError, match="missing, or was damaged"):
        again.part(name)
    assert again.held() == {EMPTY}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no database" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:5000] + b"x" * 5000),
        lambda path: change(path, "PRAGMA user_version = 2"),
        lambda path: change(path, "PRAGMA application_id = 7"),
    ],
)
def test_a_file_that_is_damaged_or_of_another_version_is_made_anew(
    open_copy: Opener, path: Path, damage: Callable[[Path], object]
) -> None:
    file = open_copy()
    in_force(file, 1, *(f"ABC{n:03}" for n in range(300)))
    file.close()
    damage(path)
    again = open_copy()
    assert (again.head(), again.held()) == (None, {EMPTY})
    assert in_force(again, 2, "ABC123") == again.head()


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)


def test_a_head_that_nobody_understands_is_none(open_copy: Opener, path: Path) -> None:
    file = open_copy()
    in_force(file, 1, "ABC123")
    file.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("""UPDATE head SET signed = '{"format": 2}'""")
        db.commit()
    assert open_copy().head() is None


def test_where_it_cannot_be_made_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(HotlistError, match="cannot be opened"):
        CopyFile(tmp_path / "none" / "file")


def test_closed_it_says_so(open_copy: Opener) -> None:
    file = open_copy()
    file.close()
    file.close()
    with pytest.raises(HotlistError, match="cannot be used"):
        file.head()


def test_every_part_has_its_place(open_copy: Opener) -> None:
    plates = [f"P{number:04}" for number in range(3000)]
    head = in_force(open_copy(), 1, *plates)
    assert len(set(head.parts)) == PARTS
