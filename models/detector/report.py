"""Measure the exports on `valid` for the card: `python -m models.detector.report --data ../shared/data --work DIR`.

Prints, at the threshold of plate.json: recall at IoU 0.5 by source set, false boxes on pictures without a plate and
the time of a picture, for every precision and engine; then the recall by the plate's width in the net's input.
Nothing is chosen here.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from edge.detect.manifest import MANIFEST, Manifest
from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from edge.types import Bgr, Box
from models.detector.measure import MATCH_IOU, Outcome, false_boxes, look, median_ms, score
from models.detector.prepare import Picture, read_labels

WIDTHS_PX = (10, 13, 16, 20, 24, 32, 48, 80, 160, 320, 560)


def around_plate(bgr: Bgr, plate: Box, *, plate_px: int, size: tuple[int, int]) -> tuple[Bgr, Box]:
    """Cut and scale a picture into `size` (width, height) so that its plate is `plate_px` wide and in the middle.

    Returns:
        The picture, grey where the source ends, and the plate in it.
    """
    scale = plate_px / plate.width
    small = bgr
    while scale <= 0.5:  # average, as a camera with fewer pixels would
        small = np.asarray(cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        scale *= 2
    step = plate_px / plate.width
    x, y = plate.centre
    factors = (small.shape[1] / bgr.shape[1], small.shape[0] / bgr.shape[0])
    shift = np.array(
        [
            [step / factors[0], 0, size[0] / 2 - step * x],
            [0, step / factors[1], size[1] / 2 - step * y],
        ],
        np.float64,
    )
    view = cv2.warpAffine(small, shift, size, flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
    wide, high = step * plate.width, step * plate.height
    return np.asarray(view, np.uint8), Box((size[0] - wide) / 2, (size[1] - high) / 2, wide, high)


def recall_by_width(
    detect: Callable[[Bgr], Sequence[Box]], data: Path, pictures: Sequence[Picture], size: tuple[int, int]
) -> dict[int, float]:
    """Recall of single-plate pictures, each scaled so that its plate has a given width in the net's input."""
    single = [p for p in pictures if len(p.boxes) == 1]
    recalls = {}
    for plate_px in WIDTHS_PX:
        hits = 0
        for picture in single:
            bgr = np.asarray(cv2.imread(str(data / picture.path)), np.uint8)
            view, plate = around_plate(bgr, Box(*picture.boxes[0]), plate_px=plate_px, size=size)
            hits += any(box.iou(plate) >= MATCH_IOU for box in detect(view))
        recalls[plate_px] = hits / len(single)
    return recalls


def row(name: str, outcomes: Sequence[Outcome], threshold: float) -> str:
    """Write one line of the card's table."""
    found = score(outcomes, threshold)
    with_plates = [o for o in outcomes if o.truth]
    sets = " · ".join(f"{key} {value:.3f}" for key, value in found.by_set.items())
    pictures = sum(o.hits(threshold) > 0 for o in with_plates) / len(with_plates)
    errors = false_boxes(outcomes, threshold)
    return f"| {name} | {found.recall:.3f} | {pictures:.3f} | {sets} | {errors:.3f} | {median_ms(with_plates):.1f} |"


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path(__file__).parent, help="Where plate.* are."
)
def main(data: Path, work: Path, out: Path) -> None:
    """Measure the exports below WORK/export and OUT."""
    quiet_ultralytics()
    make_torchvision_importable()
    import torch

    from models.detector.engines import NetDetector, onnx_net, openvino_net, torch_net

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    manifest = Manifest.model_validate_json((out / Path(MANIFEST).name).read_bytes())
    size = (manifest.width, manifest.height)
    # The gate's pictures "without a plate" show plates that its own detector missed: they are no negatives.
    pictures = [
        p
        for p in read_labels(data, split="valid")
        if p.kind == "scene" and (p.boxes or p.set_name == "negative")
    ]
    nets = {
        **{
            f"OpenVINO {p}": openvino_net(work / "export" / f"plate-{p}.xml")
            for p in ("int8", "fp16", "fp32")
        },
        "ONNX Runtime": onnx_net(out / "plate.onnx"),
        "torch": torch_net(out / "plate.pt"),
    }
    click.echo("| engine | recall | pictures with a hit | by set | false boxes | ms |")
    for name, net in nets.items():
        detector = NetDetector(net, size=size, least_score=manifest.score, overlap=manifest.overlap)
        click.echo(row(name, look(detector, data, pictures), manifest.score))
    shipped = NetDetector(
        openvino_net(out / "plate.xml"), size=size, least_score=manifest.score, overlap=manifest.overlap
    )
    recalls = recall_by_width(lambda bgr: [d.box for d in shipped.detect(bgr)], data, pictures, size)
    click.echo(" · ".join(f"{width} px {recall:.3f}" for width, recall in recalls.items()))


if __name__ == "__main__":
    main()
