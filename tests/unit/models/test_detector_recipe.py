"""What a recipe says for one machine, and which recipe a work folder goes by."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.detector.recipe import SECTIONS, merged, read_recipe, recipe_of
from models.second_look.recipe import read_recipe as read_look
from models.second_look.recipe import recipe_of as look_of

nests: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), st.integers() | inner, max_size=3),
    max_leaves=8,
)


def test_mappings_are_merged_and_everything_else_is_replaced() -> None:
    common = {"a": {"x": 1, "y": [1, 2]}, "b": 2}
    assert merged(common, {"a": {"y": [3]}, "c": 4}) == {"a": {"x": 1, "y": [3]}, "b": 2, "c": 4}
    assert common == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


@given(nests, nests)
def test_merging_twice_changes_nothing_more(common: dict[str, Any], changes: dict[str, Any]) -> None:
    once = merged(common, changes)
    assert merged(once, changes) == once
    assert merged(common, {}) == common
    assert merged({}, changes) == changes
    assert once.keys() == common.keys() | changes.keys()


def test_a_section_s_values_stand_where_the_common_ones_were(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    content = {"seed": 1, "train": {"rate": 2, "warm": 3}, "sections": {"gpu": {"train": {"rate": 9}}}}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert read_recipe(path, section="gpu") == {"seed": 1, "train": {"rate": 9, "warm": 3}}
    assert read_recipe(path, section="cpu") == {"seed": 1, "train": {"rate": 2, "warm": 3}}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_names_the_same_things_of_its_machine(section: str) -> None:
    machine = read_recipe(section=section)["machine"]
    assert machine.keys() == read_recipe(section="cpu")["machine"].keys()
    assert "sections" not in read_recipe(section=section)


def test_without_real_pictures_more_are_rendered() -> None:
    beside, alone = read_recipe(), read_recipe(alone=True)
    assert set(beside["render"]["scenes"]["seeds"]) < set(alone["render"]["scenes"]["seeds"])
    assert "render" not in beside["alone"]
    assert beside["render"]["fold"] == alone["render"]["fold"]


def test_the_machines_differ_in_sizes_alone() -> None:
    cpu, gpu = read_recipe(section="cpu"), read_recipe(section="gpu")
    assert {key for key in cpu if cpu[key] != gpu[key]} == {"machine"}
    assert read_look(section="cpu") == read_look(section="gpu")


@pytest.mark.parametrize("name", ["detector", "second_look"])
def test_a_work_folder_goes_by_its_own_recipe(tmp_path: Path, name: str) -> None:
    read = recipe_of if name == "detector" else look_of
    assert read(tmp_path)["seed"] == (read_recipe() if name == "detector" else read_look())["seed"]
    (tmp_path / f"{name}.yaml").write_text("seed: 5\n", encoding="utf-8")
    assert read(tmp_path) == {"seed": 5}
