"""Reads a recipe: what holds everywhere, and over it what one section says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

RECIPE: Final = Path(__file__).with_name("recipe.yaml")
SECTIONS: Final = ("cpu", "gpu", "tiny")


def read_recipe(path: Path = RECIPE, *, section: str = "cpu", alone: bool = False) -> dict[str, Any]:
    """Read a recipe as plain data.

    Args:
        path: of the recipe; one that has no sections any more (WORK/detector.yaml) is taken as it is.
        section: the one whose values replace those of the same name; one that is not there changes nothing.
        alone: whether there are rendered pictures alone: then more of them are drawn.
    """
    recipe: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    sections: dict[str, dict[str, Any]] | None = recipe.pop("sections", None)
    if sections is None:
        return recipe
    more = {"render": recipe["alone"].pop("render")} if "alone" in recipe else {}
    if alone:
        recipe = merged(recipe, more)
    return merged(recipe, sections.get(section, {}))


def recipe_of(
    work: Path, *, section: str = "cpu", alone: bool = False, shipped: Path = RECIPE
) -> dict[str, Any]:
    """The recipe that a work folder goes by: its own (stages.py writes it), or the shipped one.

    Args:
        work: the work folder.
        section: as `read_recipe` has it.
        alone: so too.
        shipped: the recipe beside the code; the folder's own has its folder's name.
    """
    own = work / f"{shipped.parent.name}.yaml"
    return read_recipe(own if own.is_file() else shipped, section=section, alone=alone)


def merged(common: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Put changes over what is common; mappings are merged, everything else is replaced."""
    result = dict(common)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result
