"""How well a net reads: greedy CTC against the text."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge import ctc
from edge.contract.pattern import ALPHABET
from models.reader.data import scaled


def read(model: nn.Module, pictures: NDArray[np.uint8], *, batch: int = 64) -> list[str]:
    """Greedy strings of (n, 64, 192) uint8 pictures; `model` is called as `atalaya_plate.Model` is."""
    model.eval()
    device = next(model.parameters()).device
    said = []
    with torch.inference_mode():
        for first in range(0, len(pictures), batch):
            part = scaled(torch.from_numpy(pictures[first : first + batch])[:, None]).to(device)
            steps = model(part).cpu().numpy()
            middle = steps.shape[1] // 2
            # Each look by itself: the last character of the upper line may be the first of the lower.
            said += [
                "".join(
                    ALPHABET[code - 1]
                    for look in (row[:middle], row[middle + 1 :])
                    for code in ctc.greedy(look)
                )
                for row in steps
            ]
    return said


def accuracy(
    model: nn.Module, sets: Mapping[str, Sequence[tuple[NDArray[np.uint8], str]]]
) -> dict[str, float]:
    """Share of exactly read strings, by set."""
    found = {}
    for name, pairs in sets.items():
        said = read(model, np.stack([picture for picture, _ in pairs]))
        found[name] = sum(a == b for a, (_, b) in zip(said, pairs, strict=True)) / len(pairs)
    return found
