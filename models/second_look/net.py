"""The network of the second look: two small trunks, one for each view, and four answers."""

from typing import Final

import torch
from torch import Tensor, nn

from edge.detect.second_look import VEHICLES

OUTPUTS: Final = 1 + 4 + len(VEHICLES)
"""Plate, the box's shift and growth, vehicles."""


def _conv(inside: int, outside: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=stride, padding=1, groups=groups, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class Trunk(nn.Module):
    """Convolutions that halve a view four times."""

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.layers = nn.Sequential(
            _conv(1, first, stride=2),
            _conv(first, second, stride=2),
            _conv(second, third, stride=2),
            _conv(third, third),
            _conv(third, fourth, stride=2),
            _conv(fourth, fourth),
        )

    def forward(self, view: Tensor) -> Tensor:
        """From (n, 1, h, w) to (n, width, h / 16, w / 16)."""
        features: Tensor = self.layers(view)
        return features


class SecondLook(nn.Module):
    """Looks at both views of a box.

    Plate and box come from the near view and its surroundings, the vehicle from the far view alone and what the
    near one says of the plate's shape.
    """

    def __init__(
        self,
        *,
        near: tuple[int, int, int, int] = (16, 32, 48, 64),
        far: tuple[int, int, int, int] = (16, 32, 48, 64),
        hidden: int = 96,
        drop: float = 0.2,
    ) -> None:
        super().__init__()
        self.near, self.far = Trunk(near), Trunk(far)
        self.squeeze_near = nn.Sequential(nn.Conv2d(near[3], 32, 1), nn.ReLU(inplace=True))
        self.squeeze_far = nn.Sequential(nn.Conv2d(far[3], 32, 1), nn.ReLU(inplace=True))
        self.near_code = nn.Sequential(
            nn.Flatten(), nn.Dropout(drop), nn.Linear(32 * 4 * 6, hidden), nn.ReLU()
        )
        self.far_code = nn.Sequential(
            nn.Flatten(), nn.Dropout(drop), nn.Linear(32 * 4 * 4, hidden), nn.ReLU()
        )
        self.plate = nn.Linear(2 * hidden, 1)
        self.box = nn.Linear(hidden, 4)
        self.vehicle = nn.Linear(2 * hidden, len(VEHICLES))

    def forward(self, near: Tensor, far: Tensor) -> Tensor:
        """Look at n boxes.

        Args:
            near: (n, 1, 60, 96) float, 0..255.
            far: (n, 1, 64, 64) float, 0..255.

        Returns:
            (n, 9): the plate's logit; shift of the middle in sizes of the box, x and y; logarithm of the growth of
            width and height; a logit for each of `VEHICLES`.
        """
        close = self.near_code(self.squeeze_near(self.near(near / 127.5 - 1.0)))
        around = self.far_code(self.squeeze_far(self.far(far / 127.5 - 1.0)))
        both = torch.cat((close, around), dim=1)
        return torch.cat((self.plate(both), self.box(close), self.vehicle(both)), dim=1)
