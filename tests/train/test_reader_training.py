"""The reader's network: what it takes and gives, that it learns, and that every export says what it says."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import click
import numpy as np
import openvino
import pytest
import yaml

torch = pytest.importorskip("torch", reason="needs the training set of packages")

pytestmark = [
    pytest.mark.train,
    # The new exporter needs a package more; the old one says so, and names each size that it takes as fixed.
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning:torch.onnx",
        "ignore:.*legacy TorchScript",
        "ignore::torch.jit.TracerWarning",
        "ignore:.*torch.jit.* is deprecated:FutureWarning",
        # A pool of processes that NNCF's compiler of kernels leaves to the garbage collector.
        "ignore:.*Pool.__del__:pytest.PytestUnraisableExceptionWarning",
    ),
]

from edge import assets, ctc  # noqa: E402
from edge.contract.pattern import ALPHABET  # noqa: E402
from edge.read.easyocr_reader import EasyOcrReader  # noqa: E402
from edge.read.openvino import OpenVinoReader  # noqa: E402
from models.reader import calibrate, data, prepare, sweep, train  # noqa: E402
from models.reader.atalaya_plate import Model  # noqa: E402
from models.reader.data import Source, Stream, collate, rendered_fold, scaled  # noqa: E402
from models.reader.export import FILES, Facts, Whole, write  # noqa: E402
from models.reader.grow import grown  # noqa: E402
from models.reader.measure import read  # noqa: E402
from models.reader.quantise import Heads, Text, distance, distil, pictures, quantised  # noqa: E402
from models.reader.train import Run, loss_of  # noqa: E402

PARAMS: dict[str, Any] = {"widths": [8, 16, 24, 32], "depth": [1, 1], "kinds": len(prepare.KINDS)}
KEPT = 100
RULES = {"kind_weight": 0.1}
NO_SHARES = {"real": 0.0, "none": 0.0}
FACTS = Facts(PARAMS, temperature=1.3, shares=[1 / len(prepare.KINDS)] * len(prepare.KINDS))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A set of rendered plates alone, as a clone without the labelled pictures makes it."""
    work = tmp_path_factory.mktemp("reader")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(data, "KEPT", KEPT)
    prepare.write_bank(work / "bank", KEPT + 60, seed=3, faces=())
    yield work
    monkeypatch.undo()


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(5)
    model = Model(37, **PARAMS)
    # Untrained, but not the same everywhere: running means as if it had seen something.
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(8, 1, 64, 192))
    model.eval()
    return model


def test_it_gives_two_lines_of_steps_and_a_blank_between(model: Model) -> None:
    out = model(torch.randn(2, 1, 64, 192))
    assert out.shape == (2, 97, 37)
    assert out[:, 48].softmax(dim=1)[:, 0].min() > 0.999999


def test_equal_characters_at_the_parting_stay_two() -> None:
    sure = np.full((97, 37), -9.0, np.float32)
    sure[:, 0] = 0.0
    sure[[47, 49], 0], sure[[47, 49], 1] = -9.0, 0.0
    assert ctc.greedy(sure) == (1, 1)


def test_it_learns_a_handful_of_plates(bank: Path) -> None:
    """What the loss asks for is what reading gives: a net that has seen eight pictures often reads these eight."""
    torch.manual_seed(1)
    rng = np.random.default_rng(2)
    source = Source(bank, shares={"real": 0.0, "none": 0.0})
    examples = [source.example(rng) for _ in range(8)]
    batch = collate(examples)
    net = Model(37, widths=(16, 24, 48, 48), depth=(1, 1), kinds=len(prepare.KINDS)).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3)
    pictures = data.scaled(batch[0])
    losses = []
    for step in range(260):
        optimiser.param_groups[0]["lr"] = 4e-3 * (1 - step / 260)
        loss = loss_of(net, (pictures, *batch[1:]), RULES)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    said = read(net, np.stack([e.picture for e in examples]))
    assert sum(a == "".join(e.lines) for a, e in zip(said, examples, strict=True)) >= 7


