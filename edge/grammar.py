"""The plate grammars from their files."""

from collections.abc import Iterable
from pathlib import Path

from edge.contract.document import DocumentError, read
from edge.contract.plate import Grammar, GrammarError
from edge.errors import ConfigError


def load_grammar(paths: Iterable[Path]) -> Grammar:
    """Read the plate grammars, one file a country (`edge.assets.plate_files` finds them).

    Raises:
        ConfigError: names the file, and the line or the key, and what was expected.
    """
    try:
        return Grammar.from_documents({str(path): read(path)[1] for path in paths})
    except (DocumentError, GrammarError) as error:
        raise ConfigError(str(error)) from error
