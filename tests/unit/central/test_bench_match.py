"""The days of a made-up city: what is replayed, and what is counted."""

import gzip
import json
import random
from pathlib import Path

import pytest

from central.bench import match as bench
from central.bench.match import City, Traffic, calibrate, day
from central.bench.replay import Passage, Replay, load
from central.errors import ConfigError
from edge.contract.read import Character, CharacterAlternative


def a_passage(truth: str, plate: str, *, likelihood: float, other: float = 0.0, picture: int = 1) -> Passage:
    """Where the two differ, the truth is the alternative."""
    characters = tuple(
        Character(char=p, likelihood=1.0)
        if p == t
        else Character(
            char=p, likelihood=likelihood, alternatives=(CharacterAlternative(char=t, likelihood=other),)
        )
        for t, p in zip(truth, plate, strict=True)
    )
    return Passage(picture, truth, plate, likelihood, characters)


PLAIN = a_passage("ABC123", "ABC123", likelihood=0.9999)
WRONG = a_passage("KLM708", "KLM709", likelihood=0.6, other=0.4)
CERTAIN = a_passage("KLM708", "KLM709", likelihood=0.995)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "DRIVING", 0.5)
    monkeypatch.setattr(bench, "_EDIT_SHARE", 1)


def counted(*passages: Passage, least: float = 0.3, seed: int = 1, doubled: bool = False) -> dict[str, int]:
    city = City(100, seed, vehicles=600)
    traffic = Traffic(3_000, seed, doubled)
    return day(city, Replay(passages), traffic, least=least, tell=lambda _: None)


def test_half_the_pictures_are_kept_from_what_is_measured(tmp_path: Path) -> None:
    bank = tmp_path / "bank.jsonl.gz"
    said = {"of": "rendered", "truth": "AB1", "likelihood": 0.9}
    lines = [
        said | {"picture": n, "characters": [["A", 1.0], ["8", 0.9, "B", 0.1], ["1", 1.0]]} for n in range(10)
    ]
    bank.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    halves = [load([bank], half=half) for half in (0, 1)]
    assert [sorted(p.picture for p in half) for half in halves] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    first = halves[0][0]
    assert (first.truth, first.plate, first.is_plain) == ("AB1", "A81", False)
    assert first.characters[1].alternatives == (CharacterAlternative(char="B", likelihood=0.1),)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b'{"truth": "A"}'), gzip.compress(b"[1]")],
    ids=["nothing", "no gzip", "no passage", "no object"],
)
def test_what_is_no_bank_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bank").write_bytes(content)
    with pytest.raises(ConfigError, match="bank"):
        load([tmp_path / "bank"], half=0)


def test_what_was_said_of_a_character_is_said_of_it_on_another_plate() -> None:
    replay = Replay([a_passage("A0", "AO", likelihood=0.7, other=0.3), a_passage("C8", "C8", likelihood=0.7)])
    said = replay.on("80", replay.passages[0], random.Random(1))
    assert (said.plate, [c.likelihood for c in said.characters]) == ("8O", [1.0, 0.7])
    assert said.likelihood == pytest.approx(0.7)


def test_a_character_that_was_lost_or_made_up_is_lost_or_made_up_elsewhere_too() -> None:
    longer = Passage(1, "AB1", "AB11", 0.8, tuple(Character(char=c, likelihood=1.0) for c in "AB11"))
    shorter = Passage(1, "AB1", "A1", 0.8, tuple(Character(char=c, likelihood=1.0) for c in "A1"))
    replay = Replay([longer, shorter])
    assert len(replay.on("XYZ123", longer, random.Random(1)).plate) == 7
    assert len(replay.on("XYZ123", shorter, random.Random(1)).plate) == 5
    assert replay.on("X", shorter, random.Random(1)).plate == "X", "something is left"


def test_a_city_is_the_same_each_time_and_its_entries_are_as_many_as_asked_for() -> None:
    city = City(100, 7, vehicles=600)
    assert (len(city.vehicles), len(set(city.vehicles)), len(city.listed)) == (600, 600, 100)
    assert set(city.driving) <= city.listed
    assert len(city.driving) == 50
    assert city.listed & set(city.vehicles) == set(city.driving)
    assert not city.known & city.listed
    assert City(100, 7, vehicles=600).vehicles == city.vehicles != City(100, 8, vehicles=600).vehicles


def test_where_all_is_read_plainly_nobody_is_missed_and_nobody_alerted_wrongly_but_by_one_edit() -> None:
    found = counted(PLAIN)
    assert found["listed"] > 100
    assert (found["missed"], found["false"], found["exact_missed"], found["exact_false"]) == (0, 0, 0, 0)


def test_a_misread_that_doubts_itself_is_missed_exactly_and_found_by_likelihood() -> None:
    found = counted(WRONG)
    assert found["exact_missed"] > 0
    assert found["missed"] < found["exact_missed"]
    assert counted(WRONG, least=0.9)["missed"] > found["missed"]


def test_a_misread_that_is_sure_of_itself_is_missed_by_both() -> None:
    found = counted(CERTAIN, PLAIN)
    assert found["missed"] == found["exact_missed"] > 0


def test_doubled_confusion_is_more_of_it() -> None:
    once, twice = (counted(PLAIN, PLAIN, PLAIN, CERTAIN, doubled=doubled) for doubled in (False, True))
    assert twice["exact_missed"] > 1.3 * once["exact_missed"]


def test_the_curve_falls_and_rises_with_the_limit() -> None:
    curve = calibrate(
        City(0, 3, vehicles=600), Replay([PLAIN, WRONG, CERTAIN]), Traffic(2_000, 3), tell=lambda _: None
    )
    assert list(curve.false) == sorted(curve.false, reverse=True)
    assert list(curve.missed) == sorted(curve.missed)
    assert curve.false[0] > 0
    assert 0.04 < curve.missed[0] < 0.15, "a third of those with an 8, of which some are sure that it is a 9"


def test_one_edit_is_a_character_more_less_or_another() -> None:
    assert bench._is_near("ABC123", "ABC123")
    assert bench._is_near("ABC123", "ABC12")
    assert bench._is_near("ABC12", "ABC123")
    assert bench._is_near("ABC123", "ABD123")
    assert not bench._is_near("ABC123", "ABD124")
    assert not bench._is_near("ABC123", "BAC123")
