"""Records that pass between the stages. Frozen; arrays say shape, dtype and colour order; numbers their unit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.contract.read import Character, Scored
from edge.contract.seen import Look

Bgr = NDArray[np.uint8]
"""(height, width, 3) uint8, blue-green-red."""


class Pixels(Protocol):
    """A picture that is made when it is asked for, since most frames tell nothing new."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""

    def bgr(self) -> Bgr:
        """The picture, made anew each time.

        Raises:
            PixelsError: it cannot be made.
        """


@dataclass(frozen=True, slots=True)
class Position:
    """Where a PTZ camera looks, as it says itself: in ONVIF's generic spaces pan and tilt -1..1, zoom 0..1.

    Attributes:
        zoom: None where the camera does not tell.
    """

    pan: float
    tilt: float
    zoom: float | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    Attributes:
        captured_at: when the camera took it, UTC, as well as the source knows.
        pixels: (height, width, 3) uint8, BGR, never written to; or what makes them.
        preset: the PTZ preset that the camera rests at, where it has any.
        position: where the camera says that it looks, where it can turn and was asked.
        stay: another number for every time that the camera came to rest; frames of two stays show two scenes.
        moving: where something moves, px; None where nobody looked for that.
        came_at: when it lay decoded, by the box's clock, UTC; None where that does not matter, as in recordings.
        connection: another number for every connection to the camera; between two of them nobody watched.
    """

    camera_id: str
    captured_at: datetime
    pixels: Bgr | Pixels
    preset: str | None = None
    position: Position | None = None
    stay: int = 0
    moving: "tuple[Box, ...] | None" = None
    came_at: datetime | None = None
    connection: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        pixels = self.pixels
        return (pixels.shape[1], pixels.shape[0]) if isinstance(pixels, np.ndarray) else pixels.size

    @property
    def bgr(self) -> Bgr:
        """The picture; where it is made first, that costs a millisecond at 1080p each time."""
        return self.pixels if isinstance(self.pixels, np.ndarray) else self.pixels.bgr()


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels of the full frame, from its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle, px."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    def iou(self, other: "Box") -> float:
        """Intersection over union with another box, 0..1."""
        common = self._common(other)
        return common / (self.area + other.area - common) if common else 0.0

    def share_in(self, other: "Box") -> float:
        """The share of this box's area that lies in another box, 0..1."""
        return self._common(other) / self.area

    def _common(self, other: "Box") -> float:
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return wide * high if wide > 0 and high > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Detection:
    """A plate found in a frame.

    Attributes:
        score: the detector's, 0..1.
        vehicle: what bears the plate: car, motorcycle, bus or truck, each with its likelihood, best first;
            empty where nothing tells.
        colours: of that vehicle, each with its share, what cannot be told among them; empty where nobody looked or
            the frame shows no colour.
    """

    box: Box
    score: float
    vehicle: tuple[Scored, ...] = ()
    colours: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one crop says: the CTC posterior over plate characters.

    Attributes:
        log_probs: (steps, 1 + len(alphabet)) float32, natural logarithms, each row sums to one in
            probability; column 0 is the CTC blank. Two lines stand one after the other.
        alphabet: the characters of columns 1.., upper case letters and digits.
        text_raw: the greedy string as the net spelt it, separators included.
        lines: 1 or 2.
        background: colour of the plate as the grammar names it, each with its share; empty where it cannot be told.
        look: country and class by the look of the plate alone, each with its share, the rest looks like none of
            them; empty where the reader does not say.
    """

    log_probs: NDArray[np.float32]
    alphabet: str
    text_raw: str
    lines: int = 1
    background: Mapping[str, float] = field(default_factory=dict)
    look: Mapping[Look, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """One track in one frame: where the plate was, what it said and how good the picture is.

    Attributes:
        quality: weight of this frame in the vote, 0..1 (size, sharpness, exposure).
    """

    captured_at: datetime
    detection: Detection
    reading: Reading
    quality: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the frames of a track say together.

    Attributes:
        plate: the decoded string, without separators.
        plate_raw: the greedy string of the best frame, as the net spelt it.
        likelihood: that `plate` is exactly right, 0..1, over all candidates of the track.
        characters: per position what was decoded and its two best alternatives.
        country, plate_class: best guess and its likelihood; None where the grammar knows no such string.
        vehicle: what bears the plate and its likelihood; None where nothing tells.
        votes: frames whose own best string is `plate`.
        frames: frames that were read.
    """

    plate: str
    plate_raw: str
    likelihood: float
    characters: tuple[Character, ...]
    country: Scored | None
    plate_class: Scored | None
    vehicle: Scored | None
    votes: int
    frames: int


@dataclass(frozen=True, slots=True)
class LinkState:
    """The connection to the broker since the start.

    Attributes:
        fault: why nothing can be delivered, for a person to act on; empty while all is well.
        published: messages handed to the broker, those sent again included.
        resent: of these, sent again because the centre had not acknowledged them.
        refused: publications and connections that the broker refused.
        unconfirmed: publications on the wire that the broker has not confirmed; never more than the window.
        reconnects: connections after the first.
        acks_unreadable: messages on our ack topic that were none of the centre's acknowledgements.
        clock_error_s: this box's clock minus the centre's, seconds; None where unknown.
    """

    connected: bool = False
    fault: str = ""
    published: int = 0
    resent: int = 0
    refused: int = 0
    unconfirmed: int = 0
    reconnects: int = 0
    acks_unreadable: int = 0
    clock_error_s: float | None = None
