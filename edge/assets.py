"""Where weights and plate grammars lie: inside the installed wheel, or in a checkout beside `edge/`."""

from pathlib import Path

from edge.errors import AssetError

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "_data"
_CHECKOUT = {"plates": _PACKAGE.parent / "configs" / "plates", "models": _PACKAGE.parent / "models"}


def _folder(kind: str) -> Path:
    packed = _PACKED / kind
    return packed if packed.is_dir() else _CHECKOUT[kind]


def model_file(name: str) -> Path:
    """A weight file by its name under models/, such as `detector/plate.xml`.

    Raises:
        AssetError: there is none.
    """
    path = _folder("models") / name
    if not path.is_file():
        raise AssetError(f"weight file {name} is missing: looked for {path}")
    return path


def plate_files() -> tuple[Path, ...]:
    """The plate grammars, one YAML file a country, by name.

    Raises:
        AssetError: there is none.
    """
    folder = _folder("plates")
    files = tuple(sorted(folder.glob("*.yaml")))
    if not files:
        raise AssetError(f"no plate grammar (*.yaml) in {folder}")
    return files
