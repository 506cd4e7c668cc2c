"""Days of a made-up city against a hotlist: false alerts and misses by likelihood, by the exact plate, by one edit.

Vehicles are Colombian cars and motorcycles, as dense among the strings that such plates can bear as in a city of this
size, so listed plates have their look-alikes on the road. Each passage is read as some passage of the bank was
(`central.bench.replay`). Days are measured on one half of the bank's pictures; the curve that limits are taken from was
made on the other half, with other seeds. Every read that hits wrongly counts; none are put together.
"""

import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

from central.bench.replay import Replay, Said
from central.bench.replay import load as load_bank
from central.hotlist.budget import GRID, Curve, limit
from central.maintain import Step
from edge.contract.match import likelihood_of, spellings
from edge.contract.pattern import ALPHABET

VEHICLES: Final = 1_600_000
"""Of the city, each as likely to pass as any other."""
MOTORCYCLES: Final = 9 / 16
"""Share of them."""
LISTED_MOTORCYCLES: Final = 0.75
DRIVING: Final = 0.03
"""Share of what is listed that is on the road that day; the rest drives elsewhere or stands in a yard."""
KNOWN: Final = 0.9
"""Share of the city's vehicles that its cameras have seen day after day; the others are new to it."""
_CAR_STRINGS: Final = 26**3 * 1000
_MOTORCYCLE_STRINGS: Final = 26**3 * 100 * 26
_CHUNK: Final = 100_000
_SPEED_ENTRIES: Final = 1_000_000
_SPEED_READS: Final = 50_000
_EDIT_SHARE: Final = 100
"""One edit is counted over one passage of so many: it finds false alerts without number."""

