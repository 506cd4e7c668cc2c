"""The programs that make the second look's weights, on pictures made here; and its engines, which agree."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detect.second_look import VEHICLES, load_manifest
from edge.detect.views import FAR, NEAR
from edge.types import Box
from models.second_look.recipe import read_recipe
from models.second_look.samples import Sample, patches, write_bank

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the training set of packages")
ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "models" / "second_look"
RULES = read_recipe()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def scene(rng: np.random.Generator, *, plate: bool) -> tuple[np.ndarray, Box]:
    """Noise; a bright box with dark strokes, or a dark disc."""
    bgr = rng.integers(70, 110, (300, 400, 3), np.uint8)
    x, y = int(rng.integers(120, 220)), int(rng.integers(120, 180))
    if plate:
        cv2.rectangle(bgr, (x, y), (x + 60, y + 16), (240, 240, 240), -1)
        for stroke in range(6):
            cv2.rectangle(bgr, (x + 5 + 9 * stroke, y + 3), (x + 9 + 9 * stroke, y + 13), (20, 20, 20), -1)
    else:
        cv2.circle(bgr, (x + 30, y + 8), 14, (15, 15, 15), -1)
    return bgr, Box(x, y, 60, 16)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with a bank and a fold."""
    folder = tmp_path_factory.mktemp("work")
    rng = np.random.default_rng(1)
    samples = []
    for number in range(60):
        plate = number % 2 == 0
        bgr, box = scene(rng, plate=plate)
        samples.append(
            Sample(
                **patches(bgr, box, box, RULES["patches"]),
                plate=plate,
                exact=plate,
                vehicle=-1,
                set_name="gatecam",
                name=f"{number}.jpg#0",
            )
        )
    write_bank(samples, folder / "bank" / "real")
    taught = {f"{n}.jpg#0": VEHICLES[(n // 2) % 4] for n in range(0, 60, 2)}
    (folder / "vehicles-train.json").write_text(json.dumps(taught), encoding="utf-8")
    write_fold(folder / "fold.npz", rng)
    return folder


def write_fold(path: Path, rng: np.random.Generator) -> None:
    from edge.detect.letterbox import letterbox
    from edge.detect.views import far_view, near_view

    scenes = [scene(rng, plate=number % 2 == 0) for number in range(20)]
    near, far = [], []
    for bgr, box in scenes:
        picture, fit = letterbox(bgr, width=832, height=480)
        near.append(near_view(bgr, box))
        far.append(far_view(picture, fit.to_input(box)))
    plates = [(n, b.x, b.y, b.width, b.height) for n, (_, b) in enumerate(scenes) if n % 2 == 0]
    np.savez(
        path,
        near=np.stack(near),
        far=np.stack(far),
        picture=np.arange(20),
        box=np.array([(b.x, b.y, b.width, b.height) for _, b in scenes], np.float32),
        score=np.full(20, 0.5, np.float32),
        truth=np.array(plates, np.float32),
        frames=np.array([bgr.shape[:2] for bgr, _ in scenes]),
        set_name=np.array(["gatecam" if n % 2 == 0 else "negative" for n in range(20)]),
        paths=np.array([f"{2 * n}.jpg" for n in range(20)]),
    )


def small_recipe() -> dict:
    recipe = read_recipe()
    recipe["train"] |= {"batch": 24, "epochs": 6, "warm": 2, "average": 0.5}
    return recipe


def test_training_learns_to_tell_a_plate_and_goes_on_where_it_stopped(work: Path) -> None:
    from models.second_look.train import Run, answers_of

    run = Run(work, small_recipe())
    first = run.learn()
    run.save(run.look(first))
    again = Run(work, small_recipe())
    assert again.epoch == 1
    assert all(
        torch.equal(a, b)
        for a, b in zip(run.net.state_dict().values(), again.net.state_dict().values(), strict=True)
    )
    losses = [first]
    while again.epoch < 6:
        losses.append(again.learn())
        again.save(again.look(losses[-1]))
    assert losses[-1] < losses[0]
    said = answers_of(again.mean, again.fold.near, again.fold.far)[:, 0]
    assert said[::2].min() > said[1::2].max()  # every plate above everything else
    with (work / "look" / "curve.csv").open(encoding="utf-8", newline="") as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4, 5, 6]


def test_a_run_that_went_on_is_the_one_that_never_stopped(work: Path, tmp_path: Path) -> None:
    from models.second_look.train import Run

    nets = {}
    for name, stops in (("whole", False), ("resumed", True)):
        folder = tmp_path / name
        folder.mkdir()
        for shared in ("bank", "fold.npz", "vehicles-train.json"):
            (folder / shared).symlink_to(work / shared)
        run = Run(folder, small_recipe())
        for _ in range(2):
            run.save(run.look(run.learn()))
            run = Run(folder, small_recipe()) if stops else run
        nets[name] = run.net.state_dict()
    assert small_recipe()["train"]["drop"] > 0
    for key, value in nets["whole"].items():
        assert torch.equal(value, nets["resumed"][key]), key


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch calls its exporter old
def test_the_exports_agree(work: Path, tmp_path: Path) -> None:
    import onnxruntime
    import openvino

    from models.second_look.export import write
    from models.second_look.fit import plain_manifest
    from models.second_look.measure import Views
    from models.second_look.net import SecondLook
    from models.second_look.train import answers_of

    torch.manual_seed(3)
    net, views = SecondLook().eval(), Views.load(work / "fold.npz")
    write(
        net, tmp_path, manifest=plain_manifest(0.1).model_dump(), precision="fp16", views=views, recipe=RULES
    )
    expected = answers_of(net, views.near, views.far)
    session = onnxruntime.InferenceSession(str(tmp_path / "look.onnx"), providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(
        str(tmp_path / "look.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for row in range(5):
        given = {"near": views.near[row][None], "far": views.far[row][None]}
        assert np.allclose(session.run(None, given)[0][0], expected[row], atol=1e-3)
        assert np.allclose(compiled(given)[0][0], expected[row], atol=2e-2)


def test_the_shipped_files_agree() -> None:
    import onnxruntime

    from edge import net
    from edge.assets import checked

    manifest, path = load_manifest()
    onnx, graph, weights = checked(path, manifest.sha256, "look.onnx", "look.xml", "look.bin")
    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    request = net.compiled(net.load(graph, weights), threads=1).create_infer_request()
    rng = np.random.default_rng(2)
    for _ in range(10):
        bgr, box = scene(rng, plate=True)
        from edge.detect.views import far_view, near_view

        given = {"near": near_view(bgr, box)[None], "far": far_view(bgr, box)[None]}
        request.infer(given)
        theirs = session.run(None, given)[0][0]
        assert theirs.shape == (9,)
        assert np.abs(request.get_output_tensor().data[0] - theirs).max() < 0.1
    assert given["near"].shape == (1, *NEAR[::-1])
    assert given["far"].shape == (1, *FAR[::-1])
