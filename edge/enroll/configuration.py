"""The configuration file of a box, as far as enrolment touches it: `mqtt.tls`, everything else as it was."""

import json
import os
import pwd
from pathlib import Path
from typing import Any, Final

import yaml

from edge.contract.document import DocumentError, parse, read_text
from edge.contract.files import write_atomic
from edge.enroll.install import AUTHORITY, CERTIFICATE
from edge.enroll.request import KEY
from edge.errors import ConfigError

_FILES: Final = {"ca_file": AUTHORITY, "cert_file": CERTIFICATE, "key_file": KEY}


def edge_id_of(path: Path) -> str:
    """The name of the box; the rest of the file may not be right yet.

    Raises:
        ConfigError: the file cannot be read, or says no edge_id.
    """
    _, _, content = _read(path)
    edge_id = content.get("edge_id")
    if not isinstance(edge_id, str):
        raise ConfigError(f"{path}: edge_id: needed, but not there")
    return edge_id


def put_tls(path: Path, folder: Path) -> bool:
    """Name the certificates in `folder` under `mqtt.tls`; False where they are named there already.

    Raises:
        ConfigError: something else stands there, or the place is not found: says what to write.
    """
    check_owner(path, folder, user=os.geteuid())
    text, root, before = _read(path)
    wanted = _wanted(path, folder)
    found = (before.get("mqtt") or {}).get("tls")
    if found == wanted:
        return False
    after = text if found is not None else _edited(text, root, wanted)
    expected = {**before, "mqtt": {**(before.get("mqtt") or {}), "tls": wanted}}
    if found is not None or not _says(path, after, expected):
        reason = "names other files" if found is not None else "cannot be put there without touching the rest"
        raise ConfigError(f"{path}: mqtt.tls: {reason}; write there {_flow(wanted)}")
    _replace(path, after)
    return True


def check_owner(path: Path, folder: Path, *, user: int) -> None:
    """Refuse where `put_tls` would put this user's (uid) file in the place of another's.

    Raises:
        ConfigError: it would, or the file cannot be read; says what to do.
    """
    wanted = _wanted(path, folder)
    _, _, content = _read(path)
    if (content.get("mqtt") or {}).get("tls") == wanted:
        return
    owner = path.stat().st_uid
    if owner != user:
        name = _user_name(owner)
        raise ConfigError(
            f"{path}: belongs to {name}: run it as {name}: sudo -u {name} ...; "
            f"or write there, under mqtt, tls: {_flow(wanted)}"
        )


def _user_name(uid: int) -> str:
    """As sudo takes it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"'#{uid}'"


def _wanted(path: Path, folder: Path) -> dict[str, str]:
    """The three settings; relative to the configuration where the folder lies below its own."""
    home, place = path.resolve().parent, folder.parent.resolve() / folder.name  # `current` stays a link
    shown = place.relative_to(home) if place.is_relative_to(home) else place
    return {key: str(shown / name) for key, name in _FILES.items()}


def _edited(text: str, root: yaml.Node | None, wanted: dict[str, str]) -> str:
    """The text, of that node, with `tls` under `mqtt`, where it can be told; else as it was."""
    mqtt = _child(root, "mqtt")
    if mqtt is None:
        return f"{text.rstrip()}\n\nmqtt:\n  tls: {_flow(wanted)}\n"
    if not isinstance(mqtt, yaml.MappingNode):
        return text
    tls = _child(mqtt, "tls")
    if tls is not None:
        start, end = tls.start_mark.index, tls.end_mark.index
        space = " " if start == end else ""  # nothing stands after the colon
        return f"{text[:start]}{space}{_flow(wanted)}{text[end:]}"
    start = mqtt.start_mark.index
    if mqtt.flow_style:
        return f"{text[: start + 1]}tls: {_flow(wanted)}, {text[start + 1 :]}"
    return f"{text[:start]}tls: {_flow(wanted)}\n{' ' * mqtt.start_mark.column}{text[start:]}"


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _flow(wanted: dict[str, str]) -> str:
    """As YAML on one line; JSON's strings are YAML's."""
    return "{" + ", ".join(f"{key}: {json.dumps(name)}" for key, name in wanted.items()) + "}"


def _says(path: Path, text: str, expected: dict[str, Any]) -> bool:
    try:
        return parse(path, text)[1] == expected
    except DocumentError:  # where the edit broke it
        return False


def _read(path: Path) -> tuple[str, yaml.Node | None, dict[str, Any]]:
    """The text of the file, its node, and what it says.

    Raises:
        ConfigError: it cannot be read, or is no mapping of settings.
    """
    try:
        text = read_text(path)
        root, content = parse(path, text)
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(content).__name__}")
    if not isinstance(content.get("mqtt") or {}, dict):
        raise ConfigError(f"{path}: mqtt: expected a mapping of settings")
    return text, root, content


def _replace(path: Path, text: str) -> None:
    """The new text in the file's place, with its mode; where that is a link, in the place of what it leads to."""
    path = path.resolve()
    try:
        write_atomic(path, text.encode(), mode=path.stat().st_mode & 0o777)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
