"""What the reader may learn from: which texts are trusted, what is held out, what the bank holds."""

import csv
import json
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from edge.bench.record import Said
from models.reader.prepare import (
    BANK_SHAPE,
    KINDS,
    RECIPE,
    Sources,
    agreed,
    agreed_with_own,
    check_sources,
    flat_plates,
    held_out,
    lettering,
    main,
    replated_crops,
    write_bank,
    write_real,
)
from models.synth.patterns import CLASSES
from models.synth.reserved import is_reserved

RULES = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))["real"]


def row(plate: str, label: str) -> dict[str, str]:
    return {"plate": plate, "label": label}


@pytest.mark.parametrize(
    ("plate", "label", "said", "likelihood", "text"),
    [
        ("abc-1234", "filename+ocr agree", "XXX", 0.1, "ABC1234"),
        ("皖AR5065", "filename", "", 0.0, "AR5065"),
        ("ABC123", "proposal", "ABC123", 0.6, "ABC123"),
        ("ABO123", "proposal", "AB0123", 0.6, "ABO123"),
        ("ABC123", "proposal", "ABC128", 0.99, None),
        ("ABC123", "proposal", "ABC123", 0.4, None),
        ("", "human", "ABC123", 0.95, "ABC123"),
        ("", "human", "ABC123", 0.9, None),
        ("", "human", "A", 0.99, None),
    ],
)
def test_a_text_is_taken_only_from_who_can_be_trusted(
    plate: str, label: str, said: str, likelihood: float, text: str | None
) -> None:
    assert agreed(row(plate, label), (said, likelihood), RULES) == text


@pytest.mark.parametrize(
    ("theirs", "own", "text"),
    [
        (("ABC123", 0.4), ("ABC123", 0.35), "ABC123"),
        (("ABC123", 0.2), ("ABC123", 0.8), None),
        (("ABC123", 0.8), ("ABC123", 0.2), None),
        (("ABC128", 0.9), ("ABC123", 0.92), "ABC123"),
        (("ABC128", 0.1), ("ABC123", 0.9), None),
        (("ABC", 0.9), ("ABC", 0.99), None),
        (("ABCDE12345", 0.9), ("ABCDE12345", 0.99), None),
    ],
)
def test_what_both_say_is_taken_or_what_our_own_is_very_sure_of(
    theirs: tuple[str, float], own: tuple[str, float], text: str | None
) -> None:
    assert agreed_with_own(Said(*theirs), Said(*own), RULES) == text


def test_nothing_of_valid_s_sets_is_learnt() -> None:
    assert not {"co_crop", "co_scene", "ar_crop", "us_crop", "us", "br", "eu"} & set(RULES["sets"])


def test_the_held_out_share_is_what_the_recipe_says_and_never_changes() -> None:
    paths = [f"crops/{number}.jpg" for number in range(4000)]
    out = {path for path in paths if held_out(path, 0.15)}
    assert 0.13 < len(out) / len(paths) < 0.17
    assert out == {path for path in paths if held_out(path, 0.15)}
    assert out <= {path for path in paths if held_out(path, 0.3)}


def test_flat_plates_are_what_they_say_and_none_is_a_clip_s() -> None:
    kinds = set()
    for grey, facts in flat_plates(150, seed=9, faces=()):
        assert grey.ndim == 2
        assert not is_reserved("".join(facts["lines"]))
        kinds.add(facts["kind"])
        if facts["kind"] < len(KINDS) - 1:
            country, name = KINDS[facts["kind"]].split()
            (known,) = (c for c in CLASSES if (c.country, c.name) == (country, name))
            assert known.matches("".join(facts["lines"]))
            assert len(facts["lines"]) == (
                2 if known.lines and len("".join(facts["lines"])) > known.lines[0] else 1
            )
    assert len(KINDS) - 1 in kinds
    assert len(kinds) > 10


def test_the_bank_is_one_array_and_its_facts(tmp_path: Path) -> None:
    write_bank(tmp_path, 12, seed=4, faces=())
    grey = np.load(tmp_path / "grey.npy")
    facts = json.loads((tmp_path / "bank.json").read_text(encoding="utf-8"))
    assert (grey.shape, grey.dtype) == ((12, *BANK_SHAPE), np.uint8)
    assert len(facts) == 12
    assert all(0.4 < fact["aspect"] < 12 for fact in facts)
    write_bank(tmp_path / "again", 12, seed=4, faces=())
    assert np.array_equal(np.load(tmp_path / "again" / "grey.npy"), grey)


