"""A wider net that says what a narrower one says: where a training begins that should not begin anew.

Each new channel is a copy of an old one, and what reads channels shares its weights among the copies (Chen et al.,
"Net2Net: Accelerating Learning via Knowledge Transfer", ICLR 2016). Shares are uneven, so that copies part ways as
soon as they are trained: equal ones would get equal gradients for ever.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Copies:
    """Which old channel each new one is a copy of, and what share of its weight it bears.

    Args:
        old: channels there are.
        new: channels wanted, at least as many.
        chance: draws the shares.

    Attributes:
        of: (new,) int64.
        share: (new,) float; those of one old channel sum to 1.
    """

    def __init__(self, old: int, new: int, chance: torch.Generator) -> None:
        if new < old:
            raise ValueError(f"a net grows: {new} channels are fewer than {old}")
        self.old, self.new, self._chance = old, new, chance
        self.of = torch.arange(new) % old
        weight = 0.3 + 0.7 * torch.rand(new, generator=chance)
        self.share = weight / torch.zeros(old).index_add(0, self.of, weight)[self.of]

    def again(self) -> "Copies":
        """As many of as many, with other shares: for what lies between two layers of these channels."""
        return Copies(self.old, self.new, self._chance)

    def out(self, value: Tensor) -> Tensor:
        """Of a layer that makes these channels, one row each: weight, bias, mean or variance."""
        return value[self.of]

    def into(self, weight: Tensor) -> Tensor:
        """Of a layer's weight (out, in, ...) that reads these channels."""
        shape = (1, -1, *(1 for _ in weight.shape[2:]))
        return weight[:, self.of] * self.share.view(shape)


def grown(
    state: Mapping[str, Tensor], old: Mapping[str, Any], new: Mapping[str, Any], *, seed: int
) -> dict[str, Tensor]:
    """The weights of a net of widths `new` that computes what `state` does.

    Args:
        state: of a `Model` of `old`.
        old: what `Model` took beside the number of characters.
        new: what it will take; depth and kinds are the same.
        seed: of the copies' shares.

    Raises:
        ValueError: more than the widths differ, or a width shrinks.
    """
    if tuple(old["depth"]) != tuple(new["depth"]) or old["kinds"] != new["kinds"]:
        raise ValueError(f"only widths may differ: {dict(old)} and {dict(new)}")
    chance = torch.Generator().manual_seed(seed)
    first, second, third, last = (
        Copies(narrow, wide, chance) for narrow, wide in zip(old["widths"], new["widths"], strict=True)
    )
    layers: list[tuple[str, Copies | None, Copies | None]] = [
        ("trunk.0.0", None, first),
        ("trunk.1.0", first, second),
    ]
    place = 2
    # What passes by a block is added to what comes out of it, so both are copied alike; within it they need not be.
    for _ in range(old["depth"][0]):
        layers += _block(f"trunk.{place}", second)
        place += 1
    layers.append((f"trunk.{place}.0", second, third))
    for _ in range(old["depth"][1]):
        place += 1
        layers += _block(f"trunk.{place}", third)
    between = third.again()
    layers += [
        ("whole.0", third, between),
        ("whole.2", between, third),
        ("rows", third, None),
        ("widen", third, last),
        ("along.0.mix", last, last),
        ("along.1.mix", last, last),
        ("characters", last, None),
        ("kind", third, None),
    ]
    found = dict(state)
    for name, inside, outside in layers:
        if inside is not None:
            found[f"{name}.weight"] = inside.into(found[f"{name}.weight"])
        if outside is not None:
            for part in (name, _norm_after(name)):
                for key in [key for key in state if key.rpartition(".")[0] == part and state[key].dim()]:
                    found[key] = outside.out(found[key])
    return found


def _block(name: str, channels: Copies) -> list[tuple[str, Copies | None, Copies | None]]:
    within = channels.again()
    return [(f"{name}.one.0", channels, within), (f"{name}.two.0", within, channels)]


def _norm_after(layer: str) -> str:
    """Where the batch norm of a convolution is: beside it in a sequence, or by name."""
    return layer.removesuffix("mix") + "norm" if layer.endswith("mix") else layer[:-1] + "1"
