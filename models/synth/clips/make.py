"""Makes clips: draws the frames on several processes, encodes them in order, writes truth and manifest."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.pool import Pool
from pathlib import Path

import cv2

from models.synth.arrays import Image
from models.synth.clips.encode import encode
from models.synth.clips.film import Film, Shot
from models.synth.clips.manifest import Made, write_manifest
from models.synth.clips.programme import Programme
from models.synth.clips.truth import truth_rows, write_truth
from models.synth.scene.fixing import Sighting

Progress = Callable[[str, int, int], None]
"""Called with the clip's name, the frames done and the frames in all."""

_film: list[Film] = []


def _shot(index: int) -> Shot:
    return _film[0].shot(index)


def make_clip(programme: Programme, folder: Path, *, workers: int, progress: Progress) -> Made:
    """Makes one clip and its truth file in a folder.

    Raises:
        ValueError: a passage is cut where the clip loops.
    """
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth").mkdir(exist_ok=True)
    progress(programme.name, 0, programme.frames)
    film = Film(programme)
    # The children of a fork see the film as it is: it is neither pickled nor painted twice.
    _film[:] = [film]
    seen: list[tuple[str, Sequence[Sighting]]] = []
    path = folder / f"{programme.name}.mp4"
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        frames = _in_order(pool, programme, seen, progress)
        camera = programme.presets[0].camera
        size = (camera.width_px, camera.height_px)
        encode(frames, path, size=size, fps=programme.fps, bit_rate=programme.bit_rate)
    moving = len(programme.presets) > 1
    rows = truth_rows(programme.name, film.passages, seen, programme.fps, moving=moving)
    write_truth(rows, folder / "truth" / f"{programme.name}.csv")
    plates = sorted({passage.vehicle.plates[0].image.text for passage in film.passages})
    return Made(programme, path, rows, [passage.vehicle.ident for passage in film.passages], plates)


def _in_order(
    pool: Pool, programme: Programme, seen: list[tuple[str, Sequence[Sighting]]], progress: Progress
) -> Iterator[Image]:
    for index, shot in enumerate(pool.imap(_shot, range(programme.frames), chunksize=2)):
        seen.append((shot.preset, shot.sightings))
        progress(programme.name, index + 1, programme.frames)
        yield shot.bgr


def make_all(
    programmes: Sequence[Programme], folder: Path, *, workers: int, progress: Progress
) -> list[Made]:
    """Makes clips and, after each, brings the folder's manifest up to date."""
    made = []
    for programme in programmes:
        made.append(make_clip(programme, folder, workers=workers, progress=progress))
        write_manifest(made, folder / "manifest.yaml")
    return made
