"""What the demo says at its end adds up."""

import importlib.util
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
