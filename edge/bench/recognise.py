"""Find and read the plates of labelled pictures, one record a plate.

Crops are read as they are. Scenes go the whole way: a labelled plate is read where a detection overlaps its box by
half or more; one that is not found has nothing read. One picture, one frame.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge.bench.decode import Decode, likeliest
from edge.bench.labels import Label, Picture
from edge.bench.record import Cost, Look, Record
from edge.bench.speed import timed
from edge.ports import Detector, PlateReader
from edge.read.crop import cut
from edge.types import Bgr, Box, Detection

MATCH_IOU: Final = 0.5


@dataclass(frozen=True, slots=True)
class Recogniser:
    """What is measured.

    Attributes:
        detector: of one thread, for times that compare.
        reader: of one thread likewise.
        decode: how a reading becomes what a camera says.
    """

    detector: Detector
    reader: PlateReader
    decode: Decode


def looks(pictures: Iterable[Picture], recogniser: Recogniser) -> Iterator[Look]:
    """Look at pictures one by one, so that a progress bar may wrap them.

    Raises:
        SourceError: a labelled picture is missing or damaged.
    """
    for picture in pictures:
        yield look(picture, recogniser)


def look(picture: Picture, recogniser: Recogniser) -> Look:
    """Find and read the plates of one picture; the nets are called with one picture at a time.

    Raises:
        SourceError: it is missing or damaged.
    """
    bgr = picture.load()
    found: list[Detection] = []
    detect: Cost | None = None
    if not picture.is_crop:
        found, detect = timed(lambda: recogniser.detector.detect(bgr))
    boxes = iter(match(picture.boxes, found))
    matched = [next(boxes) if label.box is not None else None for label in picture.labels]
    reads: list[Cost] = []
    records = [
        _record(picture, label, bgr, recogniser=recogniser, found=detection, reads=reads)
        for label, detection in zip(picture.labels, matched, strict=True)
    ]
    return Look(
        path=picture.path,
        set_name=picture.set_name,
        kind=picture.kind,
        records=tuple(records),
        false_boxes=sum(all(d.box.iou(box) == 0 for box in picture.boxes) for d in found),
        detect=detect,
        reads=tuple(reads),
    )


def blank(picture: Picture, label: Label, bgr: Bgr) -> Record:
    """The record of a plate of which nothing is said."""
    width = bgr.shape[1] if picture.is_crop else label.box.width if label.box else None
    return Record(
        path=picture.path,
        set_name=picture.set_name,
        kind=picture.kind,
        country=label.country,
        truth=label.plate,
        width_px=width,
        found=picture.is_crop,
        vehicle=label.vehicle,
        light=label.light,
    )


def match(truth: Sequence[Box], found: Sequence[Detection]) -> list[Detection | None]:
    """For each labelled box the detection that overlaps it by half or more; each serves once, best pairs first."""
    pairs = [(box.iou(d.box), i, j) for i, box in enumerate(truth) for j, d in enumerate(found)]
    matched: list[Detection | None] = [None] * len(truth)
    used: set[int] = set()
    for overlap, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if overlap >= MATCH_IOU and matched[i] is None and j not in used:
            matched[i] = found[j]
            used.add(j)
    return matched


def _record(
    picture: Picture,
    label: Label,
    bgr: Bgr,
    *,
    recogniser: Recogniser,
    found: Detection | None,
    reads: list[Cost],
) -> Record:
    record = blank(picture, label, bgr)
    if found is not None:
        record = replace(record, found=True, box=found.box)
    if label.plate is None or not record.found:
        return record
    crop = bgr if found is None else cut(bgr, found.box)
    (reading,), cost = timed(lambda: recogniser.reader.read([crop]))
    reads.append(cost)
    return replace(
        record, lines=reading.lines, raw=likeliest(reading), decoded=recogniser.decode(reading, label, found)
    )
