"""A made-up city: which vehicles pass where, and who among them is looked for.

Vehicles are numbers; a plate is its number spelt as Colombia spells cars and motorcycles. The first `VEHICLES` of
them drive; of the hotlist's the first `DRIVING` do too, and all others have never been seen.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import ascii_uppercase
from typing import Final

from edge.contract.read import Box, Character, CharacterAlternative, ModelVersions, PlateRead, Scored, Vehicle
from edge.contract.topics import Address, Kind, Numbered

VEHICLES: Final = 2_000_000
DRIVING: Final = 100
CAMERAS: Final = 4
"""A box."""
_SPELT: Final = 26**3 * 1000
_STRIDE: Final = 7_368_787  # prime: neighbours in number are none in spelling


def plate(vehicle: int) -> tuple[str, str]:
    """Plate and class of a vehicle, the same each time, no two alike."""
    number = vehicle // 2 * _STRIDE % _SPELT
    letters, digits = divmod(number, 1000)
    spelt = "".join(ascii_uppercase[letters // 26**power % 26] for power in (2, 1, 0))
    if vehicle % 2:
        return f"{spelt}{digits:03d}", "particular"
    return f"{spelt}{digits // 10:02d}{ascii_uppercase[digits % 10]}", "motocicleta"


class Traffic:
    """The reads of one box, in order.

    Args:
        address: of the box.
        epoch: of its spool.
        listed: one read in so many is of a vehicle that is looked for.
        seed: same seed, same reads.

    Attributes:
        hits: numbers of the reads so far that are of vehicles that are looked for.
    """

    def __init__(self, address: Address, *, epoch: int, listed: int, seed: int) -> None:
        self._address, self._epoch, self._listed = address, epoch, listed
        self.hits: list[int] = []
        self._random = random.Random(seed)  # noqa: S311  # the same traffic each time
        self._frame = _frame(address, epoch)

    def read(self, seq: int, *, at: datetime) -> tuple[str, bytes]:
        """Topic and payload of the read of this number, of whichever vehicle, taken at this moment."""
        chance = self._random
        if chance.randrange(self._listed) == 0:
            vehicle = chance.randrange(DRIVING)
            self.hits.append(seq)
        else:
            vehicle = _driven(chance)
        return self.passing(vehicle, seq, at=at)

    def passing(self, vehicle: int, seq: int, *, at: datetime) -> tuple[str, bytes]:
        """The same, of this vehicle."""
        text, plate_class = plate(vehicle)
        camera_id = f"cam-{seq % CAMERAS}"
        topic = Numbered(self._address, camera_id, Kind.READ, self._epoch, seq, seq)
        characters = tuple(
            Character(
                char=char,
                likelihood=0.98,
                alternatives=tuple(
                    CharacterAlternative(char=other, likelihood=0.01) for other in "08" if other != char
                ),
            )
            for char in text
        )
        read = self._frame.model_copy(
            update={
                "seq": seq,
                "camera_id": camera_id,
                "first_at": at - timedelta(seconds=0.8),
                "best_at": at - timedelta(seconds=0.4),
                "last_at": at,
                "emitted_at": at,
                "plate_raw": text,
                "plate": text,
                "likelihood": round(self._random.uniform(0.9, 1.0), 4),
                "plate_class": Scored(value=plate_class, likelihood=0.97),
                "characters": characters,
                "track_id": seq,
            }
        )
        return str(topic), read.model_dump_json().encode()


def hotlist(folder: Path, entries: int, *, lines: int = 250_000, driving: int = DRIVING) -> Iterator[Path]:
    """Write the hotlist, in files of so many lines at most.

    So many of the first entries are of vehicles that drive, the others of vehicles that have never been seen.
    """
    until = f"{datetime.now(UTC).year + 1}-12-31"
    vehicles = [*range(min(driving, entries)), *range(VEHICLES, VEHICLES + entries - min(driving, entries))]
    for begin in range(0, entries, lines):
        path = folder / f"hotlist-{begin // lines}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("plate,country,plate_class,reason,source,case_number,valid_until\n")
            for vehicle in vehicles[begin : begin + lines]:
                text, plate_class = plate(vehicle)
                file.write(f"{text},CO,{plate_class},stolen,bench,{vehicle},{until}\n")
        yield path


def _driven(chance: random.Random) -> int:
    """Few vehicles drive often, most seldom (log-uniform, which is close to Zipf's law)."""
    return DRIVING + int((VEHICLES - DRIVING) ** chance.random())


def _frame(address: Address, epoch: int) -> PlateRead:
    """What all reads of a box have in common."""
    at = datetime.now(UTC)
    return PlateRead(
        edge_id=address.edge_id,
        epoch=epoch,
        seq=1,
        site_id=address.site_id,
        camera_id="cam-0",
        first_at=at,
        best_at=at,
        last_at=at,
        emitted_at=at,
        clock_error_s=0.004,
        plate_raw="A",
        plate="A",
        likelihood=0.97,
        country=Scored(value="CO", likelihood=0.99),
        characters=(Character(char="A", likelihood=0.98),),
        votes=5,
        frames=6,
        box=Box(x=0.42, y=0.61, width=0.07, height=0.04),
        vehicle=Vehicle(type=Scored(value="Motorcycle", likelihood=0.93)),
        track_id=1,
        direction="approaching",
        models=ModelVersions(detector="plate@0123456789ab", reader="atalaya-plate@0123456789ab"),
    )
