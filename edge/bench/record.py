"""What one look at a labelled picture gave: the facts from which every figure is computed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge.types import Box

Kind = Literal["scene", "crop"]


@dataclass(frozen=True, slots=True)
class Said:
    """What something read, and the likelihood that it gives its own answer, 0..1; nothing read: empty, at 0."""

    text: str
    likelihood: float


NOTHING: Final = Said("", 0.0)


@dataclass(frozen=True, slots=True)
class Cost:
    """One call: wall clock, and processor time of the whole process, all its threads together. Seconds.

    Beside other work on the machine the processor time is the steadier one; alone and on one thread they agree.
    """

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled plate.

    Attributes:
        country: as labelled: ISO code, EU, US-XX, INT.
        truth: what it says; None where nobody read it.
        width_px: of the labelled box, or of the picture where that is the plate; None where no box is labelled.
        found: a detection overlaps its box by half or more; a crop needs no finding.
        box: the detection that was cut out and read; None for a crop.
        lines: 1 or 2, as the reader says; None where nothing was read.
        raw: the likeliest string, without any grammar.
        decoded: what a camera says that saw this one frame and knows its country.
        vehicle: what bears the plate, where the label says so.
        light: day or night, where the label says so.
    """

    path: Path
    set_name: str
    kind: Kind
    country: str
    truth: str | None
    width_px: float | None
    found: bool
    box: Box | None = None
    lines: int | None = None
    raw: Said = NOTHING
    decoded: Said = NOTHING
    vehicle: str = ""
    light: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture.

    Attributes:
        records: its labelled plates.
        false_boxes: detections that overlap no labelled box at all.
        detect: cost of the detector; None for a crop.
        reads: cost of each crop that was read.
    """

    path: Path
    set_name: str
    kind: Kind
    records: tuple[Record, ...]
    false_boxes: int = 0
    detect: Cost | None = None
    reads: tuple[Cost, ...] = ()
