"""The streams: clips with a sensor's noise on them, encoded anew as cameras do, at a constant or a variable rate."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import av
import numpy as np
from numpy.typing import NDArray

from edge.bench.passages import ClipPassage, load_truth
from edge.errors import ConfigError

Rate = Literal["cbr", "vbr"]
Progress = Callable[[str, int, int], None]
"""Called with the stream's name, the pictures done and the pictures in all."""

GOP: Final = 50
"""Pictures from one key frame to the next: two seconds at 25 a second, a camera's usual setting."""
_BITS: Final = 4_000_000
_SLACK: Final = 64  # px by which the noise is larger than the picture, so that it can be shifted about
_COMMON: Final = {"preset": "veryfast", "tune": "zerolatency", "bf": "0", "sc_threshold": "0", "threads": "1"}
_RATES: Final[dict[Rate, dict[str, str]]] = {
    "cbr": {"b": str(_BITS), "minrate": str(_BITS), "maxrate": str(_BITS), "bufsize": str(_BITS)},
    "vbr": {"crf": "28", "maxrate": str(2 * _BITS), "bufsize": str(4 * _BITS)},
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a stream is made.

    Attributes:
        source: file name of the clip.
        rate: constant, as most cameras are set, or variable.
        noise: standard deviation of what is added to the luma, levels of 255.
        region: where plates count, as in a camera's settings: a deployer leaves out the far end of the street.
        times: the clip is shown this often, each time with other noise.
    """

    source: str
    rate: Rate
    noise: float
    region: tuple[tuple[float, float], ...] = ()
    times: int = 1

    @property
    def name(self) -> str:
        """What the stream and its camera are called."""
        return f"{Path(self.source).stem}-{self.rate}"


@dataclass(frozen=True, slots=True)
class Footage:
    """A stream that can be played.

    Attributes:
        passages: whose plate is legible when, in seconds of the file; none where nobody wrote them down.
        fps: pictures a second.
    """

    recipe: Recipe
    path: Path
    passages: tuple[ClipPassage, ...]
    seconds: float
    fps: float = 25.0

    @property
    def gop_s(self) -> float:
        """Seconds from one key frame to the next."""
        return GOP / self.fps


_NEAR: Final = ((0.0, 0.6), (1.0, 0.6), (1.0, 1.0), (0.0, 1.0))
STREET: Final = (Recipe("calm.mp4", "cbr", 3.0, _NEAR), Recipe("calm.mp4", "vbr", 3.0, _NEAR))
BUSY: Final = (
    Recipe("day.mp4", "cbr", 3.0, _NEAR),
    Recipe("fast.mp4", "vbr", 3.0, _NEAR),
    Recipe("night.mp4", "cbr", 4.0, _NEAR),
    Recipe("day.mp4", "vbr", 3.0, _NEAR),
    Recipe("fast.mp4", "cbr", 3.0, _NEAR),
    Recipe("night.mp4", "vbr", 4.0, _NEAR),
)
REAL: Final = Recipe("cars.mp4", "vbr", 0.0)
"""A toll camera of 18 pictures a second: busy, too, with a noise of its own. Only those have it who fetched it."""


def make(recipe: Recipe, *, videos: Path, folder: Path, progress: Progress) -> Footage:
    """Make a stream, or take the one that was made before.

    Args:
        recipe: what to make.
        videos: folder of the clips, with their truth in `truth/`.
        folder: where streams are kept.
        progress: told of every picture.

    Raises:
        ConfigError: the clip is missing or cannot be read.
    """
    source = videos / recipe.source
    if not source.is_file():
        raise ConfigError(f"{source}: clip is missing")
    made_from = [recipe.source, recipe.rate, recipe.noise, recipe.times, _COMMON, _RATES, GOP]
    mark = hashlib.sha256(json.dumps(made_from).encode())
    mark.update(source.read_bytes())
    path = folder / f"{recipe.name}-{mark.hexdigest()[:12]}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        _encode(recipe, source, unfinished, progress)
        unfinished.replace(path)
    truth = videos / "truth" / f"{source.stem}.csv"
    once = load_truth(truth) if truth.exists() else []
    with av.open(str(source)) as container:
        length_s = _seconds(container)
        rate = container.streams.video[0].average_rate
        assert rate is not None  # noqa: S101  # as above
    passages = tuple(
        ClipPassage(p.plate, p.vehicle_type, p.first_s + n * length_s, p.last_s + n * length_s)
        for n in range(recipe.times)
        for p in once
    )
    return Footage(recipe, path, passages, length_s * recipe.times, float(rate))


def _seconds(container: av.container.InputContainer) -> float:
    stream = container.streams.video[0]
    assert stream.duration is not None  # noqa: S101  # the clips that there are recipes for say so
    assert stream.time_base is not None  # noqa: S101
    return float(stream.duration * stream.time_base)


def _encode(recipe: Recipe, source: Path, out: Path, progress: Progress) -> None:
    try:
        with av.open(str(source)) as shown, av.open(str(out), "w", format="mp4") as container:
            original = shown.streams.video[0]
            total = original.frames * recipe.times
            stream = container.add_stream("libx264", rate=original.average_rate)
            stream.width, stream.height = original.width, original.height
            stream.pix_fmt = "yuv420p"
            stream.gop_size = GOP
            stream.options = {**_COMMON, **_RATES[recipe.rate], "keyint_min": str(GOP)}
            noisy = _noisy(source, recipe)
            for number, frame in enumerate(noisy, start=1):
                container.mux(stream.encode(frame))
                progress(recipe.name, number, total)
            container.mux(stream.encode())
    except av.FFmpegError as error:
        raise ConfigError(f"{source}: cannot be encoded anew: {error.strerror}") from error


def _noisy(source: Path, recipe: Recipe) -> Iterator[av.VideoFrame]:
    """Each picture with noise of its own: a window somewhere in one large field of it."""
    rng = np.random.default_rng([_BITS, int(10 * recipe.noise), len(recipe.name)])
    field: NDArray[np.int16] | None = None
    for _ in range(recipe.times):
        with av.open(str(source)) as container:
            for frame in container.decode(video=0):
                planes = frame.to_ndarray(format="yuv420p")
                height, width = frame.height, frame.width
                if field is None:
                    size = (height + _SLACK, width + _SLACK)
                    field = np.round(rng.normal(0.0, recipe.noise, size)).astype(np.int16)
                y, x = rng.integers(0, _SLACK, 2)
                luma = planes[:height] + field[y : y + height, x : x + width]
                planes[:height] = np.clip(luma, 0, 255)
                yield av.VideoFrame.from_ndarray(planes, format="yuv420p")
