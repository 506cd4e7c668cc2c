"""Finding and reading labelled pictures: one record a plate, and what each figure rests on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeDetector, FakeEngine, FakeReader, picture, posterior, reading
from labelled import COLUMNS, PLATE, Folder, on

from edge.bench.decode import by_vote, countries_of, likeliest
from edge.bench.labels import Label, load_pictures, sample
from edge.bench.recognise import Recogniser, look, looks, match
from edge.bench.record import NOTHING, Look, Record, Said
from edge.contract.pattern import ALPHABET
from edge.errors import ConfigError, SourceError
from edge.types import Bgr, Box, Detection, Reading

HEADER = ",".join(COLUMNS)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Given:
    """A detector that finds what it is told to, whatever the picture."""

    version = "fake@000000000000"

    def __init__(self, *found: Sequence[Box]) -> None:
        self._found = iter(found)

    def detect(
        self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
    ) -> list[Detection]:
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
        assert (crop.kind, two.kind) == ("crop", "scene")
        assert np.array_equal(two.load(), scene)

    def test_what_bears_the_plate_and_the_light_are_read_where_they_are_given(self, folder: Folder) -> None:
        folder.add(
            "a.png", picture({}), {"plate": "ABC12D", "class": "motorcycle", "light": "night"}, kind="crop"
        )
        ((label,),) = (p.labels for p in load_pictures(folder.write()))
        assert (label.vehicle, label.light) == ("motorcycle", "night")

    def test_a_sample_is_spread_over_each_set(self, folder: Folder) -> None:
        for k in range(10):
            folder.add(f"a{k}.png", picture({}), plate="A1", kind="crop", set="many")
        folder.add("b0.png", picture({}), plate="B1", kind="crop", set="one")
        pictures = load_pictures(folder.write())
        assert [p.path.stem for p in sample(pictures, most=4)] == ["a0", "a2", "a5", "a7", "b0"]
        assert sample(pictures, most=99) == pictures

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"labels\.csv: cannot be read: No such file"):
            load_pictures(tmp_path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("path,split\n", "line 1: no column set, kind, country, plate, x, y, w, h"),
            ("", "line 1: no column path"),
            (HEADER + "\na.png,valid\n", "line 2: fewer fields than line 1 has"),
            (HEADER + "\na.png,train,s,scene,CO,,1,1,1,1,,,,,\n", "no row with split valid"),
            (
                HEADER + "\na.png,valid,s,film,CO,,1,1,1,1,,,,,\n",
                "line 2: kind: expected scene or crop",
            ),
            (
                HEADER + "\na.png,valid,s,scene,CO,,1,1,x,1,,,,,\n",
                "line 2: x, y, w, h: expected numbers",
            ),
            (
                HEADER + "\na.png,valid,s,scene,CO,,1,1,5,0,,,,,\n",
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


def recogniser(says: dict[int, Reading], detector: FakeDetector | Given | None = None) -> Recogniser:
    """Reads the marks; what a camera says is the country of the label, so that tests tell it from the raw string."""
    return Recogniser(
        detector or FakeDetector(),
        FakeReader(says),
        lambda r, label, d: Said(f"{label.country}{r.lines}", 0.5),
    )


def seen(
    folder: Folder, says: dict[int, Reading], detector: FakeDetector | Given | None = None
) -> list[Look]:
    return list(looks(load_pictures(folder.write()), recogniser(says, detector)))


def only(found: list[Look]) -> Record:
    ((one,),) = [look.records for look in found]
    return one


class TestLooks:
    def test_a_crop_is_read_as_it_is(self, folder: Folder) -> None:
        folder.add(
            "crops/a.png", picture({7: Box(0, 0, 640, 360)}), kind="crop", plate="ABC-123", light="day", set="c",
            **{"class": "car"},
        )  # fmt: skip
        (one,) = seen(folder, {7: reading("ABC128")})
        assert one.detect is None
        assert len(one.reads) == 1
        got = one.records[0]
        assert got == Record(
            path=folder.path / "crops/a.png", set_name="c", kind="crop", country="CO", truth="ABC123", width_px=640,
            found=True, box=None, lines=1, raw=Said("ABC128", got.raw.likelihood), decoded=Said("CO1", 0.5),
            vehicle="car", light="day",
        )  # fmt: skip
        assert 0.8 < got.raw.likelihood < 1

    def test_a_scene_is_read_at_the_detection_that_lies_on_the_label(self, folder: Folder) -> None:
        other = Box(400, 200, 120, 60)
        folder.add("a.png", picture({7: PLATE, 8: other}), plate="XYZ789", **on(other))
        (one,) = seen(folder, {7: reading("ABC123"), 8: reading("XYZ789")})
        got = one.records[0]
        assert (got.found, got.raw.text, got.width_px, got.kind) == (True, "XYZ789", 120, "scene")
        assert got.box is not None
        assert got.box.iou(other) > 0.9
        assert one.false_boxes == 1  # the other one is on no label
        assert one.detect is not None
        assert one.detect.wall_s > 0

    def test_what_is_not_found_is_not_read(self, folder: Folder) -> None:
        folder.add("a.png", picture({}), plate="ABC123", **on(PLATE))
        (one,) = seen(folder, {})
        got = one.records[0]
        assert (got.found, got.raw, got.decoded, got.lines, one.reads) == (False, NOTHING, NOTHING, None, ())

    def test_a_loose_box_does_not_count_but_is_no_false_one(self, folder: Folder) -> None:
        folder.add("a.png", picture({}), plate="ABC123", **on(PLATE))
        (one,) = seen(folder, {}, Given([Box(100, 60, 300, 60), Box(500, 300, 20, 10)]))
        assert (one.records[0].found, one.false_boxes) == (False, 1)

    def test_a_box_without_text_is_found_and_not_read(self, folder: Folder) -> None:
        folder.add("a.png", picture({7: PLATE}), **on(PLATE))
        (one,) = seen(folder, {})
        got = one.records[0]
        assert (got.truth, got.found, got.raw, one.reads) == (None, True, NOTHING, ())

    def test_a_scene_whose_plate_is_not_marked_is_not_read(self, folder: Folder) -> None:
        folder.add("a.png", picture({7: PLATE}), plate="ABC123")
        got = only(seen(folder, {7: reading("ABC123")}))
        assert (got.found, got.width_px, got.raw) == (False, None, NOTHING)

    def test_every_plate_of_a_scene_has_its_record(self, folder: Folder) -> None:
        other = Box(400, 200, 120, 60)
        folder.add(
            "a.png",
            picture({7: PLATE, 8: other}),
            {"plate": "ABC123", **on(PLATE)},
            {"plate": "XYZ789", **on(other)},
        )
        (one,) = seen(folder, {7: reading("ABC123"), 8: reading("XYZ789")})
        assert [r.raw.text for r in one.records] == ["ABC123", "XYZ789"]
        assert (len(one.reads), one.false_boxes) == (2, 0)

    def test_pictures_are_looked_at_one_by_one(self, folder: Folder) -> None:
        folder.add("a.png", picture({}), kind="crop")
        (one,) = load_pictures(folder.write())
        stream = looks([one, one], recogniser({}))
        assert next(stream) == look(one, recogniser({}))
        one.path.unlink()
        with pytest.raises(SourceError, match=r"a\.png: labelled, but no readable picture"):
            next(stream)

    def test_what_found_the_plate_takes_part_in_the_decoding(self, folder: Folder) -> None:
        folder.add("a.png", picture({7: PLATE}), plate="ABC123", **on(PLATE))
        folder.add("b.png", picture({7: Box(0, 0, 640, 360)}), plate="ABC123", kind="crop")
        heard: list[Detection | None] = []

        def decode(_: Reading, __: Label, detection: Detection | None) -> Said:
            heard.append(detection)
            return NOTHING

        nets = Recogniser(FakeDetector(), FakeReader({7: reading("ABC123")}), decode)
        list(looks(load_pictures(folder.write()), nets))
        assert heard[0] is not None
        assert heard[0].box.iou(PLATE) > 0.9
        assert heard[1] is None


class TestDecode:
    def test_the_likeliest_string_and_its_exact_likelihood(self) -> None:
        said = likeliest(reading("ABC123", sure=0.9))
        assert said.text == "ABC123"
        assert 0.9**13 < said.likelihood < 0.6

    def test_nothing_read_has_no_likelihood(self) -> None:
        blank = Reading(posterior("")[[0]], ALPHABET, "")
        assert likeliest(blank) == NOTHING

    @pytest.mark.parametrize(
        ("country", "told"),
        [("CO", {"CO": 1.0}), ("US-NY", {"US": 1.0}), ("INT", {}), ("", {}), ("EU", {"EU": 1.0})],
    )
    def test_the_camera_is_told_the_country_where_there_is_one(
        self, country: str, told: dict[str, float]
    ) -> None:
        assert countries_of(Label(None, None, country)) == told

    def test_one_frame_is_voted_on(self) -> None:
        nets = FakeEngine.that_says({})
        said = by_vote(nets)(reading("ABC123"), Label(None, "XYZ789", "CO"), None)
        assert said == Said("ABC123", pytest.approx(0.99))

    def test_no_verdict_is_nothing_said(self) -> None:
        class Silent(FakeEngine):
            def new_vote(self, settings: object, countries: object) -> object:  # type: ignore[override]
                class Vote:
                    def add(self, observation: object) -> None: ...

                    def verdict(self) -> None: ...

                return Vote()

        nets = Silent.that_says({})
        assert by_vote(nets)(reading("ABC123"), Label(None, None, "CO"), None) == NOTHING
