"""What ails a camera, in words; and what is usual, over a restart."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from edge_reads import NOON, Clock
from fakes import FakeDetector, FakeReader, FakeVote, at, frame, reading
from passing import Scene

from edge.capture.view import Finding, Memory, ViewWatch
from edge.contract.health import Ailment, CameraHealth, CameraState
from edge.contract.read import ModelVersions
from edge.emission import Emission
from edge.health import memory
from edge.health.memory import Past
from edge.health.rate import Usual
from edge.health.watch import Overheard, PlateSizes, Watch
from edge.health.watches import Watches
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box

LIVE = CameraHealth(camera_id="cam", state=CameraState.LIVE)


def past(*, rate: float = 0.0) -> Past:
    reference = np.tile(np.arange(320, dtype=np.float32) % 5, (180, 1))
    usual = Usual(week=[rate] * 168, weeks=[3] * 168) if rate else Usual()
    return Past("key", usual, 104.0, 500, {"": Memory(reference, 99, [0.4, 0.5], [30, 40])})


class TestPlateSizes:
    def sizes(self, usual_px: float, now_px: float) -> PlateSizes:
        sizes = PlateSizes()
        for _ in range(200):
            sizes.add(usual_px)
        for _ in range(40):
            sizes.add(now_px)
        return sizes

    @pytest.mark.parametrize("now_px", [52.0, 74.0, 160.0])
    def test_plates_of_another_size_are_odd_and_do_not_become_usual(self, now_px: float) -> None:
        sizes = self.sizes(104.0, now_px)
        assert sizes.is_odd
        assert sizes.median_px == now_px
        assert sizes.usual_px == pytest.approx(104.0, rel=0.02)

    def test_a_few_nearer_lanes_are_not(self) -> None:
        assert not self.sizes(104.0, 120.0).is_odd

    def test_before_there_are_a_few_nothing_is_said(self) -> None:
        sizes = PlateSizes()
        for _ in range(19):
            sizes.add(100.0)
        assert sizes.median_px is None
        assert not sizes.is_odd


class SeenView(ViewWatch):
    """Has found this."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._seen = finding

    @property
    def finding(self) -> Finding:
        return self._seen


def read_of(width_px: float) -> Emission:
    """Of a plate so wide."""
    scene = Scene({7: reading("KAB123")})
    scene.show(1.0, lambda s: {7: Box(40 + 240 * s, 120, 120, 60)})
    read = scene.end()[0]
    return replace(read, shot=replace(read.shot, box=Box(40, 120, width_px, 60)))


