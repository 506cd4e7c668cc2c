"""Average the weights before and after the polish: `python -m models.detector.average --work DIR`.

The polish learns the rendered plates and forgets a little of the real ones; weights on the straight line between
the two keep most of both (Wortsman et al., arXiv 2109.01903), at no cost on the box. Writes
WORK/average/weights/epochN.pt, N the share of the polished weights in percent, for `choose.py --run average`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from models.detector.recipe import recipe_of
from models.detector.train import chosen

if TYPE_CHECKING:
    import torch


def between(
    before: dict[str, "torch.Tensor"], after: dict[str, "torch.Tensor"], share: float
) -> dict[str, "torch.Tensor"]:
    """Interpolate two states of one network: 0 gives `before`, 1 gives `after`; counters are those of `after`.

    Raises:
        ValueError: the two are not of one network.
    """
    if before.keys() != after.keys():
        raise ValueError("the two checkpoints are of different networks")
    return {
        name: before[name].float() * (1 - share) + value.float() * share
        if value.is_floating_point()
        else value
        for name, value in after.items()
    }


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
def main(work: Path) -> None:
    """Average the checkpoints that were chosen of the main stage and of the polish."""
    quiet_ultralytics()
    make_torchvision_importable()
    import torch

    ends = [
        torch.load(chosen(work, run), map_location="cpu", weights_only=False)["ema"]
        for run in ("run", "polish")
    ]
    states = [{name: value.clone() for name, value in model.state_dict().items()} for model in ends]
    out = work / "average" / "weights"
    out.mkdir(parents=True, exist_ok=True)
    for percent in recipe_of(work)["average"]["percents"]:
        model = ends[1].float()
        model.load_state_dict(between(states[0], states[1], percent / 100))
        torch.save({"ema": model, "model": None, "epoch": percent}, out / f"epoch{percent}.pt")
        click.echo(f"{out / f'epoch{percent}.pt'}")


if __name__ == "__main__":
    main()
