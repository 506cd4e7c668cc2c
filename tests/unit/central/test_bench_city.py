"""The made-up city of the benchmarks: plates of Colombia, no two alike, and reads as boxes send them."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from central.bench import city
from central.bench.centre import FALSE_A_DAY
from central.consume.parse import parse
from central.hotlist.budget import LEAST, limit_of_list
from central.hotlist.grammar import load_grammar
from central.sections import MatchSettings
from central.types import Arrival, ReadArrival
from edge.contract.topics import Address

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BOX = Address("bench", "box-1")


@given(st.sets(st.integers(0, 2 * 17_576_000 - 1), min_size=2, max_size=200))
def test_no_two_vehicles_bear_one_plate(vehicles: set[int]) -> None:
    assert len({city.plate(vehicle) for vehicle in vehicles}) == len(vehicles)


def test_plates_are_colombias() -> None:
    assert city.plate(0) == ("AAA00A", "motocicleta")
    assert city.plate(1) == ("AAA000", "particular")
    assert all(len(city.plate(n)[0]) == 6 for n in range(1000))


def test_reads_are_what_the_centre_takes() -> None:
    traffic = city.Traffic(BOX, epoch=1, listed=10, seed=3)
    for seq in range(1, 50):
        topic, payload = traffic.read(seq, at=NOW)
        record = parse(Arrival(topic, payload, NOW, 1))
        assert isinstance(record, ReadArrival)
        assert record.read.id == (BOX.edge_id, 1, seq)


def test_the_same_seed_is_the_same_traffic() -> None:
    one, other = (city.Traffic(BOX, epoch=1, listed=10, seed=3).read(1, at=NOW) for _ in range(2))
    assert one == other


def test_the_hotlist_is_whole_and_lists_some_who_drive(tmp_path: Path) -> None:
    grammar = load_grammar()
    files = list(city.hotlist(tmp_path, 1000, lines=400))
    assert [file.name for file in files] == ["hotlist-0.csv", "hotlist-1.csv", "hotlist-2.csv"]
    plates = [line.split(",")[0] for file in files for line in file.read_text().splitlines()[1:]]
    assert len(set(plates)) == 1000
    assert plates[: city.DRIVING] == [city.plate(n)[0] for n in range(city.DRIVING)]
    assert "CO" in grammar.countries


def test_the_centre_under_load_takes_every_read_of_a_long_list_for_a_hit() -> None:
    found = limit_of_list(1_000_000, MatchSettings(false_a_day=FALSE_A_DAY), None)
    assert (found.least, found.is_kept) == (LEAST, True)
