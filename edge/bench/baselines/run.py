"""Ask a baseline about the pictures, as `edge.bench.recognise` asks us: one record a plate."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from edge.bench.baselines.port import Baseline, Guess
from edge.bench.labels import Label, Picture
from edge.bench.recognise import blank, match
from edge.bench.record import Cost, Look, Record, Said
from edge.bench.speed import timed
from edge.read.crop import cut
from edge.types import Bgr, Box, Detection


def suits(picture: Picture, baseline: Baseline) -> bool:
    """Whether the baseline can be asked about the picture at all."""
    if picture.is_crop:
        return baseline.reads_crops
    return baseline.finds or any(_legible(label) for label in picture.labels)


def answers(pictures: Iterable[Picture], baseline: Baseline) -> Iterator[Look]:
    """Ask about those pictures that suit it, one by one.

    Raises:
        SourceError: a labelled picture is missing or damaged.
    """
    for picture in pictures:
        if suits(picture, baseline):
            bgr = picture.load()
            on_plates = picture.is_crop or not baseline.finds
            yield _plates(picture, bgr, baseline) if on_plates else _scene(picture, bgr, baseline)


def _plates(picture: Picture, bgr: Bgr, baseline: Baseline) -> Look:
    """Each labelled plate by itself, cut out at its label where the picture is a scene."""
    records, reads = [], []
    for label in picture.labels:
        record = replace(blank(picture, label, bgr), found=True)
        if _legible(label) or (picture.is_crop and label.plate is not None):
            crop = bgr if label.box is None else cut(bgr, label.box)
            guesses, cost = timed(partial(baseline.read, crop, country=label.country))
            reads.append(cost)
            record = _said(record, guesses)
        records.append(record)
    return _look(picture, records, detect=None, reads=reads)


def _scene(picture: Picture, bgr: Bgr, baseline: Baseline) -> Look:
    """A whole scene; what it costs, reading included, counts as its finding."""
    country = next((label.country for label in picture.labels), "")
    guesses, cost = timed(partial(baseline.read, bgr, country=country))
    boxed = [g for g in guesses if g.box is not None]
    overlaps = iter(match(picture.boxes, [Detection(g.box, g.likelihood) for g in boxed if g.box]))
    records = []
    for label in picture.labels:
        hit = next(overlaps) if label.box is not None else None
        record = replace(blank(picture, label, bgr), found=hit is not None)
        here = [g for g in boxed if label.box and g.box and _meet(label.box, g.box)]
        records.append(_said(record, here) if label.plate is not None else record)
    stray = sum(all(g.box.iou(box) == 0 for box in picture.boxes) for g in boxed if g.box)
    return replace(_look(picture, records, detect=cost, reads=()), false_boxes=stray)


def _said(record: Record, guesses: Sequence[Guess]) -> Record:
    """The record with the surest of the guesses; a baseline has no grammar of ours, so both strings are that."""
    said = [g for g in guesses if g.text]
    if not said:
        return record
    best = max(said, key=lambda g: g.likelihood)
    answer = Said(best.text, min(max(best.likelihood, 0.0), 1.0))
    return replace(record, raw=answer, decoded=answer)


def _look(picture: Picture, records: Sequence[Record], *, detect: Cost | None, reads: Sequence[Cost]) -> Look:
    return Look(
        path=picture.path,
        set_name=picture.set_name,
        kind=picture.kind,
        records=tuple(records),
        detect=detect,
        reads=tuple(reads),
    )


def _legible(label: Label) -> bool:
    return label.plate is not None and label.box is not None


def _meet(label: Box, guess: Box) -> bool:
    """Whether the middle of one lies in the other: a box of the text alone is rightly smaller than the plate."""
    return _holds(label, guess.centre) or _holds(guess, label.centre)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    x, y = point
    return box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
