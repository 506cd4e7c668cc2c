"""The measuring of recognition: against folders whose right answer is known."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from fakes import FakeDetector, FakeReader, picture, reading
from plates import car

from edge.bench import recognise
from edge.bench.commands import bench
from edge.bench.labels import Label, load_pictures
from edge.bench.recognise import distance, match, measure, set_score
from edge.errors import ConfigError, SourceError
from edge.types import Bgr, Box, Detection, Reading

COLUMNS = (
    "path",
    "split",
    "set",
    "kind",
    "country",
    "plate",
    "x",
    "y",
    "w",
    "h",
    "label",
    "source",
    "licence",
)
PLATE = Box(100, 60, 120, 60)


class Folder:
    """A folder of labelled pictures, as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, bgr: Bgr, *labels: Mapping[str, Any], **common: Any) -> None:
        (self.path / name).parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(self.path / name), bgr)
        for label in labels or ({},):
            self.rows.append(
                {
                    "path": name,
                    "split": "valid",
                    "set": "s",
                    "kind": "scene",
                    "country": "CO",
                    **common,
                    **label,
                }
            )

    def write(self) -> Path:
        with (self.path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        return self.path


def on(box: Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "w": box.width, "h": box.height}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Given:
    """A detector that finds what it is told to, whatever the picture."""

    version = "fake@000000000000"

    def __init__(self, *found: Sequence[Box]) -> None:
        self._found = iter(found)

    def detect(self, bgr: Bgr) -> list[Detection]:
        return [Detection(box, 0.9) for box in next(self._found)]


class TestLabels:
    def test_rows_of_one_picture_belong_together_and_only_the_split_counts(self, folder: Folder) -> None:
        scene = picture({})
        folder.add("scenes/b.png", scene, {"plate": "abc-123", **on(PLATE)}, {**on(Box(300, 60, 80, 40))})
        folder.add("scenes/c.png", scene, split="train", **on(PLATE))
        folder.add("crops/a.png", scene, kind="crop", plate="XYZ 12A", set="t")
        crop, two = load_pictures(folder.write())
        assert (crop.is_crop, crop.set_name, crop.labels) == (True, "t", (Label(None, "XYZ12A", "CO"),))
        assert [label.plate for label in two.labels] == ["ABC123", None]
        assert two.boxes == [PLATE, Box(300, 60, 80, 40)]
        assert np.array_equal(two.load(), scene)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"labels\.csv: cannot be read: No such file"):
            load_pictures(tmp_path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("path,split\n", "line 1: no column set, kind, country, plate, x, y, w, h"),
            ("", "line 1: no column path"),
            (",".join(COLUMNS) + "\na.png,valid\n", "line 2: fewer fields than line 1 has"),
            (",".join(COLUMNS) + "\na.png,train,s,scene,CO,,1,1,1,1,,,\n", "no row with split valid"),
            (
                ",".join(COLUMNS) + "\na.png,valid,s,film,CO,,1,1,1,1,,,\n",
                "line 2: kind: expected scene or crop",
            ),
            (
                ",".join(COLUMNS) + "\na.png,valid,s,scene,CO,,1,1,x,1,,,\n",
                "line 2: x, y, w, h: expected numbers",
            ),
            (
                ",".join(COLUMNS) + "\na.png,valid,s,scene,CO,,1,1,5,0,,,\n",
                "line 2: w, h: expected sizes above 0",
            ),
        ],
    )
    def test_a_wrong_file_is_named_with_the_line(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            load_pictures(tmp_path)

    def test_bytes_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "labels.csv").write_bytes(b"path,\xff\xfe\n")
        with pytest.raises(ConfigError, match="not a CSV file in UTF-8"):
            load_pictures(tmp_path)

    def test_a_missing_or_damaged_picture_is_named(self, folder: Folder) -> None:
        folder.add("scenes/a.png", picture({}))
        (found,) = load_pictures(folder.write())
        found.path.write_bytes(b"no picture")
        with pytest.raises(SourceError, match=r"scenes/a\.png: labelled, but no readable picture"):
            found.load()
        found.path.unlink()
        with pytest.raises(SourceError, match=r"scenes/a\.png: labelled, but no readable picture"):
            found.load()


