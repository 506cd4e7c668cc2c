"""Secrets, each in a file of its own: no configuration holds one."""

from pathlib import Path

from edge.errors import ConfigError


def read_secret(path: Path) -> str:
    """A secret from its file, without the line end.

    Raises:
        ConfigError: the file is missing, unreadable or empty.
    """
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"{path}: secret cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: secret is not UTF-8") from error
    if not secret:
        raise ConfigError(f"{path}: secret is empty")
    return secret