def _labels(folder: Path, rows: list[dict[str, str]]) -> None:
    (folder / "crops").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=["path", "kind", "plate", "lines", "scene", "source"])
        writer.writeheader()
        writer.writerows(rows)
    for number, row in enumerate(rows):
        cv2.imwrite(str(folder / row["path"]), np.full((20, 50, 3), 10 + number, np.uint8))


def test_repainted_plates_of_held_out_scenes_are_left_out(tmp_path: Path) -> None:
    """Their cameras and places would be known from the training."""
    scenes = [f"scenes/{number}.jpg" for number in range(60)]
    rows = [
        {
            "path": f"crops/{n}.png",
            "kind": "crop",
            "plate": "ABC12D",
            "lines": "ABC/12D",
            "scene": scene,
            "source": "s",
        }
        for n, scene in enumerate(scenes)
    ]
    _labels(tmp_path, rows)
    found = [facts for _, facts in replated_crops(tmp_path, {"fold_share": 0.15})]
    kept = {row["path"] for row in rows if not held_out(row["scene"], 0.15)}
    assert {facts["path"] for facts in found} == kept
    assert 0 < len(kept) < 60
    assert all(facts["lines"] == ["ABC", "12D"] for facts in found)


def test_words_are_pictures_without_a_plate(tmp_path: Path) -> None:
    rows = [
        {"path": f"crops/{n}.png", "kind": "crop", "plate": plate, "lines": "", "scene": "", "source": "s"}
        for n, plate in enumerate(("", "ABC123", ""))
    ]
    _labels(tmp_path, rows)
    assert [int(grey[0, 0]) for grey in lettering(tmp_path)] == [10, 12]


class TestSources:
    """Crops that are kept are those that were asked for."""

    @pytest.fixture
    def made(self, tmp_path: Path) -> tuple[Path, Sources]:
        """A work folder with crops of folders that hold next to nothing, and these."""
        folders = [tmp_path / name for name in ("data", "painted", "words")]
        for folder in folders:
            _labels(folder, [])
        work = tmp_path / "work"
        work.mkdir()
        sources = Sources(folders[0], (folders[1],), (folders[2],))
        write_real(sources, work, {**RULES, "streets": 0}, seed=1)
        return work, sources

    def test_the_same_folders_may_be_named_again(self, made: tuple[Path, Sources]) -> None:
        work, sources = made
        check_sources(sources, work)
        kept = json.loads((work / "sources.json").read_text(encoding="utf-8"))
        assert kept["lettering"] == [str(sources.lettering[0])]

    def test_a_second_call_of_the_program_keeps_what_is_there(self, made: tuple[Path, Sources]) -> None:
        work, sources = made
        write_bank(work / "bank", 2, seed=4, faces=())
        call = ["--work", str(work), "--data", str(sources.data), "--replated", str(sources.replated[0])]
        before = (work / "crops.npz").stat().st_mtime_ns
        done = CliRunner().invoke(main, [*call, "--lettering", str(sources.lettering[0])])
        assert done.exit_code == 0, done.output
        assert (work / "crops.npz").stat().st_mtime_ns == before
        refused = CliRunner().invoke(main, call)
        assert refused.exit_code == 2
        assert "other lettering" in refused.output

    @pytest.mark.parametrize("name", ["data", "replated", "lettering"])
    def test_other_folders_are_refused(self, made: tuple[Path, Sources], name: str) -> None:
        work, sources = made
        other = sources.data.parent / "other"
        changed = {"data": sources.data, "replated": sources.replated, "lettering": sources.lettering}
        changed[name] = other if name == "data" else (other,)
        with pytest.raises(click.UsageError, match=f"made with other {name}: .*, not .*other: name another"):
            check_sources(Sources(**changed), work)  # type: ignore[arg-type]

    def test_crops_of_nobody_knows_which_folders_are_kept_only_without_more(
        self, made: tuple[Path, Sources]
    ) -> None:
        work, sources = made
        (work / "sources.json").unlink()
        with pytest.raises(click.UsageError, match="does not say which --replated and --lettering"):
            check_sources(sources, work)
        check_sources(Sources(sources.data), work)

    @pytest.mark.parametrize("option", ["--replated", "--lettering"])
    def test_what_belongs_to_real_crops_is_refused_without_them(self, tmp_path: Path, option: str) -> None:
        done = CliRunner().invoke(main, ["--work", str(tmp_path / "work"), option, str(tmp_path)])
        assert done.exit_code == 2
        assert "are for --data" in done.output
        assert not (tmp_path / "work").exists()
