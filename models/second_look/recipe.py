"""Reads the second look's recipe."""

from pathlib import Path
from typing import Any, Final

from models.detector import recipe

RECIPE: Final = Path(__file__).with_name("recipe.yaml")


def read_recipe(path: Path = RECIPE, *, section: str = "cpu") -> dict[str, Any]:
    """Read the recipe as plain data, as the detector's is read."""
    return recipe.read_recipe(path, section=section)


def recipe_of(work: Path) -> dict[str, Any]:
    """The recipe that a work folder goes by: its own, or the shipped one."""
    return recipe.recipe_of(work, shipped=RECIPE)
