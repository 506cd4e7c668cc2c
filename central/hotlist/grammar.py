"""The plate grammars at the centre: the same files as at the edge, inside the wheel or in a checkout."""

from importlib.resources import files
from pathlib import Path

from central.errors import ConfigError
from edge.contract.document import DocumentError, read
from edge.contract.plate import Grammar, GrammarError


def load_grammar() -> Grammar:
    """Read every country's file.

    Raises:
        ConfigError: there is none, or one is damaged.
    """
    package = Path(str(files("edge")))
    packed = package / "_data" / "plates"
    folder = packed if packed.is_dir() else package.parent / "configs" / "plates"
    try:
        return Grammar.from_documents({str(path): read(path)[1] for path in sorted(folder.glob("*.yaml"))})
    except (DocumentError, GrammarError) as error:
        raise ConfigError(f"plate grammars in {folder}: {error}") from error
