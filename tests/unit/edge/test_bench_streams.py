"""The parts of `bench streams`: footage, what was shown when, and what a box said."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
from clips import write_clip
from edge_reads import builder

from edge.bench.passages import ClipPassage, Sighting
from edge.bench.streams import footage
from edge.bench.streams.baseline import decode_s
from edge.bench.streams.box import Box
from edge.bench.streams.command import _clips
from edge.bench.streams.footage import Footage, Recipe
from edge.bench.streams.load import _playing, _records, _shown, _start_s
from edge.errors import ConfigError
from edge.spool.queue import Spool

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_clip(folder / "calm.mp4", frames=100)
    (folder / "truth").mkdir()
    (folder / "truth" / "calm.csv").write_text(
        "plate,vehicle_type,first_s,last_s\nABC123,car,0.5,1.5\nXYZ98D,motorcycle,2.0,3.5\n"
    )
    return folder


def film(seconds: float = 40.0, *passages: ClipPassage) -> Footage:
    return Footage(Recipe("calm.mp4", "cbr", 3.0), Path("calm.mp4"), passages, seconds)


class TestFootage:
    @pytest.mark.parametrize("rate", ["cbr", "vbr"])
    def test_it_is_what_a_camera_sends(self, videos: Path, tmp_path: Path, rate: footage.Rate) -> None:
        made = footage.make(
            Recipe("calm.mp4", rate, 3.0, times=2),
            videos=videos,
            folder=tmp_path,
            progress=lambda *_: None,
        )
        with av.open(str(made.path)) as container:
            stream = container.streams.video[0]
            packets = [p for p in container.demux(stream) if p.size]
            assert not stream.codec_context.has_b_frames
        assert [n for n, p in enumerate(packets) if p.is_keyframe] == [0, 50, 100, 150]
        assert made.seconds == pytest.approx(8.0)
        assert decode_s(made) > 0

    def test_the_truth_is_told_anew_for_each_time_the_clip_is_shown(
        self, videos: Path, tmp_path: Path
    ) -> None:
        recipe = Recipe("calm.mp4", "vbr", 3.0, times=2)
        made = footage.make(recipe, videos=videos, folder=tmp_path, progress=lambda *_: None)
        assert [(p.plate, p.first_s) for p in made.passages] == [
            ("ABC123", 0.5),
            ("XYZ98D", 2.0),
            ("ABC123", 4.5),
            ("XYZ98D", 6.0),
        ]

    def test_each_time_has_noise_of_its_own(self, videos: Path, tmp_path: Path) -> None:
        recipe = Recipe("calm.mp4", "vbr", 9.0, times=2)
        made = footage.make(recipe, videos=videos, folder=tmp_path, progress=lambda *_: None)
        with av.open(str(made.path)) as container:
            frames = [f.to_ndarray(format="gray").astype(int) for f in container.decode(video=0)]
        assert abs(frames[0] - frames[100]).mean() > 2

    def test_it_is_made_once(self, videos: Path, tmp_path: Path) -> None:
        told: list[tuple[str, int, int]] = []
        recipe = Recipe("calm.mp4", "vbr", 3.0)
        for _ in range(2):
            footage.make(recipe, videos=videos, folder=tmp_path, progress=lambda *t: told.append(t))
        assert told[-1] == ("calm-vbr", 100, 100)
        assert len(told) == 100, "the second time nothing was encoded"
        assert len(list(tmp_path.iterdir())) == 1, "and nothing half-made lies about"

    def test_a_missing_clip_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nothing\.mp4: clip is missing"):
            footage.make(
                Recipe("nothing.mp4", "cbr", 3.0),
                videos=tmp_path,
                folder=tmp_path,
                progress=lambda *_: None,
            )

    def test_a_clip_that_is_none_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "calm.mp4").write_text("no video")
        with pytest.raises(ConfigError, match=r"calm\.mp4: cannot be"):
            footage.make(
                Recipe("calm.mp4", "cbr", 3.0), videos=tmp_path, folder=tmp_path, progress=lambda *_: None
            )


def test_cameras_begin_at_different_key_frames() -> None:
    assert [_start_s(n, film(40.0), 4) for n in range(4)] == [0, 10, 20, 30]
    assert [_start_s(n, film(20.0), 3) for n in range(3)] == [0, 6, 12]
    slow = replace(film(18.8), fps=18.0)
    assert [_start_s(n, slow, 3) * 18 for n in range(3)] == pytest.approx([0, 100, 200]), "50 pictures apart"


class TestRealFootage:
    def test_it_is_shown_by_the_third_busy_camera_where_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "video").mkdir()
        (tmp_path / "video" / "cars.mp4").touch()
        busy = _clips("busy", videos=Path("clips"), data=tmp_path)
        assert [n for n, clip in enumerate(busy) if clip == (footage.REAL, tmp_path / "video")] == [2]
        assert [recipe for recipe, folder in busy if folder == Path("clips")] == list(footage.BUSY)
        street = _clips("street", videos=Path("clips"), data=tmp_path)
        assert street == [(recipe, Path("clips")) for recipe in footage.STREET]

    def test_without_it_the_rendered_clips_are_all(self, tmp_path: Path) -> None:
        busy = _clips("busy", videos=Path("clips"), data=tmp_path)
        assert busy == [(recipe, Path("clips")) for recipe in footage.BUSY]

    def test_it_need_not_have_25_pictures_a_second_nor_a_truth(self, tmp_path: Path) -> None:
        write_clip(tmp_path / "cars.mp4", frames=36, fps=18)
        made = footage.make(footage.REAL, videos=tmp_path, folder=tmp_path, progress=lambda *_: None)
        assert (made.fps, made.seconds, made.passages) == (18, 2, ())
        with av.open(str(made.path)) as container:
            assert container.streams.video[0].average_rate == 18


class TestShown:
    def shown(self, tmp_path: Path, *, start_s: float, until_s: float = 100.0) -> list[float]:
        """When the plate at second 30 to 32 of a clip of 40 s was shown; two passes are in the journal."""
        journal = tmp_path / "passes.jsonl"
        lines: list[dict[str, object]] = [
            {"mount": "cam-0", "session": "s", "started_at": (BEGAN + timedelta(seconds=n)).isoformat()}
            for n in (0, 40)
        ]
        lines.insert(0, {"mount": "cam-0", "session": "plain decoding", "started_at": BEGAN.isoformat()})
        lines.append({"mount": "cam-0", "session": "s", "ended_at": BEGAN.isoformat()})
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        shown = _shown(
            _records(journal, skip=1),
            {"cam-0": film(40.0, ClipPassage("ABC123", "car", 30.0, 32.0))},
            {"cam-0": start_s},
            began=BEGAN,
            ended=BEGAN + timedelta(seconds=until_s),
        )
        assert _playing(journal, skip=1) == 1
        assert all(s.passage.plate == s.clip.plate == "ABC123" for s in shown)
        return [(s.passage.first_at - BEGAN).total_seconds() for s in shown]

    def test_from_the_clips_beginning(self, tmp_path: Path) -> None:
        assert self.shown(tmp_path, start_s=0) == [30, 70]

    def test_from_another_place_on(self, tmp_path: Path) -> None:
        assert self.shown(tmp_path, start_s=20) == [10, 50]
        assert self.shown(tmp_path, start_s=36) == [34, 74]

    def test_what_was_not_shown_whole_does_not_count(self, tmp_path: Path) -> None:
        assert self.shown(tmp_path, start_s=0, until_s=71) == [30]


def test_a_box_has_said_what_its_spool_holds_each_read_as_its_update_has_it(tmp_path: Path) -> None:
    with Spool(
        tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=10_000_000, clock=lambda: BEGAN
    ) as spool:
        first = spool.put_read(builder(), crop=None)
        spool.put_read(builder(), crop=None)
        box = Box(process=None, folder=tmp_path)  # type: ignore[arg-type]  # nothing runs
        said = box.sightings()
    assert len(said) == 2
    assert said[0] == Sighting(first.camera_id, first.plate, first.first_at, first.last_at)


def test_the_times_to_the_spool_come_from_the_log(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(
        "12:00 [info] started edge=bench\n"
        "12:01 [info] read camera=cam-0 likelihood=0.99 track=3 spooled_ms=31.5\n"
        "12:02 [info] update camera=cam-0 likelihood=0.99 track=3 spooled_ms=8\n"
    )
    assert Box(process=None, folder=tmp_path).spooled_ms() == [31.5, 8.0]  # type: ignore[arg-type]