class TestMatch:
    def test_each_detection_serves_one_box_and_the_best_pair_goes_first(self) -> None:
        left, right = Box(0, 0, 100, 50), Box(30, 0, 100, 50)
        between, exact = Detection(Box(10, 0, 100, 50), 0.9), Detection(left, 0.2)
        assert match([left, right], [between, exact]) == [exact, between]

    def test_an_overlap_below_half_is_none(self) -> None:
        assert match([PLATE], [Detection(Box(100, 60, 120, 29), 0.9)]) == [None]
        assert match([PLATE], [Detection(Box(100, 60, 120, 31), 0.9)]) != [None]

    def test_nothing_found_nothing_matched(self) -> None:
        assert match([PLATE, PLATE], []) == [None, None]
        assert match([], [Detection(PLATE, 1)]) == []


class TestScores:
    @pytest.mark.parametrize(
        ("first", "second", "edits"),
        [
            ("", "", 0), ("ABC", "", 3), ("", "AB", 2), ("ABC123", "ABC128", 1), ("ABC123", "BC1238", 2),
            ("KITTEN", "SITTING", 3),
        ],
    )  # fmt: skip
    def test_edits_are_levenshteins(self, first: str, second: str, edits: int) -> None:
        assert distance(first, second) == distance(second, first) == edits

    def test_look_alikes_are_merged_apart(self) -> None:
        pairs = [("ABO120", "ABO120"), ("ABO120", "AB0120"), ("SBZ1Q6", "5821OG"), ("ABC123", "ABC12")]
        score = set_score(pairs)
        assert (score.n, score.exact, score.merged_o0, score.merged_all) == (4, 0.25, 0.5, 0.75)
        assert score.cer == pytest.approx((0 + 1 + 5 + 1) / 24)