class TestWords:
    def dull(self) -> Watch:
        """A camera whose picture has gone black and which reads nothing."""
        watch, now = Watch(past(rate=600.0)), NOON
        for _ in range(60):
            now += timedelta(minutes=1)
            watch.tick(LIVE, now=now)
            for second in range(0, 60, 5):
                watch.view.show(np.zeros((90, 160), np.uint8), at=now + timedelta(seconds=second))
        return watch

    def test_all_that_ails_is_named_and_said(self) -> None:
        health = self.dull().told(LIVE, now=NOON)
        assert health.ailments == (Ailment.FEW_READS, Ailment.DARK)
        assert health.detail == "reads fell to 0 % of usual; the picture is dark"
        assert (health.reads_share, health.brightness) == (0.0, 0.0)

    @pytest.mark.parametrize("preset", ["", "gate"])
    @pytest.mark.parametrize(
        ("finding", "ailment", "words"),
        [
            (Finding(is_dark=True), Ailment.DARK, "the picture is dark{at}"),
            (
                Finding(is_strange=True),
                Ailment.OTHER_VIEW,
                "it shows another view{at}: turned away, or covered?",
            ),
            (
                Finding(is_moved=True, shift=(0.031, -0.004)),
                Ailment.MOVED,
                "the view has moved{at}: what it shows lies 3.1 % right and 0.4 % up of its width",
            ),
            (
                Finding(is_moved=True, shift=(-0.02, 0.001)),
                Ailment.MOVED,
                "the view has moved{at}: what it shows lies 2.0 % left of its width",
            ),
            (
                Finding(is_moved=True, shift=(0.0, 0.012)),
                Ailment.MOVED,
                "the view has moved{at}: what it shows lies 1.2 % down of its width",
            ),
            (
                Finding(is_blurred=True, sharpness=0.42),
                Ailment.BLURRED,
                "the picture is blurred{at}: 42 % as sharp as usual",
            ),
        ],
    )
    def test_each_finding_is_named_and_said_with_its_preset(
        self, finding: Finding, ailment: Ailment, words: str, preset: str
    ) -> None:
        watch = Watch(past())
        watch.view = SeenView(replace(finding, preset=preset))
        health = watch.told(LIVE, now=NOON)
        assert health.ailments == (ailment,)
        assert health.detail == words.format(at=f" at preset {preset}" if preset else "")
        assert health.sharpness == finding.sharpness
        way = finding.shift and np.hypot(*finding.shift)
        assert health.view_shift == (None if way is None else pytest.approx(way))

    @pytest.mark.parametrize("now_px", [52.0, 160.0])
    def test_plates_of_another_size_are_named_and_said(self, now_px: float) -> None:
        watch, read = Watch(past()), read_of(now_px)
        for _ in range(40):
            watch.heard(read)
        health = watch.told(LIVE, now=NOON)
        assert health.ailments == (Ailment.PLATE_SIZE,)
        usual_px = watch.past().plate_px
        assert usual_px == pytest.approx(104, abs=1)
        assert health.detail == f"plates are {now_px:.0f} px wide, usually {usual_px:.0f}"
        assert health.plate_px == now_px

    def test_every_ailment_has_words_that_this_looks_at(self) -> None:
        """One that is added must be said too."""
        here = Path(__file__).read_text(encoding="utf-8")
        assert [a for a in Ailment if a is not Ailment.UNKNOWN and f"Ailment.{a.name}" not in here] == []

    def test_of_a_camera_that_is_not_there_nothing_is_said(self) -> None:
        gone = CameraHealth(camera_id="cam", state=CameraState.UNREACHABLE, detail="no route")
        health = self.dull().told(gone, now=NOON)
        assert (health.ailments, health.detail) == ((), "no route")

    def test_a_figure_that_changes_is_no_news_for_a_while(self) -> None:
        watch = Watch(Past(""))
        first = watch._words(Ailment.FEW_READS, "reads fell to 10 %", NOON)
        watch._said = {Ailment.FEW_READS: first}
        soon = watch._words(Ailment.FEW_READS, "reads fell to 11 %", NOON + timedelta(minutes=9))
        assert soon == first
        later = watch._words(Ailment.FEW_READS, "reads fell to 12 %", NOON + timedelta(minutes=10))
        assert later[1] == "reads fell to 12 %"


def test_what_is_read_is_heard_on_its_way_to_the_spool() -> None:
    passed: list[object] = []

    class Taker:
        def put(self, emission: Emission, *, models: ModelVersions) -> None:
            passed.append(emission)

        def retry(self) -> None:
            passed.append("retry")

    heard: list[Emission] = []
    sink = Overheard(Taker(), heard.append)
    pipeline = Pipeline(
        camera=CameraSettings(id="cam", url="rtsp://127.0.0.1/cam"),
        vote=VoteSettings(),
        new_vote=FakeVote,
        detector=FakeDetector(),
        reader=FakeReader({7: reading("KAB123")}),
    )
    watch = Watch(Past(""))
    for n in range(3):
        for emission in pipeline.feed(frame(n / 8, {7: Box(40 + 30.0 * n, 120, 120, 60)}), now=at(n)):
            sink.put(emission, models=ModelVersions(detector="d", reader="r"))
    sink.retry()
    assert passed == [*heard, "retry"]
    assert len(heard) == 1
    for _ in range(20):
        watch.heard(heard[0])
    assert watch.told(LIVE, now=NOON).plate_px == pytest.approx(120, abs=8)


def same(one: Past, other: Past) -> bool:
    alike = [
        np.allclose(a.reference, b.reference, atol=0.01)
        and (a.looks, a.steep, a.steep_looks) == (b.looks, b.steep, b.steep_looks)
        for a, b in zip(one.views.values(), other.views.values(), strict=True)
        if a.reference is not None and b.reference is not None
    ]
    return all(alike) and (one.key, one.usual, one.plate_px, one.plates, list(one.views)) == (
        other.key, other.usual, other.plate_px, other.plates, list(other.views)
    )  # fmt: skip


