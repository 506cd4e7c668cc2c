"""Name the vehicle of every labelled plate: `python -m models.second_look.teach SPLIT --work DIR`.

The COCO-trained yolov8n of the recipe looks at each scene, and once more at the surroundings of each plate that is
small in it. The smallest box of which it is sure names the vehicle; where looks differ, nothing is said. It takes
every other old car for a truck or a bus: corrections.yaml says what was seen by eye.

    WORK/teacher-SPLIT.json    what it saw, by picture; a picture that stands there is not looked at again
    WORK/vehicles-SPLIT.json   by plate (`path#number`): car, motorcycle, bus, truck, or null where in doubt
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import openvino
import yaml
from numpy.typing import NDArray
from rich.progress import track

from edge.detect.decode import suppress
from edge.detect.second_look import VEHICLES
from edge.detect.views import size_of
from edge.types import Bgr, Box
from models.detector.prepare import Picture, picture_of, read_labels
from models.second_look.recipe import recipe_of

CORRECTIONS = Path(__file__).with_name("corrections.yaml")
SIDE = 640
COCO = (2, 3, 5, 7, 0, 1)
"""Rows of the teacher: car, motorcycle, bus, truck as in `VEHICLES`; then person and bicycle."""
LEAST = 0.15
MARGIN = 0.08
"""By how much a vehicle's box is widened before a plate is asked to lie in it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that the teacher saw.

    Attributes:
        box: px of the scene.
        scores: of car, motorcycle, bus, truck, person, bicycle, 0..1.
    """

    box: Box
    scores: tuple[float, ...]

    def bears(self, plate: Box) -> bool:
        """Whether the plate lies in it."""
        across, down = MARGIN * self.box.width, MARGIN * self.box.height
        wide = Box(
            self.box.x - across, self.box.y - down, self.box.width + 2 * across, self.box.height + 2 * down
        )
        return plate.share_in(wide) >= 0.75


class Teacher:
    """The COCO-trained net."""

    def __init__(self, rules: dict[str, Any]) -> None:
        """Load it from the wheel that the recipe names.

        Raises:
            FileNotFoundError: the wheel is not installed.
            ValueError: its file is another one.
        """
        from models.detector.coco import checked, wheel_file  # brings torch, which naming needs not

        path = checked(wheel_file(rules["package"], rules["file"]), rules["sha256"])
        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
        self._request = core.compile_model(core.read_model(str(path)), "CPU", settings).create_infer_request()

    def look(self, bgr: Bgr) -> list[Seen]:
        """Vehicles, people and bicycles in a picture of any size."""
        scale = SIDE / max(bgr.shape[:2])
        size = max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale))
        small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
        canvas[: size[1], : size[0]] = small
        planes = np.ascontiguousarray(canvas[None, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / 255
        self._request.infer([planes])
        raw: NDArray[np.float32] = self._request.get_output_tensor().data[0]
        scores = raw[4:][list(COCO)]
        chosen = np.flatnonzero(scores.max(axis=0) >= LEAST)
        chosen = chosen[np.argsort(-scores[:, chosen].max(axis=0), kind="stable")][:300]
        x, y, w, h = raw[:4, chosen] / scale
        corners = np.stack((x - w / 2, y - h / 2, x + w / 2, y + h / 2), axis=1)
        return [
            Seen(
                Box(*(float(v) for v in (x[i] - w[i] / 2, y[i] - h[i] / 2, w[i], h[i]))),
                tuple(round(float(v), 3) for v in scores[:, chosen[i]]),
            )
            for i in suppress(corners, most_overlap=0.6)
        ]

    def around(self, bgr: Bgr, plate: Box, reach: tuple[float, float, float]) -> list[Seen] | None:
        """What stands around a plate; None where that is most of the picture.

        Args:
            bgr: the scene.
            plate: px of the scene.
            reach: to each side, above and below, in sizes of the plate.
        """
        height, width = bgr.shape[:2]
        size, (x, y) = size_of(plate), plate.centre
        x0, x1 = max(0, int(x - reach[0] * size)), min(width, int(x + reach[0] * size))
        y0, y1 = max(0, int(y - reach[1] * size)), min(height, int(y + reach[2] * size))
        if (x1 - x0) * (y1 - y0) >= 0.6 * width * height:
            return None
        return [
            Seen(Box(s.box.x + x0, s.box.y + y0, s.box.width, s.box.height), s.scores)
            for s in self.look(bgr[y0:y1, x0:x1])
        ]


def named(looks: list[list[Seen]], plate: Box, rules: dict[str, Any]) -> str | None:
    """What bears a plate: one of `VEHICLES`, or None where the looks do not say or differ."""
    answers = set()
    for seen in looks:
        sure = [s for s in seen if s.bears(plate) and _is_sure(s, rules)]
        if sure:
            smallest = min(sure, key=lambda s: s.box.area)
            answers.add(VEHICLES[int(np.argmax(smallest.scores[:4]))])
    return answers.pop() if len(answers) == 1 else None


def _is_sure(seen: Seen, rules: dict[str, Any]) -> bool:
    best, second = sorted(seen.scores[:4], reverse=True)[:2]
    return best >= rules["sure"] and best - second >= rules["lead"] and best > seen.scores[5]


def corrections(path: Path = CORRECTIONS) -> dict[str, str | None]:
    """What was seen by eye, by plate.

    Raises:
        ValueError: a vehicle is none of `VEHICLES`.
    """
    by_kind: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if wrong := set(by_kind) - {*VEHICLES, "doubt"}:
        raise ValueError(f"{path}: unknown vehicles {', '.join(sorted(wrong))}")
    return {name: kind if kind in VEHICLES else None for kind, names in by_kind.items() for name in names}


def dumped(seen: list[Seen]) -> list[Any]:
    """As plain data."""
    return [[[s.box.x, s.box.y, s.box.width, s.box.height], list(s.scores)] for s in seen]


def loaded(rows: list[Any]) -> list[Seen]:
    """From plain data."""
    return [Seen(Box(*box), tuple(scores)) for box, scores in rows]


def watch(pictures: list[Picture], data: Path, *, out: Path, rules: dict[str, Any]) -> dict[str, Any]:
    """Let the teacher look at pictures, going on where `out` ends; returns what it saw."""
    seen: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    teacher = Teacher(rules)
    left = [p for p in pictures if p.path not in seen]
    for number, picture in enumerate(track(left, description="vehicles")):
        bgr = picture_of(data / picture.path)
        near = [teacher.around(bgr, Box(*box), tuple(rules["around"])) for box in picture.boxes]
        seen[picture.path] = {
            "whole": dumped(teacher.look(bgr)),
            "near": [None if each is None else dumped(each) for each in near],
        }
        if number % 200 == 199:
            out.write_text(json.dumps(seen), encoding="utf-8")
    out.write_text(json.dumps(seen), encoding="utf-8")
    return seen


@click.command()
@click.argument("split", type=click.Choice(["train", "valid"]))
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
def main(split: str, data: Path, work: Path) -> None:
    """Name the vehicles of a split's plates."""
    rules = recipe_of(work)["teacher"]
    pictures = [p for p in read_labels(data, split=split) if p.kind == "scene" and p.boxes]
    seen = watch(pictures, data, out=work / f"teacher-{split}.json", rules=rules)
    vehicles: dict[str, str | None] = {}
    for picture in pictures:
        whole = loaded(seen[picture.path]["whole"])
        for number, (box, near) in enumerate(zip(picture.boxes, seen[picture.path]["near"], strict=True)):
            looks = [whole] if near is None else [whole, loaded(near)]
            vehicles[f"{picture.path}#{number}"] = named(looks, Box(*box), rules)
    vehicles |= {name: kind for name, kind in corrections().items() if name in vehicles}
    (work / f"vehicles-{split}.json").write_text(json.dumps(vehicles, indent=0), encoding="utf-8")
    click.echo(str(Counter(vehicles.values())))


if __name__ == "__main__":
    main()
