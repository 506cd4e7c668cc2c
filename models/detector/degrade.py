"""What cameras do to pictures and the training pictures lack: infrared grey, sensor noise, motion blur.

All pictures without a plate are grey ones. Without grey pictures with plates the detector would learn that grey
means no plate, and be blind at night under infrared light.
"""

from typing import Any

import torch

LUMA = (0.299, 0.587, 0.114)  # BT.601, the weights that cameras and OpenCV use


def degrade(images: torch.Tensor, rules: dict[str, Any]) -> torch.Tensor:
    """Degrade some pictures of a batch, drawing from torch's global generator.

    Args:
        images: Batch (n, 3, h, w), RGB, float in 0..1; not changed in place.
        rules: `grey`, `noise` and `blur`: the share of pictures that suffer each; `noise_sigma`: the largest
            standard deviation, in 0..1; `blur_px`: the longest blur, in px of the batch.

    Returns:
        Batch of the same shape, in 0..1.
    """
    batch = images.clone()
    draws = torch.rand(len(batch), 5).tolist()
    for picture, (grey, blur, noise, amount, angle) in zip(batch, draws, strict=True):
        if grey < rules["grey"]:
            picture.copy_(in_grey(picture))
        if blur < rules["blur"]:
            length = max(2, round(amount * rules["blur_px"]))
            picture.copy_(motion_blur(picture, length_px=length, horizontal=angle < 0.5))
        if noise < rules["noise"]:
            picture.add_(torch.randn_like(picture) * amount * rules["noise_sigma"]).clamp_(0.0, 1.0)
    return batch


def in_grey(picture: torch.Tensor) -> torch.Tensor:
    """Return the luma of one RGB picture (3, h, w) in all three channels."""
    weights = torch.tensor(LUMA, dtype=picture.dtype, device=picture.device).view(3, 1, 1)
    return (picture * weights).sum(dim=0, keepdim=True).expand_as(picture)


def motion_blur(picture: torch.Tensor, *, length_px: int, horizontal: bool) -> torch.Tensor:
    """Average one picture (3, h, w) over `length_px` neighbours along one axis; its edges are repeated."""
    before, after = (length_px - 1) // 2, length_px // 2
    pad = (before, after, 0, 0) if horizontal else (0, 0, before, after)
    kernel = (1, length_px) if horizontal else (length_px, 1)
    padded = torch.nn.functional.pad(picture[None], pad, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, kernel, stride=1)[0]
