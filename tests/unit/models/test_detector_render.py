"""What is rendered for the detector: apart from the fold and from the clips, and what is whole is kept."""

from pathlib import Path

import pytest

from models.detector.prepare import read_labels
from models.detector.recipe import SECTIONS, read_recipe
from models.detector.render import Job, draw_all, jobs
from models.synth.reserved import check_training_seed
from models.synth.training import street_seed, vehicle_seed


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("alone", [True, False])
def test_no_street_and_no_vehicle_of_the_fold_is_trained_on(section: str, alone: bool) -> None:
    wanted = jobs(Path("work"), read_recipe(section=section, alone=alone)["render"])
    for kind in ("scenes", "streets", "lettering"):
        same = [job for job in wanted if job.kind == kind]
        held = [job.seed for job in same if job.folder.name.startswith("fold-")]
        assert len(held) == 1
        assert held[0] not in [job.seed for job in same if not job.folder.name.startswith("fold-")]
    drawn = [job for job in wanted if job.kind != "lettering"]
    assert len({job.seed for job in drawn}) == len(drawn)
    streets = [street_seed(job.seed, number) for job in drawn for number in range(job.count // 8 + 1)]
    cars = [vehicle_seed(job.seed, number) for job in drawn for number in range(job.count)]
    assert len(set(streets)) == len(streets)
    assert len(set(cars)) == len(cars)
    for seed in (*streets, *cars):
        check_training_seed(seed)


def test_folders_are_apart() -> None:
    wanted = jobs(Path("work"), read_recipe(alone=True)["render"])
    assert len({job.folder for job in wanted}) == len(wanted)


def test_what_is_whole_is_kept_and_what_was_cut_off_is_drawn_anew(tmp_path: Path) -> None:
    whole = Job("lettering", tmp_path / "a", 2, 5, 640)
    cut = Job("lettering", tmp_path / "b", 2, 6, 640)
    draw_all([whole], workers=1)
    assert whole.is_whole
    assert whole.done == 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*.*")}
    (tmp_path / "b" / "crops").mkdir(parents=True)
    (tmp_path / "b" / "crops" / "lettering_9_00000.png").write_bytes(b"half a pict")
    assert not cut.is_whole
    draw_all([whole, cut], workers=1)
    assert cut.is_whole
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*.*")} == before
    names = {path.name for path in (tmp_path / "b" / "crops").iterdir()}
    assert names == {"lettering_6_00000.png", "lettering_6_00001.png"}
    assert all(not picture.boxes for picture in read_labels(tmp_path / "b", split="train"))


def test_a_seed_of_the_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kept for the sample clips"):
        draw_all([Job("lettering", tmp_path / "a", 1, 9_000_001, 640)], workers=1)
