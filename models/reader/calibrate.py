"""How sure the reader may be: one temperature for its logits, fitted on pictures held out of the training.

A net that is trained to the end is surer than it is right. Its logits are divided by the temperature at which the
true strings of the held-out fold are likeliest (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017);
here the likelihood is that of the whole string, over all its CTC paths, since whole strings are what the vote weighs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edge.contract.pattern import ALPHABET
from models.reader.data import scaled

Pairs = Sequence[tuple[NDArray[np.uint8], str]]
"""Pictures (64, 192) uint8 and what they say."""

GRID = tuple(round(0.5 * 1.05**k, 4) for k in range(48))
"""Temperatures tried, 0.5 to 5."""
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Fit:
    """A temperature and what it does.

    Attributes:
        temperature: the best of the grid.
        before, after: mean negative log-likelihood of the true string, nats, without and with it.
        n: pictures.
    """

    temperature: float
    before: float
    after: float
    n: int


def fit(model: nn.Module, pairs: Pairs, *, grid: Iterable[float] = GRID) -> Fit:
    """The temperature at which the true strings are likeliest.

    A string that the net holds impossible would decide by itself, and it is mostly a wrong label: each picture's
    loss is bounded as if one in a hundred labels were wrong.
    """
    steps = logits(model, [picture for picture, _ in pairs])
    texts = [text for _, text in pairs]
    losses = {t: float(bounded(loss(steps, texts, temperature=t)).mean()) for t in (1.0, *grid)}
    best = min(losses, key=lambda t: (losses[t], t))
    return Fit(best, losses[1.0], losses[best], len(texts))


def logits(model: nn.Module, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """(n, steps, classes) of (64, 192) uint8 pictures."""
    model.eval()
    found = []
    with torch.inference_mode():
        for first in range(0, len(pictures), _BATCH):
            part = torch.from_numpy(np.stack(pictures[first : first + _BATCH]))[:, None]
            found.append(model(scaled(part)))
    return torch.cat(found)


def loss(steps: Tensor, texts: Sequence[str], *, temperature: float) -> Tensor:
    """(n,) negative log-likelihood of each string, nats; infinite where it cannot be spelt."""
    log_probs = (steps / temperature).log_softmax(dim=2).transpose(0, 1)
    codes = torch.tensor([ALPHABET.index(c) + 1 for text in texts for c in text], dtype=torch.long)
    lengths = torch.tensor([len(text) for text in texts])
    inputs = torch.full((len(texts),), log_probs.shape[0], dtype=torch.long)
    return functional.ctc_loss(log_probs, codes, inputs, lengths, reduction="none")


def bounded(nats: Tensor, *, wrong: float = 0.01) -> Tensor:
    """The loss where a share of the labels is wrong, and says nothing of the picture."""
    return -torch.log((1 - wrong) * torch.exp(-nats) + wrong * 1e-6)
