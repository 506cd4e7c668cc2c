from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.bench.passages import ClipPassage, Passage, Sighting, at_camera, load_truth, score

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def passage(plate: str, first_s: float, last_s: float, camera: str = "c1") -> Passage:
    return Passage(camera, plate, at(first_s), at(last_s))


def sighting(plate: str, first_s: float, last_s: float, camera: str = "c1") -> Sighting:
    return Sighting(camera, plate, at(first_s), at(last_s))


def test_a_right_read_in_time_is_right() -> None:
    result = score([passage("ABC123", 1, 3)], [sighting("ABC123", 2, 3)])
    assert [p.plate for p, _ in result.right] == ["ABC123"]
    assert (result.wrong, result.missed, result.surplus) == ((), (), ())


def test_a_misread_is_wrong_and_not_also_missed() -> None:
    result = score([passage("ABC123", 1, 3)], [sighting("A8C123", 2, 3)])
    assert [(p.plate, s.plate) for p, s in result.wrong] == [("ABC123", "A8C123")]
    assert (result.right, result.missed, result.surplus) == ((), (), ())


def test_the_second_read_of_a_passage_is_surplus() -> None:
    result = score([passage("ABC123", 1, 3)], [sighting("ABC123", 1, 2), sighting("ABC123", 2, 3)])
    assert len(result.right) == 1
    assert len(result.surplus) == 1


def test_another_camera_or_another_time_does_not_count() -> None:
    reads = [sighting("ABC123", 1, 3, "c2"), sighting("ABC123", 30, 31)]
    result = score([passage("ABC123", 1, 3)], reads)
    assert [p.plate for p in result.missed] == ["ABC123"]
    assert len(result.surplus) == 2


def test_two_vehicles_side_by_side_each_get_their_own_read() -> None:
    truth = [passage("ABC123", 1, 3), passage("XYZ789", 1.2, 3.1)]
    result = score(truth, [sighting("XYZ789", 1, 3), sighting("ABC123", 1.5, 3)])
    assert {p.plate for p, _ in result.right} == {"ABC123", "XYZ789"}


def test_a_right_read_outweighs_a_longer_common_time() -> None:
    result = score([passage("ABC123", 0, 60)], [sighting("QQQ111", 0, 60), sighting("ABC123", 59, 60)])
    assert [s.plate for _, s in result.right] == ["ABC123"]
    assert [s.plate for s in result.surplus] == ["QQQ111"]


def test_nothing_against_nothing() -> None:
    result = score([], [])
    assert (result.right, result.wrong, result.missed, result.surplus) == ((), (), (), ())


def test_each_pass_over_a_clip_has_its_own_times() -> None:
    clip = [ClipPassage("ABC123", "car", 2.0, 3.5)]
    assert at_camera(clip, camera_id="day", started_at=NOON) == [passage("ABC123", 2.0, 3.5, "day")]


def test_a_broken_truth_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("plate,vehicle_type,first_s,last_s\nABC123,car,1,2\nABC124,car,one,2\n")
    with pytest.raises(ValueError, match=r"day\.csv: line 3: not a passage"):
        load_truth(path)


def test_truth_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("clip,plate,vehicle_type,first_s,last_s,best_s\nday,ABC123,car,1,2.5,2\n")
    assert load_truth(path) == [ClipPassage("ABC123", "car", 1.0, 2.5)]
