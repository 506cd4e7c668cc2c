"""What the whole edge path says of the labelled vehicles: its own boxes, vehicles and plate backgrounds.

python -m models.vehicle_colour.measure --data ../shared/data [--split valid]
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.engine import Engine, build
from edge.read.crop import cut
from edge.read.paint import UNTOLD
from edge.read.vehicle_colour import BODIES, Colours, palette, shares
from edge.types import Bgr
from models.vehicle_colour.samples import LABELS, MOTORCYCLE
from models.vehicle_colour.train import TOLD, shown

DUSK: Final = "rodash_"
"""How the pictures of ro begin, mostly of dusk; counted apart."""


def said(picture: Bgr, engine: Engine) -> str | None:
    """The colour of the vehicle with the largest plate found; None where none is told."""
    found = max(engine.detector.detect(picture), key=lambda d: d.box.area, default=None)
    if found is None or not found.vehicle or found.vehicle[0].value not in BODIES:
        return None
    (reading,) = engine.reader.read([cut(picture, found.box)])
    colours = Colours()
    colours.add(shares(picture, found.box, background=reading.background, known=palette()), weight=1.0)
    best = colours.best(sure=palette().sure)
    return best.value if best else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print coverage and the share of right colours, one line a mistake."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled pictures")
    parser.add_argument("--split", default="valid", choices=("train", "valid"))
    options = parser.parse_args(arguments)
    engine = build("openvino", threads=1)
    known = hits = answers = 0
    unnamed, unnamed_ro, motorcycles = [0, 0], [0, 0], [0, 0]
    with LABELS.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == options.split]
    for row in rows:
        picture = cv2.imread(str(options.data / row["path"]))
        if picture is None:
            sys.stderr.write(f"{options.data / row['path']}: no picture\n")
            return 1
        name = said(np.asarray(picture, np.uint8), engine)
        if row["colours"] in (UNTOLD, MOTORCYCLE):
            apart = (
                motorcycles
                if row["colours"] == MOTORCYCLE
                else unnamed_ro
                if Path(row["path"]).name.startswith(DUSK)
                else unnamed
            )
            apart[0] += name is not None
            apart[1] += 1
            continue
        known += 1
        answers += name is not None
        is_right = name in {TOLD.get(c, c) for c in row["colours"].split("|")}
        hits += is_right
        if name is not None and not is_right:
            sys.stdout.write(f"  {row['path']}: {row['colours']}, told {name}\n")
    misled = unnamed[0] + unnamed_ro[0]
    sys.stdout.write(
        f"{options.split}: told {answers} of {known} ({answers / max(known, 1):.3f}), right "
        f"{shown(hits, answers)}\n"
        f"told where nobody can name a colour: {unnamed[0]} of {unnamed[1]}, and of ro {unnamed_ro[0]} of "
        f"{unnamed_ro[1]}; right if these are wrong: {hits / max(answers + misled, 1):.3f} "
        f"({hits} of {answers + misled})\nmotorcycles told: {motorcycles[0]} of {motorcycles[1]}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
