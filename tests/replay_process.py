"""A replay with fake nets and real votes, for tests that kill it.

python replay_process.py FILM OPTIONS_JSON     says `frame N` after every frame, and `done READS` at its end

Plates are the marked patches of `fakes`, in a film that keeps every pixel; `film` makes one.
"""

import json
import os
import sys
from pathlib import Path

import av
import structlog
from fakes import FakeDetector, FakeReader, picture, reading

from edge.assets import plate_files
from edge.engine import Engine
from edge.grammar import load_grammar
from edge.replay.options import Options
from edge.replay.session import Session
from edge.types import Box

FPS = 25
_NAMES = (
    "KAB123", "XYZ987", "JKL456", "MNO78D", "TTT111", "RST222", "UVW333", "QPR444", "HGF555", "BCD66A",
)  # fmt: skip
PLATES = dict(enumerate(_NAMES, start=1))
SETTLED_S = 0.2


def film(path: Path, *, seconds: float = 16.0) -> Path:
    """Vehicles that cross on two lanes, one a second and a half, and one that stands there all the time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264rgb", rate=FPS, options={"qp": "0", "preset": "ultrafast", "g": "50"}
        )
        stream.width, stream.height, stream.pix_fmt = 640, 360, "rgb24"
        for number in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(picture(_shown(number / FPS)), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _shown(at_s: float) -> dict[int, Box]:
    shown = {1: Box(20, 20, 96, 48)}
    for mark in range(2, 1 + len(PLATES)):
        since_s = at_s - 1.5 * (mark - 2)
        if 0 <= since_s < 2.6:
            shown[mark] = Box(20 + 200 * since_s, 120 + 110 * (mark % 2), 96, 48)
    return shown


def nets() -> Engine:
    """Fakes, with the grammar of the repository."""
    says = {mark: reading(plate, sure=0.93) for mark, plate in PLATES.items()}
    return Engine(FakeDetector(), FakeReader(says), load_grammar(plate_files()))


def main() -> None:
    path, given = sys.argv[1:]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    options = json.loads(given)
    for name in ("out", "publish", "gpx"):
        if name in options:
            options[name] = Path(options[name])
    frames = 0

    def say(_: object) -> None:
        nonlocal frames
        frames += 1
        os.write(1, f"frame {frames}\n".encode())

    session = Session(Options(**options), engine=nets, watch=say, every_s=SETTLED_S)
    outcomes = session.run([Path(path)])
    reads = sum(len(outcome.report.found) for outcome in outcomes if outcome.report)
    os.write(1, f"done {reads}\n".encode())


if __name__ == "__main__":
    main()
