"""The two nets of the detector, whatever runs them: one proposes, the other looks again (second_look.py)."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from edge.detect.letterbox import Fit, letterbox
from edge.detect.manifest import Manifest
from edge.detect.second_look import SecondLook, version_with
from edge.detect.window import Window, area, cover
from edge.types import Bgr, Box, Detection


class FirstNet(ABC):
    """Proposes plates in a whole frame made small. Not for two threads at once."""

    def __init__(self, manifest: Manifest, *, file: str, least_score: float | None) -> None:
        """Remember what is known of the net.

        Args:
            manifest: of its weights.
            file: the weight file that names its version.
            least_score: least score of a proposal, 0..1; the threshold of the net by itself if None.
        """
        self._manifest: Final = manifest
        self._least_score: Final = manifest.score if least_score is None else least_score
        self.version: Final = manifest.version(file)

    @abstractmethod
    def propose(self, picture: Bgr, fit: Fit, windows: Sequence[Window]) -> list[Detection]:
        """Proposals in these parts of a letterboxed frame, in px of the frame, best first."""

    def letterboxed(self, bgr: Bgr) -> tuple[Bgr, Fit]:
        """The frame as the net takes it, and where it lies in that.

        Raises:
            ValueError: the frame is empty or of another type.
        """
        return letterbox(bgr, width=self._manifest.width, height=self._manifest.height)

    def detect(self, bgr: Bgr) -> list[Detection]:
        """Proposals in a frame of any size, best first, boxes clipped to the frame.

        Raises:
            ValueError: the frame is empty or of another type.
        """
        picture, fit = self.letterboxed(bgr)
        return self.propose(picture, fit, [area(None, width=picture.shape[1], height=picture.shape[0])])


class TwoNets:
    """Finds plates (behind `edge.ports.Detector`); several threads take turns."""

    def __init__(self, first: FirstNet, look: SecondLook, *, file: str) -> None:
        """Put the nets together.

        Args:
            first: the net that proposes.
            look: the one that looks again.
            file: the second one's weight file that is run.
        """
        self._first, self._look = first, look
        self._turn = threading.Lock()
        self._version = version_with(first.version, look.manifest, file)

    @property
    def version(self) -> str:
        """Both nets' names @ 12 hex digits of a SHA-256 over both nets' weights."""
        return self._version

    def detect(
        self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
    ) -> list[Detection]:
        """Plates in a frame of any size, best first, boxes clipped to the frame.

        Args:
            bgr: (h, w, 3) uint8, BGR.
            near: boxes of the frame in which plates matter now; more may be found. None: everywhere within.
            within: box of the frame in which plates matter at all; more may be found. None: everywhere.

        Raises:
            ValueError: the frame is empty or of another type.
        """
        picture, fit = self._first.letterboxed(bgr)
        height, width = picture.shape[:2]
        searched = area(fit.to_input(within) if within else None, width=width, height=height)
        windows = [searched]
        if near is not None:
            windows = cover([fit.to_input(box) for box in near], searched, width=width, height=height)
        with self._turn:
            proposals = self._first.propose(picture, fit, windows)
            return self._look.look(bgr, proposals, picture=picture, fit=fit)
