"""int8 for the reader: quantised as NNCF does it, then taught by the net that it comes from.

Rounding weights and values to 8 bits costs a few readings. So the rounded net is trained on for a few hundred steps
(Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018), not towards the labels but towards what the float net says of the same pictures (Hinton et al.,
"Distilling the Knowledge in a Neural Network", 2015): nothing is learnt that the chosen checkpoint did not know.
"""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from models.reader.atalaya_plate import Model
from models.reader.data import Source, collate, scaled


class Heads(nn.Module):
    """From a picture to what both heads say, in one `forward`: what is quantised whole."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 1, 64, 192) -1..1 to the looks' logits (n, 2, 48, classes) and the kinds' (n, kinds)."""
        features, whole = self.model.features(picture)
        return self.model.looks(features), self.model.kind(whole)


class Text(nn.Module):
    """Heads as the net's own `forward`: what they say of the text alone."""

    def __init__(self, heads: nn.Module, model: Model) -> None:
        super().__init__()
        self.heads, self.joined = heads, model.joined

    def forward(self, picture: Tensor) -> Tensor:
        """(n, 1, 64, 192) -1..1 to (n, 97, classes) CTC logits."""
        found: Tensor = self.joined(self.heads(picture)[0])
        return found


def pictures(work: Path, *, shares: dict[str, float], batch: int, seed: int) -> Iterator[Tensor]:
    """Endless batches (n, 1, 64, 192) -1..1, drawn as those of the training."""
    source, rng = Source(work, shares=shares), np.random.default_rng(seed)
    while True:
        yield scaled(collate([source.example(rng) for _ in range(batch)])[0])


def quantised(heads: Heads, examples: Iterable[Tensor]) -> nn.Module:
    """A copy that computes as int8 would, its ranges measured on examples (1, 1, 64, 192)."""
    import nncf

    nncf.set_log_level(30)  # warnings; it tells of each operation
    measured = list(examples)
    found: nn.Module = nncf.quantize(
        heads,
        nncf.Dataset(measured),
        subset_size=len(measured),
        preset=nncf.QuantizationPreset.MIXED,
        # Weights in 7 bits: a processor without VNNI adds two products in 16 bits, which 8 bits can overflow.
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )
    return found


def distance(student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor], *, kind_weight: float) -> Tensor:
    """How far what both heads say lies from what they should: nats a picture (Kullback-Leibler)."""
    apart = [
        functional.kl_div(
            theirs.log_softmax(dim=-1), right.log_softmax(dim=-1), log_target=True, reduction="sum"
        )
        for theirs, right in zip(student, teacher, strict=True)
    ]
    return (apart[0] + kind_weight * apart[1]) / len(student[0])


def distil(student: nn.Module, teacher: Heads, batches: Iterator[Tensor], rules: dict[str, Any]) -> None:
    """Train the rounded net towards the float one; the rate falls along half a cosine.

    Args:
        student: of `quantised`; left ready to read.
        teacher: what it should say.
        batches: of pictures, as `pictures` gives them.
        rules: the recipe's `int8`.
    """
    optimiser = torch.optim.AdamW(student.parameters(), lr=rules["rate"], weight_decay=0.0)
    student.train()
    for module in student.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # the statistics are the teacher's
    for step in track(range(rules["steps"]), description="int8"):
        for group in optimiser.param_groups:
            group["lr"] = rules["rate"] * (0.5 + 0.5 * math.cos(math.pi * step / rules["steps"]))
        batch = next(batches)
        with torch.no_grad():
            right = teacher(batch)
        loss = distance(student(batch), right, kind_weight=rules["kind_weight"])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    student.eval()


def int8(model: Model, work: Path, recipe: dict[str, Any]) -> nn.Module:
    """The net in int8, as `Heads` is called.

    Args:
        model: the chosen weights.
        work: pictures to measure and teach with, as prepare.py wrote them.
        recipe: the whole of it.
    """
    rules, heads = recipe["int8"], Heads(model).eval()
    seed, shares = recipe["seed"], rules["shares"]
    one = pictures(work, shares=shares, batch=1, seed=seed)
    student = quantised(heads, (next(one) for _ in range(rules["calibration"])))
    torch.manual_seed(seed)
    distil(student, heads, pictures(work, shares=shares, batch=rules["batch"], seed=seed + 1), rules)
    return student
