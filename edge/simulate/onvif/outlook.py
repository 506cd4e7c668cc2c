"""Turns an RTSP picture with the head: at a preset its clip plays, on the way the picture slides, elsewhere it stands.

Clips cost nothing, for they are encoded already. A journey between two presets is drawn and encoded once, beforehand;
any other, and what is seen where an operator leaves the camera, when it is first wanted, in a thread of its own:
until it is there, the picture before stays.
"""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from edge.errors import ConfigError
from edge.simulate.clip import Clip, load_clip
from edge.simulate.onvif.head import Head, Journey
from edge.simulate.onvif.panorama import Panorama, encode, first_picture
from edge.types import Position

_SAME: Final = 1e-3
_KEPT: Final = 64  # drawn clips

_log = structlog.get_logger(__name__)


class Outlook:
    """`with Outlook(head, {position: clip}) as outlook:`, and `outlook()` is the clip to show now.

    Args:
        head: which turns.
        clips: where each preset looks, and what plays there; all of one size.

    Raises:
        ConfigError: a clip cannot be decoded, is of another size, or two presets have one pan.
    """

    def __init__(self, head: Head, clips: Mapping[Position, Clip]) -> None:
        self._head = head
        views = [(position, first_picture(clip)) for position, clip in clips.items()]
        sizes = {picture.shape[:2] for _, picture in views}
        if len(sizes) > 1:
            raise ConfigError(f"views must be of one size, found {sorted(sizes)} (height, width)")
        if len({position.pan for position in clips}) < len(clips):
            raise ConfigError("no two presets with a view may have the same pan")
        self._panorama = Panorama(views)
        self._clips = dict(clips)
        self._folder = tempfile.TemporaryDirectory(prefix="atalaya-views-")
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="outlook")
        self._lock = threading.Lock()
        self._drawn: OrderedDict[Journey | Position, Clip | None] = OrderedDict()  # None: being drawn
        self._count = 0
        self._shown = next(iter(self._clips.values()))
        self._scene: Journey | Position | None = None

    def __enter__(self) -> Self:
        """Draw what is seen first, and the journeys between the presets."""
        here = self._head.position
        if self._at_preset(here) is None:
            self.draw(here)
        for start, end in permutations(self._clips, 2):
            self.draw(Journey.between(start, end, takes_s=self._head.travel_s))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._painter.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def __call__(self) -> Clip:
        """What is to be seen now; the same object until that changes. Never waits."""
        journey, elapsed_s = self._head.journey
        scene = journey if elapsed_s is not None else self._head.position
        if scene == self._scene:
            return self._shown
        clip = self._at_preset(scene) if isinstance(scene, Position) else None
        clip = clip or self._ready(scene)
        if clip is not None:
            self._scene = scene
            self._shown = clip if elapsed_s is None else clip.from_second(elapsed_s)
        return self._shown

    def _at_preset(self, here: Position) -> Clip | None:
        for place, clip in self._clips.items():
            apart = (here.pan - place.pan, here.tilt - place.tilt, (here.zoom or 0.0) - (place.zoom or 0.0))
            if max(abs(each) for each in apart) <= _SAME:
                return clip
        return None

    def _ready(self, scene: Journey | Position) -> Clip | None:
        with self._lock:
            if scene in self._drawn:
                return self._drawn[scene]
            self._drawn[scene] = None
            while len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        self._painter.submit(self.draw, scene)
        return None

    def draw(self, scene: Journey | Position) -> None:
        """Make ready what will be seen: until it is there, the picture before stays."""
        with self._lock:
            self._count += 1
            path = Path(self._folder.name) / f"{self._count}.mp4"
        try:
            size = (self._panorama.width, self._panorama.height)
            pictures = (
                self._panorama.stand(scene)
                if isinstance(scene, Position)
                else self._panorama.journey(scene.start, scene.end, takes_s=scene.takes_s)
            )
            clip = load_clip(encode(pictures, path, size=size))
        except Exception:
            _log.exception("view cannot be drawn")
            raise
        path.unlink()
        with self._lock:
            self._drawn[scene] = clip
