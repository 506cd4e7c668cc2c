"""What the demo says at its end adds up."""

import importlib.util
import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from central_reads import NOON

from edge.bench.passages import Passage, Sighting, score

MEASURE = Path(__file__).resolve().parents[2] / "configs" / "demo" / "measure.py"


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_measure", MEASURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_key_is_explained(measure: ModuleType) -> None:
    readme = (MEASURE.parents[2] / "README.md").read_text(encoding="utf-8")
    others = {"archive", "reads", "alerts", "archived", "lost", "duplicates"}
    keys = {*measure.counts(score([], []), cut=0), *others}
    assert [key for key in keys if f"`{key}`" not in readme] == []


def shown(at_s: float, **more: object) -> dict[str, object]:
    """A line of the cameras' log."""
    return {"mount": "day", "session": "s", "started_at": span(0)[0] + timedelta(seconds=at_s), **more}


def write(log: Path, *lines: dict[str, object]) -> Path:
    log.write_text("".join(json.dumps(line, default=lambda at: at.isoformat()) + "\n" for line in lines))
    return log


TRUTH = "plate,vehicle_type,first_s,last_s\nAAA111,car,1,3\nBBB222,car,11,13\nCCC333,car,14,16\nDDD444,car,17,19\n"


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for clip in ("day", "ptz"):
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / "truth" / f"{clip}.csv").write_text(TRUTH)
    return tmp_path


def test_what_an_end_cuts_counts_neither_way(measure: ModuleType, videos: Path, tmp_path: Path) -> None:
    log = write(tmp_path / "log", shown(0, clip="day", from_s=0.0), shown(20, clip="day", from_s=0.0))
    completed, cut = measure.passages_shown(log, videos=videos, ended_at=NOON + timedelta(seconds=32))
    assert [p.plate for p in completed] == ["AAA111", "BBB222", "CCC333", "DDD444", "AAA111"]
    assert [p.plate for p in cut] == ["BBB222"]
    early = {**shown(0), "ended_at": NOON + timedelta(seconds=15)}
    log = write(tmp_path / "log", shown(0, clip="day", from_s=0.0), early)
    completed, cut = measure.passages_shown(log, videos=videos, ended_at=NOON + timedelta(seconds=32))
    assert ([p.plate for p in completed], [p.plate for p in cut]) == (["AAA111", "BBB222"], ["CCC333"])


def test_of_a_turning_camera_what_it_stood_before_counts(
    measure: ModuleType, videos: Path, tmp_path: Path
) -> None:
    """It arrives where the clip is in its tenth second, and leaves in its eighteenth."""
    lines = [shown(0, clip="1"), shown(2, clip="ptz", from_s=10.0), shown(10, clip="2")]
    log = write(tmp_path / "log", *({**line, "mount": "ptz"} for line in lines))
    completed, cut = measure.passages_shown(log, videos=videos, ended_at=NOON + timedelta(seconds=60))
    assert [p.plate for p in cut] == ["BBB222", "DDD444"], "not at rest yet, and away before it had passed"
    assert [p.plate for p in completed] == ["CCC333"]
    assert completed[0].first_at == NOON + timedelta(seconds=6)


def span(second: int) -> tuple[object, object]:
    return NOON + timedelta(seconds=second), NOON + timedelta(seconds=second + 2)


def test_every_read_and_every_passage_is_counted_once(measure: ModuleType) -> None:
    shown = [
        Passage("day", plate, *span(at)) for plate, at in (("AAA111", 0), ("BBB222", 10), ("CCC333", 20))
    ]
    cut = [Passage("day", "DDD444", *span(30))]
    sightings = [
        Sighting("day", "AAA111", *span(0)),
        Sighting("day", "BBB228", *span(10)),
        Sighting("day", "XXX999", *span(50)),
        Sighting("day", "DDD444", *span(30)),
    ]
    result, cut_reads = measure.drop_cut(score([*shown, *cut], sightings), set(cut))
    line = measure.counts(result, cut=cut_reads)
    assert (line["passages"], line["correct"], line["missed"], line["cut"]) == (3, 1, 1, 1)
    assert line["passages"] == line["correct"] + line["wrong"] + line["missed"]
    assert len(sightings) == line["correct"] + line["false"] + line["cut"]
    assert line["false"] == line["wrong"] + line["surplus"] == 2
