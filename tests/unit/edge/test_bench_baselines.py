"""Asking other readers, with one that says what it is told to say."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from fakes import FakeDetector, FakeEngine, picture, reading
from labelled import PLATE, Folder, on

from edge.bench import judge
from edge.bench.baselines import known
from edge.bench.baselines.pieces import Piece, joined
from edge.bench.baselines.port import Baseline, Guess, installed, versions
from edge.bench.baselines.run import answers, suits
from edge.bench.judge import Pictures
from edge.bench.labels import Picture, load_pictures
from edge.bench.record import NOTHING, Said
from edge.errors import AssetError
from edge.types import Bgr, Box, Detection


class Told:
    """A baseline that guesses what it is told to, and remembers what it was shown."""

    name = "told"
    version = "told 1"

    def __init__(self, *guesses: Guess, finds: bool = True, reads_crops: bool = True) -> None:
        self.guesses = list(guesses)
        self.finds = finds
        self.reads_crops = reads_crops
        self.shown: list[tuple[tuple[int, ...], str]] = []

    def read(self, bgr: Bgr, *, country: str) -> list[Guess]:
        self.shown.append((bgr.shape[:2], country))
        return self.guesses


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def scene(folder: Folder) -> list[Picture]:
    folder.add("s.png", picture({7: PLATE}), {"plate": "ABC123", **on(PLATE)}, {**on(Box(400, 200, 80, 40))})
    return load_pictures(folder.write())


@pytest.fixture
def crop(folder: Folder) -> list[Picture]:
    folder.add("c.png", picture({7: Box(0, 0, 640, 360)}), kind="crop", plate="ABC123", country="BR")
    return load_pictures(folder.write())


class TestAnswers:
    def test_a_crop_is_handed_over_whole(self, crop: list[Picture]) -> None:
        told = Told(Guess("AB", 0.3, Box(0, 0, 9, 9)), Guess("ABC123", 0.9))
        (look,) = answers(crop, told)
        assert told.shown == [((360, 640), "BR")]
        (record,) = look.records
        assert (record.raw, record.decoded, record.width_px) == (
            Said("ABC123", 0.9),
            Said("ABC123", 0.9),
            640,
        )
        assert (look.detect, len(look.reads)) == (None, 1)

    def test_one_that_finds_sees_the_scene(self, scene: list[Picture]) -> None:
        told = Told(
            Guess("XYZ789", 1.0, Box(500, 300, 50, 20)),  # elsewhere, and surer
            Guess("ABC123", 0.8, PLATE),
            Guess("", 0.0, Box(0, 0, 20, 10)),
        )
        (look,) = answers(scene, told)
        assert told.shown == [((360, 640), "CO")]
        first, second = look.records
        assert (first.found, first.raw) == (True, Said("ABC123", 0.8))
        assert (second.found, second.raw) == (False, NOTHING)
        assert look.false_boxes == 2
        assert look.detect is not None

    @pytest.mark.parametrize(
        ("box", "found", "text"),
        [
            (Box(130, 75, 60, 30), False, "ABC123"),  # the text alone lies in the plate
            (Box(60, 40, 200, 100), False, "ABC123"),  # the plate lies in a box about it
            (Box(300, 60, 120, 60), False, ""),
        ],
    )
    def test_a_text_counts_where_its_box_lies_on_the_plate(
        self, scene: list[Picture], box: Box, found: bool, text: str
    ) -> None:
        (look,) = answers(scene, Told(Guess("ABC123", 0.8, box)))
        assert (look.records[0].found, look.records[0].raw.text) == (found, text)

    def test_one_that_only_reads_is_given_each_labelled_plate(self, scene: list[Picture]) -> None:
        told = Told(Guess("ABC123", 7.0), finds=False)
        (look,) = answers(scene, told)
        assert told.shown == [((60, 128), "CO")]  # with the margin that we cut with; the other has no text
        assert look.records[0].raw == Said("ABC123", 1.0)  # a confidence above one is one
        assert look.records[0].found
        assert look.records[1].raw == NOTHING

    def test_nothing_guessed_is_nothing_said(self, crop: list[Picture]) -> None:
        (look,) = answers(crop, Told())
        assert look.records[0].raw == NOTHING

    def test_what_does_not_suit_is_passed_by(self, scene: list[Picture], folder: Folder) -> None:
        folder.add("c.png", picture({}), kind="crop", plate="A1")
        folder.add("n.png", picture({}), set="negative")
        pictures = {p.path.stem: p for p in load_pictures(folder.write())}
        finder, cropper = Told(reads_crops=False), Told(finds=False)
        assert [suits(pictures[name], finder) for name in ("c", "n", "s")] == [False, True, True]
        assert [suits(pictures[name], cropper) for name in ("c", "n", "s")] == [True, False, True]
        assert [look.path.stem for look in answers(pictures.values(), finder)] == ["n", "s"]


def piece(text: str, x: float, y: float, *, high: float = 30, likelihood: float = 0.5) -> Piece:
    return Piece(text, likelihood, Box(x, y, 60, high))


class TestPieces:
    @pytest.mark.parametrize(
        ("pieces", "text", "likelihood"),
        [
            ([piece("123", 80, 2), piece("abc", 0, 0)], "ABC123", 0.25),
            ([piece("12D", 3, 40), piece("ABC", 0, 0)], "ABC12D", 0.25),  # two lines
            ([piece("ABC-123", 0, 0), piece("MEDELLIN", 0, 40, high=12)], "ABC123", 0.5),  # small print
            ([piece("ABC123", 0, 0), piece("*", 0, 0, high=90)], "ABC123", 0.5),
        ],
    )
    def test_they_are_joined_in_the_order_of_reading(
        self, pieces: Sequence[Piece], text: str, likelihood: float
    ) -> None:
        assert joined(pieces) == [Guess(text, likelihood)]

    def test_nothing_joined_is_no_guess(self) -> None:
        assert joined([]) == joined([piece("--", 0, 0)]) == []


class TestInstalled:
    def test_a_package_that_is_absent_is_named_with_what_to_install(self) -> None:
        with pytest.raises(AssetError, match=r"not installed \(no_such_reader\): pip install reader==1"):
            installed("no_such_reader", package="reader==1")

    def test_a_package_that_breaks_is_no_crash(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "broken_reader.py").write_text(
            "raise OSError('libfoo.so.1: cannot open shared object file')"
        )
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(AssetError, match=r"cannot be imported: libfoo\.so\.1.*; pip install reader==1"):
            installed("broken_reader", package="reader==1")

    def test_versions_are_named(self) -> None:
        assert versions("click", "no-such-package") == (
            f"click {importlib.metadata.version('click')}, no-such-package of unknown version"
        )


class TestAsk:
    @pytest.fixture
    def nets(self) -> FakeEngine:
        return FakeEngine.that_says({7: reading("ABC123")})

    def test_one_that_is_not_installed_has_a_row(
        self, crop: list[Picture], nets: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone() -> list[Baseline]:
            raise AssetError("not installed (gone): pip install gone==1")

        monkeypatch.setattr(judge, "BASELINES", {"gone": gone, "told": lambda: [Told(Guess("ABC124", 0.7))]})
        pictures = Pictures(crop, [])
        names: list[str] = []

        def track(given: Sequence[Picture], name: str) -> Sequence[Picture]:
            names.append(name)
            return given

        run = judge.measure(nets, pictures, track=track)
        absent, told = (r.as_json() for r in judge.ask(("gone", "told"), pictures, run, track=track))
        assert absent == {"name": "gone", "absent": "not installed (gone): pip install gone==1"}
        assert (told["n"], told["sets"]["s"]["exact"]) == (1, 0.0)
        assert told["ours_on_the_same"]["raw"]["0.005"]["read_rate"] == 1.0
        assert names == ["pictures", "rendered", "1920x1080", "told: pictures", "told: rendered"]

    def test_the_detector_is_timed_on_full_hd(self, scene: list[Picture], nets: FakeEngine) -> None:
        sizes: list[tuple[int, ...]] = []

        class Sizes(FakeDetector):
            def detect(
                self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
            ) -> list[Detection]:
                sizes.append(bgr.shape[:2])
                return super().detect(bgr)

        measured = FakeEngine(Sizes(), nets.reader, nets.grammar)
        run = judge.measure(measured, Pictures(scene * 5, []), track=lambda given, _: given)
        assert sizes.count((1080, 1920)) == 5
        assert run.full_hd.n == 2  # less the warm-ups
        assert run.full_hd.ms is not None

    def test_every_baseline_is_known_by_name(self) -> None:
        assert list(known.BASELINES) == ["easyocr", "rapidocr", "platedet", "simplelpr"]