class TestMemory:
    def test_it_outlives_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "health" / "cam.npz"
        memory.save(path, past(rate=60))
        assert same(memory.load(path, key="key"), past(rate=60))
        assert path.stat().st_mode & 0o777 == 0o600
        assert [p.name for p in path.parent.iterdir()] == ["cam.npz"]

    def test_of_other_settings_it_counts_for_nothing(self, tmp_path: Path) -> None:
        memory.save(tmp_path / "cam.npz", past())
        assert memory.load(tmp_path / "cam.npz", key="other") == Past("other")

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(b"junk" * 100),
            lambda path: path.write_bytes(path.read_bytes()[:-200]),
            lambda path: np.savez(path, about=np.array(json.dumps({"version": 9}))),
            lambda path: np.savez(path, about=np.array(json.dumps([1]))),
            lambda path: np.savez(path, other=np.zeros(3)),
            lambda path: path.write_bytes(b"\0" * 17_000_000),
        ],
    )
    def test_a_damaged_file_is_learnt_anew_and_said(
        self, tmp_path: Path, spoil: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "cam.npz"
        memory.save(path, past())
        spoil(path)
        assert memory.load(path, key="key") == Past("key")
        assert "not known any more" in capsys.readouterr().out

    def test_wherever_a_bit_has_flipped_the_box_still_starts(self, tmp_path: Path) -> None:
        """A disk that ages damages what is packed, not only what the archive says of itself."""
        path = tmp_path / "cam.npz"
        memory.save(path, past(rate=60))
        whole = path.read_bytes()
        lost = 0
        for at_byte in range(0, len(whole), max(1, len(whole) // 500)):
            damaged = bytearray(whole)
            damaged[at_byte] ^= 1 << at_byte % 8
            path.write_bytes(damaged)
            found = memory.load(path, key="key")
            assert found == Past("key") or same(found, past(rate=60)), f"bit {at_byte % 8} of byte {at_byte}"
            lost += not found.views
        assert lost > 50

    def test_its_size_is_bounded(self, tmp_path: Path) -> None:
        dice = np.random.default_rng(1)
        views = {
            f"preset-{n}": Memory(dice.uniform(0, 4, (180, 320)).astype(np.float32), 9) for n in range(100)
        }
        memory.save(tmp_path / "cam.npz", Past("key", views=views))
        assert (tmp_path / "cam.npz").stat().st_size < 4_000_000
        assert len(memory.load(tmp_path / "cam.npz", key="key").views) == ViewWatch.PRESETS


class TestWatches:
    CAMERA = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam")

    def test_what_is_usual_is_saved_now_and_then_and_found_again(self, tmp_path: Path) -> None:
        clock = Clock()
        watches = Watches([self.CAMERA], tmp_path, clock=clock)
        watches.view("cam").show(np.full((90, 160), 90, np.uint8), at=at(0))
        watches.told([LIVE])
        assert list(tmp_path.iterdir()) == []
        clock.advance(601)
        watches.told([LIVE])
        assert [p.name for p in tmp_path.iterdir()] == ["cam.npz"]
        again = Watches([self.CAMERA], tmp_path, clock=clock)
        assert list(again.view("cam").memories()) == [""]

    def test_a_camera_that_looks_elsewhere_by_its_settings_begins_anew(self, tmp_path: Path) -> None:
        watches = Watches([self.CAMERA], tmp_path, clock=Clock())
        watches.view("cam").show(np.full((90, 160), 90, np.uint8), at=at(0))
        watches.save()
        moved = self.CAMERA.model_copy(update={"region": ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))})
        assert Watches([moved], tmp_path, clock=Clock()).view("cam").memories() == {}

    def test_a_disk_that_is_full_costs_the_memory_only_and_is_said_once(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        watches = Watches([self.CAMERA], tmp_path / "file", clock=Clock())
        watches.save()
        watches.save()
        assert capsys.readouterr().out.count("cannot be saved") == 1