class TestMeasure:
    def test_crops_are_read_as_they_are_and_scenes_the_whole_way(self, folder: Folder) -> None:
        folder.add("crops/a.png", picture({7: Box(0, 0, 640, 360)}), kind="crop", set="c", plate="ABC-123")
        folder.add("crops/b.png", picture({8: Box(0, 0, 640, 360)}), kind="crop", set="c", plate="ABC124")
        folder.add("scenes/a.png", picture({7: PLATE}), set="d", plate="ABC123", **on(PLATE))
        folder.add("scenes/b.png", picture({}), set="d", plate="ABC123", **on(PLATE))
        folder.add("scenes/c.png", picture({}), set="negative", label="negative")
        folder.add("scenes/d.png", picture({7: PLATE}), set="negative", label="negative")
        reader = FakeReader({7: reading("ABC123"), 8: reading("ABC128")})
        report = measure(load_pictures(folder.write()), detector=FakeDetector(), reader=reader).as_json()
        assert report["detector"]["ms"] > 0
        assert report["reader"]["ms"] > 0
        assert {k: v for k, v in report["detector"].items() if k != "ms"} == {
            "n": 2, "recall50": 0.5, "false_boxes_per_picture": 0.5,
        }  # fmt: skip
        assert (report["reader"]["n"], reader.crops) == (3, 3)
        assert report["sets"] == {
            "c": {"n": 2, "exact": 0.5, "merged_o0": 0.5, "merged_all": 0.5, "cer": pytest.approx(1 / 12)},
            "d": {"n": 2, "exact": 0.5, "merged_o0": 0.5, "merged_all": 0.5, "cer": 0.5},
        }

    def test_a_scene_is_read_at_the_detection_that_lies_on_the_label(self, folder: Folder) -> None:
        other = Box(400, 200, 120, 60)
        folder.add("scenes/a.png", picture({7: PLATE, 8: other}), plate="XYZ789", **on(other))
        reader = FakeReader({7: reading("ABC123"), 8: reading("XYZ789")})
        report = measure(load_pictures(folder.write()), detector=FakeDetector(), reader=reader)
        assert report.sets["s"].exact == 1
        assert report.detector.recall50 == 1

    def test_boxes_without_text_count_for_the_detector_alone(self, folder: Folder) -> None:
        folder.add("scenes/a.png", picture({7: PLATE}), **on(PLATE))
        report = measure(load_pictures(folder.write()), detector=FakeDetector(), reader=FakeReader({}))
        assert (report.detector.n, report.reader.n, report.reader.ms, report.sets) == (1, 0, None, {})

    def test_a_picture_without_a_marked_plate_is_no_negative(self, folder: Folder) -> None:
        folder.add("scenes/a.png", picture({7: PLATE}), label="negative")
        found = measure(
            load_pictures(folder.write()), detector=FakeDetector(), reader=FakeReader({})
        ).detector
        assert (found.n, found.recall50, found.false_boxes_per_picture) == (0, None, None)

    def test_a_loose_box_does_not_count(self, folder: Folder) -> None:
        folder.add("scenes/a.png", picture({}), plate="ABC123", **on(PLATE))
        detector = Given([Box(100, 60, 300, 60)])
        report = measure(load_pictures(folder.write()), detector=detector, reader=FakeReader({}))
        assert (report.detector.recall50, report.sets["s"].cer) == (0, 1)

    def test_the_decoder_may_be_chosen(self, folder: Folder) -> None:
        folder.add("crops/a.png", picture({7: Box(0, 0, 640, 360)}), kind="crop", plate="FR", country="FR")
        said = FakeReader({7: reading("ABC123")})

        def country(_: Reading, label: Label) -> str:
            return label.country

        found = measure(load_pictures(folder.write()), detector=Given(), reader=said, decode=country)
        assert found.sets["s"].exact == 1


class TestCommand:
    @pytest.fixture
    def real(self, folder: Folder) -> Path:
        """Two drawn plates, read by the real reader."""
        folder.add("crops/a.png", car("ABC123", city="CALI"), kind="crop", set="co", plate="ABC123")
        folder.add("crops/b.png", car("KLM456"), kind="crop", set="co", plate="KLM456")
        folder.add("scenes/n.png", np.full((360, 640, 3), 90, np.uint8), set="negative", label="negative")
        return folder.write()

    def test_the_json_is_as_documented(self, real: Path) -> None:
        done = CliRunner().invoke(bench, ["recognise", "--data", str(real), "--json"])
        assert done.exit_code == 0, done.output
        report = json.loads(done.stdout)
        assert list(report) == ["detector", "reader", "sets"]
        assert set(report["detector"]) == {"n", "recall50", "false_boxes_per_picture", "ms"}
        assert set(report["reader"]) == {"n", "ms"}
        assert report["detector"]["false_boxes_per_picture"] == 0
        assert report["sets"] == {
            "co": {"n": 2, "exact": 1.0, "merged_o0": 1.0, "merged_all": 1.0, "cer": 0.0}
        }

    def test_without_json_there_is_a_table(self, real: Path) -> None:
        done = CliRunner().invoke(bench, ["recognise", "--data", str(real), "--preset"])
        assert done.exit_code == 0, done.output
        assert "reader    2 crops" in done.stdout
        assert "100.0%" in done.stdout

    def test_a_folder_without_labels_is_an_error(self, tmp_path: Path) -> None:
        done = CliRunner().invoke(bench, ["recognise", "--data", str(tmp_path)])
        assert isinstance(done.exception, ConfigError)


def test_likeliest_needs_no_label_text() -> None:
    assert recognise.likeliest(reading("ABC123"), Label(None, None, "")) == "ABC123"