Tell = Callable[[Step], None]
"""Told of each step."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is made up.

    Attributes:
        entries: of the hotlist.
        reads: of a day.
        seeds: days.
        budget: false alerts a day.
        vehicles: of the city.
    """

    entries: int
    reads: int
    seeds: int
    budget: float
    vehicles: int = VEHICLES


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passes in a day.

    Attributes:
        reads: passages.
        seed: same seed, same traffic.
        doubled: passages that are not read plainly are twice as likely.
    """

    reads: int
    seed: int
    doubled: bool = False


class City:
    """Who drives, and who is looked for."""

    def __init__(self, entries: int, seed: int, *, vehicles: int = VEHICLES) -> None:
        chance = random.Random(seed)  # noqa: S311  # the same city each time
        bikes = round(vehicles * MOTORCYCLES)
        cars = [_car(number) for number in chance.sample(range(_CAR_STRINGS), vehicles - bikes)]
        motorcycles = [_motorcycle(number) for number in chance.sample(range(_MOTORCYCLE_STRINGS), bikes)]
        self.vehicles: Final = cars + motorcycles
        on_road = round(entries * DRIVING)
        listed_bikes = round(on_road * LISTED_MOTORCYCLES)
        self.driving: Final = [*motorcycles[:listed_bikes], *cars[: on_road - listed_bikes]]
        self.listed: Final = set(self.driving)
        everybody = set(self.vehicles)
        self.known: Final = {plate for plate in self.vehicles if chance.random() < KNOWN} - self.listed
        while len(self.listed) < entries:
            if chance.random() < LISTED_MOTORCYCLES:
                plate = _motorcycle(chance.randrange(_MOTORCYCLE_STRINGS))
            else:
                plate = _car(chance.randrange(_CAR_STRINGS))
            if plate not in everybody:
                self.listed.add(plate)


def passing(city: City, replay: Replay, traffic: Traffic, *, tell: Tell) -> Iterator[tuple[str, Said | None]]:
    """Plates that pass, and as what they are read; None: as they are, and as surely as can be."""
    chance = random.Random(traffic.seed)  # noqa: S311
    plain = [each.is_plain for each in replay.passages]
    weights = [1 if each or not traffic.doubled else 2 for each in plain]
    for done in range(0, traffic.reads, _CHUNK):
        tell(Step(f"passages of seed {traffic.seed}", done, traffic.reads))
        count = min(_CHUNK, traffic.reads - done)
        numbers = chance.choices(range(len(plain)), weights, k=count)
        for truth, number in zip(chance.choices(city.vehicles, k=count), numbers, strict=True):
            yield truth, None if plain[number] else replay.on(truth, replay.passages[number], chance)


def day(city: City, replay: Replay, traffic: Traffic, *, least: float, tell: Tell) -> Counter[str]:
    """False alerts and misses of a day: `false` and `missed` by likelihood, and by each of the other ways.

    Args:
        city: who drives.
        replay: how they are read.
        traffic: how many pass.
        least: likelihood from which on a listed plate raises an alert.
        tell: is told of progress.
    """
    found: Counter[str] = Counter()
    for number, (truth, said) in enumerate(passing(city, replay, traffic, tell=tell)):
        is_listed = truth in city.listed
        plate = truth if said is None else said.plate
        likely = {truth} & city.listed if said is None else _likely(said, city, least)
        found["listed"] += is_listed
        found["false"] += len(likely - {truth})
        found["missed"] += is_listed and truth not in likely
        found["exact_false"] += plate in city.listed and plate != truth
        found["exact_missed"] += is_listed and plate != truth
        found["edit1_missed"] += is_listed and not _is_near(plate, truth)
        if number % _EDIT_SHARE == 0:
            near = {plate, *_one_off(plate)} & city.listed
            found["edit1_false"] += _EDIT_SHARE * len(near - {truth})
    return found


def _likely(said: Said, city: City, least: float) -> set[str]:
    spelt = spellings(said)
    listed = [each.text for each in spelt if each.text in city.listed]
    return {text for text in listed if likelihood_of(text, spelt, city.known) >= least}


def calibrate(city: City, replay: Replay, traffic: Traffic, *, tell: Tell) -> Curve:
    """What limits cost, of passages of which nobody is listed: how often each other plate is held so likely.

    Args:
        city: of which nobody is listed.
        replay: how plates are read; of pictures that nothing is reported from.
        traffic: how many pass.
        tell: is told of progress.
    """
    false, missed = [0.0] * len(GRID), [0] * len(GRID)
    for truth, said in passing(city, replay, traffic, tell=tell):
        if said is None:
            continue
        spelt = spellings(said)
        true = likelihood_of(truth, spelt, city.known)
        wrong = [
            (likelihood_of(each.text, spelt, city.known), share)
            for each in spelt
            if each.text != truth and (share := _listed_share(each.text))
        ]
        for place, least in enumerate(GRID):
            missed[place] += true < least
            false[place] += sum(share for likelihood, share in wrong if likelihood >= least)
    shares = ([each / traffic.reads for each in counted] for counted in (false, missed))
    return Curve(GRID, *map(tuple, shares))


def _listed_share(text: str) -> float:
    """Probability that one entry of a list as ours is this very string."""
    if len(text) != 6 or not (text[:3].isalpha() and text[3:5].isdigit()):
        return 0.0
    if text[5].isdigit():
        return (1 - LISTED_MOTORCYCLES) / _CAR_STRINGS
    return LISTED_MOTORCYCLES / _MOTORCYCLE_STRINGS


def run(load: Load, banks: Sequence[Path], curve: Curve, *, tell: Tell) -> dict[str, Any]:
    """Means over the days, with the confusion as it is and doubled, and how fast reads are matched.

    The days are shared out to all cores; how fast reads are matched is measured on one, once they are done.
    """
    bound = limit(curve, entries=load.entries, reads_a_day=load.reads, false_a_day=load.budget)
    days: dict[bool, list[Counter[str]]] = {False: [], True: []}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        asked = [(seed, doubled) for seed in range(1, load.seeds + 1) for doubled in days]
        found = [
            pool.submit(_a_day, banks, load, Traffic(load.reads, seed, doubled), bound.least)
            for seed, doubled in asked
        ]
        for done, ((_, doubled), each) in enumerate(zip(asked, found, strict=True)):
            tell(Step("days", done, len(asked)))
            days[doubled].append(each.result())
    replay = Replay(load_bank(banks, half=1))
    reads_s, index_mib = speed(replay, entries=_SPEED_ENTRIES, reads=_SPEED_READS, seed=load.seeds)
    as_is, twice = (_means(found) for found in days.values())
    return {
        **as_is,
        "least": bound.least,
        "expected_false": round(bound.false_a_day, 2),
        "expected_missed": bound.missed,
        "reads_s": round(reads_s),
        "index_mib": round(index_mib, 1),
        "doubled_confusion": twice,
    }


def _a_day(banks: Sequence[Path], load: Load, traffic: Traffic, least: float) -> Counter[str]:
    city, replay = City(load.entries, traffic.seed, vehicles=load.vehicles), Replay(load_bank(banks, half=1))
    return day(city, replay, traffic, least=least, tell=lambda _: None)


def _means(days: list[Counter[str]]) -> dict[str, Any]:
    mean = {name: statistics.mean(each[name] for each in days) for name in sorted(set().union(*days))}
    ways = {
        way: {"false_alerts": mean[f"{way}_false"], "misses": mean[f"{way}_missed"]}
        for way in ("exact", "edit1")
    }
    return {
        "false_alerts": mean["false"],
        "misses": mean["missed"],
        "listed_passages": mean["listed"],
        **ways,
    }


def speed(replay: Replay, *, entries: int, reads: int, seed: int) -> tuple[float, float]:
    """Reads a second that one core matches against so many entries, and what these take up, MiB."""
    chance = random.Random(seed)  # noqa: S311
    listed = frozenset(_motorcycle(number) for number in chance.sample(range(_MOTORCYCLE_STRINGS), entries))
    size = sys.getsizeof(listed) + sum(map(sys.getsizeof, listed))
    plates = (_motorcycle(chance.randrange(_MOTORCYCLE_STRINGS)) for _ in range(reads))
    said = [replay.on(plate, chance.choice(replay.passages), chance) for plate in plates]
    began = time.perf_counter()
    for each in said:
        spelt = spellings(each)
        for spelling in spelt:
            if spelling.text in listed:
                likelihood_of(spelling.text, spelt, listed)
    return reads / (time.perf_counter() - began), size / 2**20


def _car(number: int) -> str:
    letters, rest = divmod(number, 1000)
    return f"{_letters(letters)}{rest:03d}"


def _motorcycle(number: int) -> str:
    letters, rest = divmod(number, 2600)
    return f"{_letters(letters)}{rest // 26:02d}{ascii_uppercase[rest % 26]}"


def _letters(number: int) -> str:
    return "".join(ascii_uppercase[number // 26**power % 26] for power in (2, 1, 0))


def _one_off(plate: str) -> Iterator[str]:
    """Every string that differs from it in one character, or lacks or has one more."""
    for place in range(len(plate) + 1):
        for char in ALPHABET:
            yield plate[:place] + char + plate[place + 1 :]
            yield plate[:place] + char + plate[place:]
        yield plate[:place] + plate[place + 1 :]


def _is_near(one: str, other: str) -> bool:
    return one == other or other in _one_off(one)
