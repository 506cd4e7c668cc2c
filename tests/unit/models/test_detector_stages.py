"""The whole training goes on where it stopped, by what it was begun with, and never looks at `valid`."""

import textwrap
from pathlib import Path

import click
import pytest
import yaml

from models.detector.recipe import RECIPE, read_recipe
from models.detector.stages import FILES, Stage, begin, run, ship, stages

PROBE = """
    import sys
    from pathlib import Path

    work, name = Path(sys.argv[sys.argv.index("--work") + 1]), sys.argv[1]
    with (work / "log").open("a") as log:
        log.write(f"{name} ")
    sys.exit((work / f"fails-{name}").is_file())
"""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder, and a program that tells when it was called."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "stage_probe.py").write_text(textwrap.dedent(PROBE), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def three() -> list[Stage]:
    return [Stage(name, f"does {name}", "stage_probe", (name,)) for name in ("a", "b", "c")]


def test_a_stage_that_failed_is_where_it_goes_on(probe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (probe / "fails-b").touch()
    with pytest.raises(click.ClickException, match="stage b ended with 1"):
        run(three(), probe)
    assert (probe / "log").read_text() == "a b "
    (probe / "fails-b").unlink()
    capsys.readouterr()
    run(three(), probe)
    assert (probe / "log").read_text() == "a b b c "
    said = capsys.readouterr().out
    assert "[1/3] does a: done before" in said
    assert "[2/3] does b\n" in said
    run(three(), probe)
    assert (probe / "log").read_text() == "a b b c "


@pytest.mark.parametrize("data", [None, Path("pictures")])
def test_every_stage_has_a_name_of_its_own_and_none_reads_valid(data: Path | None) -> None:
    listed = stages(Path("work"), read_recipe(alone=data is None), data)
    names = [stage.name for stage in listed]
    assert len(set(names)) == len(names)
    for stage in listed:
        assert "valid" not in stage.arguments, stage
        assert stage.module.rpartition(".")[2] != "report", stage
        assert data is not None or "--data" not in stage.arguments, stage


def test_each_stage_comes_after_what_it_needs() -> None:
    names = [stage.name for stage in stages(Path("work"), read_recipe(), Path("pictures"))]
    order = (
        "render fold pictures train choose mix polish choose-polish average choose-average export teach look-train "
        "look-written look-42 look-43 look-streets look-lettering look-fold look look-fit look-export"
    )
    assert names == order.split()


def test_without_real_pictures_nothing_is_polished() -> None:
    recipe = read_recipe(alone=True)
    names = [stage.name for stage in stages(Path("work"), recipe, None)]
    assert names[:5] == ["render", "pictures", "train", "choose", "export"]
    assert [name for name in names if name[5:].isdigit()] == [
        f"look-{seed}" for seed in recipe["render"]["scenes"]["seeds"]
    ]
    assert not {"polish", "average", "teach", "look-train", "look-written"} & set(names)


def test_a_training_goes_by_the_recipe_that_it_was_begun_with(tmp_path: Path) -> None:
    recipe = begin(tmp_path / "work", section="tiny", data=None)
    assert recipe == read_recipe(RECIPE, section="tiny", alone=True)
    path = tmp_path / "work" / "detector.yaml"
    path.write_text(yaml.safe_dump(recipe | {"seed": 99}), encoding="utf-8")
    assert begin(tmp_path / "work", section="tiny", data=None)["seed"] == 99
    with pytest.raises(click.ClickException, match="was begun with"):
        begin(tmp_path / "work", section="cpu", data=None)
    with pytest.raises(click.ClickException, match="name another --work"):
        begin(tmp_path / "work", section="tiny", data=tmp_path)


def test_both_nets_are_shipped_together(tmp_path: Path) -> None:
    for folder, names in FILES.items():
        (tmp_path / "work" / "out" / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "work" / "out" / folder / name).write_text(name)
    ship(tmp_path / "work", tmp_path / "models")
    shipped = {str(p.relative_to(tmp_path / "models")) for p in (tmp_path / "models").rglob("*.*")}
    assert shipped == {f"{folder}/{name}" for folder, names in FILES.items() for name in names}