def test_kept_plates_are_never_drawn_for_training(bank: Path) -> None:
    facts = json.loads((bank / "bank" / "bank.json").read_text(encoding="utf-8"))
    kept = {tuple(fact["lines"]) for fact in facts[-KEPT:]}
    seen = {tuple(fact["lines"]) for fact in facts[:-KEPT]}
    rng = np.random.default_rng(4)
    source = Source(bank, shares={"real": 0.0, "none": 0.1})
    drawn = {source.example(rng).lines for _ in range(300)} - {()}
    assert drawn <= seen
    assert {text for _, text in rendered_fold(bank, 50, seed=1)} <= {"".join(lines) for lines in kept}


def test_kept_words_are_never_drawn_for_training(bank: Path, tmp_path: Path) -> None:
    """Each of 21 pictures of words has a grey of its own; three of them are kept."""
    (tmp_path / "bank").symlink_to(bank / "bank")
    words = {f"word{n}": np.full((20, 60), 10 * n, np.uint8) for n in range(21)}
    np.savez(tmp_path / "crops.npz", **words)  # type: ignore[arg-type]
    (tmp_path / "crops.json").write_text("[]", encoding="utf-8")
    kept = data.lettering_fold(tmp_path)
    assert len(kept) == 3
    assert {text for _, text in kept} == {""}
    drawn = {int(word[0, 0]) for word in Source(tmp_path, shares={"real": 0.0, "none": 1.0})._words}
    assert drawn == {10 * n for n in range(21)} - {0, 70, 140}


def test_without_words_there_is_no_fold_of_them(bank: Path) -> None:
    assert data.lettering_fold(bank) == []


class TestGoingOn:
    """A run goes on by the recipe that it was begun with, or not at all."""

    RECIPE = yaml.safe_load(prepare.RECIPE.read_text(encoding="utf-8")) | {
        "net": {"widths": PARAMS["widths"], "depth": PARAMS["depth"]}
    }

    def run(self, work: Path, **changes: Any) -> Run:
        return Run(work, self.RECIPE, {**self.RECIPE["cpu"], "begin": "nothing", **changes})

    @pytest.fixture
    def work(self, bank: Path, tmp_path: Path) -> Path:
        """A run that was stopped after 7 steps, its best 0.5."""
        (tmp_path / "bank").symlink_to(bank / "bank")
        run = self.run(tmp_path)
        run.step, run.best = 7, 0.5
        run.save()
        return tmp_path

    @pytest.mark.parametrize("steps", [8, 15500, 99999])
    def test_it_may_be_longer_or_shorter(self, work: Path, steps: int) -> None:
        run = self.run(work, steps=steps)
        assert (run.step, run.best) == (7, 0.5)

    def test_another_recipe_is_refused_and_named(self, work: Path) -> None:
        with pytest.raises(
            click.ClickException, match=r"another recipe \(batch was 128, is 64; decay was 0.02, is 0.5\)"
        ):
            self.run(work, decay=0.5, batch=64, steps=9)

    @pytest.mark.parametrize("missing", ["rules", "sets"])
    def test_one_that_does_not_say_its_recipe_is_refused(self, work: Path, missing: str) -> None:
        state = torch.load(work / "last.pt", weights_only=True)
        del state[missing]
        torch.save(state, work / "last.pt")
        with pytest.raises(click.ClickException, match="does not say by which recipe"):
            self.run(work)

    def test_the_best_of_other_sets_does_not_count(
        self, work: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = {f"word{n}": np.full((20, 60), 10 * n, np.uint8) for n in range(8)}
        np.savez(work / "crops.npz", **words)  # type: ignore[arg-type]
        (work / "crops.json").write_text("[]", encoding="utf-8")
        run = self.run(work)
        assert (run.step, run.best) == (7, -1.0)
        said = capsys.readouterr().out
        assert said == "held out were rendered, are lettering, rendered: the best is looked for anew\n"


@pytest.fixture(scope="module")
def shipped(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "reader"
    folder.mkdir()
    write(model, folder, facts=FACTS)
    return folder.parent


def test_every_file_is_written_and_small(shipped: Path) -> None:
    assert {p.name for p in (shipped / "reader").iterdir()} == {*FILES, "reader.json"}
    assert max(p.stat().st_size for p in (shipped / "reader").iterdir()) < 12_000_000
    network = yaml.safe_load((shipped / "reader" / "atalaya_plate.yaml").read_text(encoding="utf-8"))
    assert (network["imgH"], network["character_list"]) == (64, ALPHABET)


def test_easyocr_and_the_export_say_the_same(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temperature included: the CTC tensor of both engines, on crops of any size."""
    monkeypatch.setitem(assets._CHECKOUT, "models", shipped)
    rng = np.random.default_rng(7)
    crops = [
        rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        for h, w in ((20, 60), (64, 192), (120, 110), (9, 300))
    ]
    exported, easy = OpenVinoReader().read(crops), EasyOcrReader().read(crops)
    for one, other in zip(exported, easy, strict=True):
        assert one.log_probs.shape == (97, 37)
        assert np.abs(np.exp(one.log_probs) - np.exp(other.log_probs)).max() < 5e-3
        assert np.exp(one.log_probs).sum(axis=1) == pytest.approx(1, abs=1e-3)
        assert one.look == pytest.approx(other.look, abs=5e-3)


@pytest.fixture(scope="module")
def sure(model: Model) -> Model:
    """The net, but sure of what it says: where all is equally likely, rounding changes nothing."""
    louder = copy.deepcopy(model)
    with torch.no_grad():
        louder.characters.weight *= 30
    return louder


@pytest.fixture(scope="module")
def rounded(sure: Model, bank: Path) -> tuple[Any, float, float]:
    """The net in int8, and how far from float it was before and after it was taught, nats a picture."""
    teacher = Heads(sure).eval()
    drawn = pictures(bank, shares=NO_SHARES, batch=1, seed=2)
    student = quantised(teacher, (next(drawn) for _ in range(8)))
    kept = next(pictures(bank, shares=NO_SHARES, batch=16, seed=9))

    def apart() -> float:
        with torch.inference_mode():
            return float(distance(student(kept), teacher(kept), kind_weight=0.1))

    before = apart()
    rules = {"rate": 2e-5, "steps": 40, "kind_weight": 0.1}
    distil(student, teacher, pictures(bank, shares=NO_SHARES, batch=8, seed=4), rules)
    return student, before, apart()


class TestInt8:
    """The rounded net is made to say what the float one says, and what is shipped is the rounded one."""

    def test_teaching_brings_it_nearer(self, rounded: tuple[Any, float, float]) -> None:
        _, before, after = rounded
        assert after < 0.8 * before

    def test_the_float_net_is_left_as_it_was(self, model: Model, bank: Path) -> None:
        weights = {name: value.clone() for name, value in model.state_dict().items()}
        teacher = Heads(model).eval()
        drawn = pictures(bank, shares=NO_SHARES, batch=2, seed=2)
        student = quantised(teacher, (next(drawn)[:1] for _ in range(4)))
        distil(student, teacher, drawn, {"rate": 1e-2, "steps": 2, "kind_weight": 0.1})
        assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())

    def test_what_is_shipped_computes_in_int8_and_says_what_it_says(
        self, sure: Model, bank: Path, rounded: tuple[Any, float, float], tmp_path: Path
    ) -> None:
        write(sure, tmp_path, box=rounded[0], facts=FACTS)
        exported = openvino.Core().read_model(str(tmp_path / "reader.xml"))
        kinds = [op.get_type_name() for op in exported.get_ordered_ops()]
        assert kinds.count("FakeQuantize") > 10
        net = openvino.Core().compile_model(exported, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        # A processor's own order of adding decides on which side of a step of int8 a value falls, and a step is what
        # teaching is about: so the bar is a share of what rounding did before it was taught.
        apart = []
        for picture, _ in rendered_fold(bank, 8, seed=3):
            with torch.inference_mode():
                heads = Whole(rounded[0], sure, FACTS.temperature).eval()(torch.from_numpy(picture)[None])
            found = net(picture[None])
            shipped = (torch.from_numpy(found[0])[None], torch.from_numpy(found[1]))
            taught = (heads[0][None], heads[1])
            apart.append(float(distance(shipped, taught, kind_weight=0.1)))
        assert np.mean(apart) < 0.5 * rounded[1]

    def test_it_reads_as_the_net_does(self, model: Model, bank: Path) -> None:
        pairs = rendered_fold(bank, 6, seed=1)
        shown = np.stack([picture for picture, _ in pairs])
        assert read(Text(Heads(model), model), shown) == read(model, shown)


class TestGrowing:
    """A wider net begins by saying what the narrower one says, and its copies part ways."""

    WIDER: ClassVar[dict[str, Any]] = {**PARAMS, "widths": [12, 16, 40, 70]}

    @pytest.fixture
    def narrow(self) -> Model:
        """Trained on nothing, but with means and variances of its own, as after a training."""
        torch.manual_seed(5)
        net = Model(train.CLASSES, **PARAMS)
        with torch.no_grad():
            for _ in range(3):
                net(torch.rand(4, 1, 64, 192) * 2 - 1)
        return net.eval()

    @pytest.fixture
    def wide(self, narrow: Model) -> Model:
        net = Model(train.CLASSES, **self.WIDER)
        net.load_state_dict(grown(narrow.state_dict(), PARAMS, self.WIDER, seed=1))
        return net.eval()

    def test_it_says_the_same(self, narrow: Model, wide: Model) -> None:
        shown = torch.rand(3, 1, 64, 192) * 2 - 1
        with torch.inference_mode():
            for found, right in zip(Heads(wide)(shown), Heads(narrow)(shown), strict=True):
                assert (found - right).abs().max() < 1e-4
                assert right.std() > 0.01

    def test_no_two_channels_learn_the_same(self, wide: Model) -> None:
        """Copies that got equal gradients would be one channel for ever."""
        Heads(wide)(torch.rand(3, 1, 64, 192) * 2 - 1)[0].square().sum().backward()
        for name, weight in wide.named_parameters():
            if weight.dim() > 1 and name.split(".")[0] in {"trunk", "widen", "along"}:
                assert weight.grad is not None
                rows = weight.grad.flatten(1)
                apart = torch.cdist(rows, rows) + torch.eye(len(rows)) * 1e9
                live = rows.norm(dim=1) > 1e-6
                assert (apart.min(dim=1).values[live] > 1e-7).all(), name
        wide.zero_grad()

    def test_a_net_of_the_same_size_is_the_same(self, narrow: Model) -> None:
        found = grown(narrow.state_dict(), PARAMS, PARAMS, seed=1)
        for name, value in narrow.state_dict().items():
            assert torch.allclose(found[name], value, atol=1e-6), name

    @pytest.mark.parametrize(
        "other",
        [{"widths": [8, 16, 20, 32]}, {"depth": [1, 2]}, {"kinds": 3}],
        ids=["narrower", "deeper", "kinds"],
    )
    def test_whatever_is_not_wider_is_refused(self, narrow: Model, other: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"grows|only widths"):
            grown(narrow.state_dict(), PARAMS, {**PARAMS, **other}, seed=1)

    def test_a_run_whose_net_the_shipped_one_cannot_become_says_so(self, bank: Path, tmp_path: Path) -> None:
        (tmp_path / "bank").symlink_to(bank / "bank")
        recipe = yaml.safe_load(prepare.RECIPE.read_text(encoding="utf-8")) | {
            "net": {"widths": PARAMS["widths"], "depth": PARAMS["depth"]}
        }
        with pytest.raises(click.ClickException, match="begin: nothing"):
            Run(tmp_path, recipe, {**recipe["cpu"], "begin": "shipped"})

    def test_a_run_begins_where_the_recipe_says(self, bank: Path, tmp_path: Path) -> None:
        """As shipped, it reads rendered plates before its first step; from nothing it reads none."""
        (tmp_path / "bank").symlink_to(bank / "bank")
        recipe = yaml.safe_load(prepare.RECIPE.read_text(encoding="utf-8"))
        pairs = rendered_fold(bank, 20, seed=1)
        shown = np.stack([picture for picture, _ in pairs])
        right = {}
        for begin in ("shipped", "nothing"):
            run = Run(tmp_path, recipe, {**recipe["cpu"], "begin": begin})
            said = [read(net.eval(), shown) for net in (run.model, run.average.module)]
            assert said[0] == said[1]
            right[begin] = sum(a == b for a, (_, b) in zip(said[0], pairs, strict=True))
        assert right["shipped"] > 10
        assert right["nothing"] == 0


class TestSweep:
    """Short trainings that differ in one thing."""

    RECIPE: ClassVar[dict[str, Any]] = {
        "seed": 3,
        "net": {"widths": [4, 8, 12, 16], "depth": [1, 1]},
        "cpu": {"device": "cpu", "rate": 1e-3, "decay": 0.0, "batch": 2, "shares": NO_SHARES, **RULES},
    }

    @pytest.mark.parametrize("variant", sweep.VARIANTS, ids=lambda v: v.name)
    def test_every_variant_learns_and_is_looked_at_once(
        self, variant: sweep.Variant, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "bank").symlink_to(bank / "bank")
        torch.save(train.build(self.RECIPE).state_dict(), tmp_path / "best.pt")
        monkeypatch.setattr(train, "rendered_fold", lambda work, _, seed: rendered_fold(work, 4, seed=seed))
        seen = []
        loss = Run.loss

        def watched(run: Run, batch: tuple[Any, ...]) -> torch.Tensor:
            seen.append(batch[0])
            return loss(run, batch)

        monkeypatch.setattr(Run, "loss", watched)
        found = sweep.train(variant, tmp_path, self.RECIPE, steps=2, batch=2)
        assert set(found) == {"rendered"}
        assert [pictures.shape for pictures in seen] == [(2, 1, 64, 192)] * 2
        assert sweep.train(variant, tmp_path, self.RECIPE, steps=2, batch=2) == found
        assert len(seen) == 2, "what was found is kept"

    def test_a_coarser_picture_holds_no_finer_stripes(self) -> None:
        stripes = torch.zeros(1, 1, 64, 192)
        stripes[..., ::2] = 1.0
        assert torch.equal(sweep.coarse(stripes, 1.0), stripes)
        seen = sweep.coarse(stripes, 0.5)
        assert seen.shape == stripes.shape
        assert (seen[..., 4:-4] - 0.5).abs().max() < 0.05

    def test_a_word_of_the_teacher_moves_the_net(self, bank: Path, tmp_path: Path) -> None:
        """The nearer to the teacher the less the loss, whatever the labels."""
        (tmp_path / "bank").symlink_to(bank / "bank")
        recipe = sweep.Variant("same").recipe(self.RECIPE, steps=2, batch=2)
        teacher = train.build(recipe)
        run = sweep.Taught(tmp_path, recipe, recipe["cpu"], teacher=Heads(teacher), scale=1.0)
        batch = next(iter(Stream(tmp_path, batch=2, seed=1, shares=NO_SHARES)))
        shown = (scaled(batch[0]), *batch[1:])

        def told() -> float:
            run.model.eval()
            with torch.inference_mode():
                return float(run.loss(shown) - Run.loss(run, shown))

        for value in teacher.parameters():
            value.data += 0.1
        assert told() > 0.1
        run.model.load_state_dict(teacher.state_dict())
        assert told() == pytest.approx(0.0, abs=1e-3)

    def test_one_thing_differs(self) -> None:
        half = sweep.Variant("half", width=0.5).recipe(self.RECIPE, steps=20, batch=2)
        assert half["net"]["widths"] == [2, 4, 6, 8]
        assert (
            sweep.Variant("none", real=0.1).recipe(self.RECIPE, steps=20, batch=2)["cpu"]["shares"]["real"]
            == 0.1
        )
        assert self.RECIPE["cpu"]["shares"]["real"] == 0.0


class TestCalibration:
    """A net that is too sure is made less so, one that is not sure enough surer, and a right one is left."""

    @pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
    def test_the_temperature_undoes_a_factor(self, model: Model, bank: Path, factor: float) -> None:
        pairs = rendered_fold(bank, 40, seed=1)
        steps = calibrate.logits(model, [picture for picture, _ in pairs])
        # Strings drawn from the posterior itself: at these logits it is exactly right.
        rng = np.random.default_rng(8)
        drawn = []
        for row in steps.softmax(dim=2).numpy():
            codes = np.array([rng.choice(37, p=np.asarray(p, float) / p.sum(dtype=float)) for p in row])
            drawn.append("".join(ALPHABET[k - 1] for k in ctc.greedy(np.eye(37, dtype=np.float32)[codes])))
        losses = {
            t: float(calibrate.loss(steps * factor, drawn, temperature=t).mean()) for t in calibrate.GRID
        }
        assert min(losses, key=losses.__getitem__) == pytest.approx(factor, rel=0.12)

    def test_the_best_of_the_grid_is_taken(self, model: Model, bank: Path) -> None:
        pairs = rendered_fold(bank, 12, seed=1)
        found = calibrate.fit(model, pairs)
        assert found.after <= found.before
        assert found.n == 12

    def test_one_wrong_label_does_not_decide(self) -> None:
        assert float(calibrate.bounded(torch.tensor([1000.0]))) < 20
        assert float(calibrate.bounded(torch.tensor([0.1]))) == pytest.approx(0.11, abs=0.01)
