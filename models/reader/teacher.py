"""The teacher: PP-OCRv6's small recogniser, as the `rapidocr` wheel carries it (Apache-2.0).

It helps to name real crops that nobody has read: a reader of printed text of any kind in 18,708 characters, so its
posterior is folded onto the 36 of plates. Only the weight file of the wheel is used, run by OpenVINO: no module of
it is imported.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import ctc, net
from edge.contract.pattern import ALPHABET
from edge.errors import AssetError
from edge.types import Bgr, Reading
from models.reader.textlines import beside, layouts

_WHEEL: Final = "rapidocr"
_WEIGHTS: Final = Path("models", "PP-OCRv6_rec_small.onnx")
_SHA256: Final = "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"
_STRIP_HEIGHT: Final = 48
_STRIP_WIDTH: Final = 320
_SHORTEST: Final = 4
"""A way of reading that finds fewer characters loses against one that finds more."""
_LEAST: Final = 1e-9
"""Least probability of a character at a step: the net's own zeros are rounding."""
# Characters of other scripts that are drawn like a Latin capital.
_TWINS: Final = dict(zip("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX", strict=True))  # noqa: RUF001


class PpOcrReader:
    """Reads plate crops with PP-OCRv6 small (behind `edge.ports.PlateReader`)."""

    def __init__(self, *, threads: int = 1) -> None:
        """Load the weights.

        Args:
            threads: threads of the net.

        Raises:
            AssetError: the wheel is not installed, or its weight file is not there or damaged.
        """
        path = weight_file()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != _SHA256:
            raise AssetError(f"{path}: not the recogniser that was expected: SHA-256 {digest}, not {_SHA256}")
        model = net.load(path)
        model.reshape([1, 3, _STRIP_HEIGHT, _STRIP_WIDTH])
        characters = model.get_rt_info(["framework", "character"]).astype(str).split("\n")
        self._net = net.compiled(model, threads=threads)
        self._characters = ("", *characters, " ")
        self._fold = Fold(self._characters)
        self.version: Final = f"ppocrv6-small@{digest[:12]}"

    def read(self, crops: Sequence[Bgr]) -> list[Reading]:
        """One reading a crop, in the same order.

        A crop that may be read in two ways (one line or two, with or without its edges) is read in both,
        and the likelier reading is kept.
        """
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Bgr) -> Reading:
        # One strip at a time: on one thread a batch costs as much, and a shape that never changes costs less.
        ways = [self._reading(self._run(beside(lines)), lines=len(lines)) for lines in layouts(crop)]
        return ways[0] if len(ways) == 1 else max(ways, key=_worth)

    def _run(self, line: Bgr) -> NDArray[np.float32]:
        """(steps, characters) probabilities of a line."""
        posterior: NDArray[np.float32] = self._net(strip(line)[None])[0][0]
        return posterior

    def _reading(self, posterior: NDArray[np.float32], *, lines: int) -> Reading:
        raw = self._spell(posterior)
        return Reading(log_probs=self._fold(posterior), alphabet=ALPHABET, text_raw=raw, lines=lines)

    def _spell(self, posterior: NDArray[np.float32]) -> str:
        return "".join(self._characters[k] for k in ctc.greedy(posterior))


class Fold:
    """Sums a posterior over a large charset onto blank + A-Z0-9.

    Lower case, accented and full-width forms count as their capital, and so do the twins of other scripts.
    Separators and every other sign count as blank: they are no character of a plate, but, like a blank, they
    part two equal ones.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        """Prepare the sum.

        Args:
            characters: what each column of the posterior stands for; column 0 is the blank.

        Raises:
            ValueError: some plate character has no column.
        """
        kept = sorted((ALPHABET.index(plain), k) for k, c in enumerate(characters) if (plain := _plain(c)))
        self._columns = np.array([column for _, column in kept])
        self._firsts = np.searchsorted([place for place, _ in kept], np.arange(len(ALPHABET)))
        absent = set(ALPHABET) - {ALPHABET[place] for place, _ in kept}
        if absent:
            raise ValueError(f"no column stands for {', '.join(sorted(absent))}")

    def __call__(self, posterior: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fold (steps, characters) probabilities into (steps, 37) log-probabilities; rows sum to one."""
        # No matrix product: its library would wake a second thread, which then spins.
        chars = np.add.reduceat(posterior[:, self._columns], self._firsts, axis=1)
        rest = np.maximum(1.0 - chars.sum(axis=1, keepdims=True), 0.0)
        folded = np.maximum(np.hstack([rest, chars]), _LEAST)
        logs: NDArray[np.float32] = np.log(folded / folded.sum(axis=1, keepdims=True)).astype(np.float32)
        return logs


def weight_file(wheel: str = _WHEEL) -> Path:
    """The recogniser's weights inside the installed wheel, of which nothing is imported.

    Raises:
        AssetError: the wheel or the file is missing.
    """
    spec = find_spec(wheel)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _WEIGHTS
        if path.is_file():
            return path
    where = f"its wheel has no {_WEIGHTS}" if spec else "it is not installed"
    raise AssetError(f"the teacher needs the package {wheel} 3.10.0 (extra [train]): {where}")


def strip(line: Bgr) -> NDArray[np.float32]:
    """(3, 48, 320) float32 in -1..1, as the net was trained: scaled to the height, the rest grey."""
    high, wide = line.shape[:2]
    width = min(max(int(np.ceil(_STRIP_HEIGHT * wide / high)), 16), _STRIP_WIDTH)
    scaled = cv2.resize(line, (width, _STRIP_HEIGHT)).astype(np.float32) / 127.5 - 1
    padded = np.zeros((3, _STRIP_HEIGHT, _STRIP_WIDTH), dtype=np.float32)
    padded[:, :, :width] = scaled.transpose(2, 0, 1)
    return padded


def _worth(reading: Reading) -> tuple[bool, float]:
    best = ctc.n_best(reading.log_probs, count=3)
    likelihoods = ctc.log_likelihoods(reading.log_probs, best)
    top = int(likelihoods.argmax())
    return len(best[top]) >= _SHORTEST, float(likelihoods[top])


def _plain(char: str) -> str:
    """The plate character that a character stands for; empty where it is none."""
    plain = unicodedata.normalize("NFKD", _TWINS.get(char.upper(), char)).upper()
    letters = [c for c in plain if not unicodedata.combining(c)]
    return letters[0] if len(letters) == 1 and letters[0] in ALPHABET else ""
