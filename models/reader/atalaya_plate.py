"""The network, in the form that EasyOCR takes as a user network: `Model(num_class, ...).forward(x, text)`.

    (n, 1, 64, 192) grey, -1..1, a whole plate stretched to that size
      -> trunk (n, c, 8, 48)
      -> two looks, upper and lower line, each a softmax over the 8 rows of every column
      -> (n, 97, 1 + characters) CTC logits: 48 steps of the upper look, one that is surely blank, 48 of the lower

A plate of one line is read by the upper look, and the lower one says blank throughout. So one CTC decoding of the
97 steps reads both kinds, and nobody has to find the lines beforehand. The blank between keeps two equal characters
apart that end one line and begin the other.

EasyOCR imports this file by itself: it must not import anything of the project.
"""

import torch
from torch import Tensor, nn

_SURE = 10.0


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = _conv(width, width)
        self.two = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) to the same."""
        return torch.relu(x + self.two(self.one(x)))


class Along(nn.Module):
    """Mixes the columns of a line: what stands beside a character tells what it is."""

    def __init__(self, width: int, reach: int = 5) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, reach, padding=reach // 2, bias=False)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, columns) to the same."""
        return torch.relu(x + self.norm(self.mix(x)))


class Model(nn.Module):
    """The reader.

    Args:
        num_class: characters and the blank, which is class 0.
        widths: channels of the four stages of the trunk.
        depth: blocks of the third and the fourth stage.
        kinds: classes of the second head (country and class of the plate); not part of `forward`.
    """

    def __init__(
        self,
        num_class: int,
        widths: tuple[int, ...] = (24, 48, 96, 128),
        depth: tuple[int, ...] = (2, 2),
        kinds: int = 32,
    ) -> None:
        super().__init__()
        first, second, third, last = widths
        self.trunk = nn.Sequential(
            _conv(1, first, stride=2),
            _conv(first, second, stride=2),
            *(Block(second) for _ in range(depth[0])),
            _conv(second, third, stride=(2, 1)),
            *(Block(third) for _ in range(depth[1])),
        )
        # What the whole picture says (how many lines, which alphabet) is added to every place.
        self.whole = nn.Sequential(nn.Linear(third, third), nn.ReLU(), nn.Linear(third, third))
        self.rows = nn.Conv2d(third, 2, (3, 3), padding=(1, 1))
        self.widen = nn.Conv1d(third, last, 1)
        self.along = nn.Sequential(Along(last), Along(last))
        self.characters = nn.Linear(last, num_class)
        self.kind = nn.Linear(third, kinds)
        surely_blank = torch.full((1, 1, num_class), -_SURE)
        surely_blank[..., 0] = _SURE
        self.register_buffer("parting", surely_blank, persistent=False)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, c, 8, 48) trunk, and (n, c) of the whole picture."""
        found = self.trunk(x)
        whole = found.mean(dim=(2, 3))
        return found + self.whole(whole)[:, :, None, None], whole

    def looks(self, features: Tensor) -> Tensor:
        """(n, 2, 48, classes) logits of the upper and the lower look."""
        shares = torch.softmax(self.rows(features), dim=2)
        # Both in one batch: normalised apart in training, they would not be what they are when reading.
        lines = torch.cat([(features * shares[:, look : look + 1]).sum(dim=2) for look in range(2)])
        lines = self.along(torch.relu(self.widen(lines)))
        upper, lower = self.characters(lines.transpose(1, 2)).chunk(2)
        return torch.stack([upper, lower], dim=1)

    def forward(self, x: Tensor, text: Tensor | None = None) -> Tensor:  # noqa: ARG002 - EasyOCR's signature
        """(n, 97, classes) CTC logits."""
        return self.joined(self.looks(self.features(x)[0]))

    def joined(self, looks: Tensor) -> Tensor:
        """(n, 97, classes) from the (n, 2, 48, classes) of the two looks."""
        parting: Tensor = self.get_buffer("parting").expand(len(looks), 1, -1)
        return torch.cat([looks[:, 0], parting.to(looks.dtype), looks[:, 1]], dim=1)


def _conv(inside: int, outside: int, *, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )
