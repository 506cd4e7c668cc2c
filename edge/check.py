"""What can be wrong with a configuration beyond its form.

Missing secrets, unknown countries, odd regions, a spool that cannot be written.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

from edge.assets import plate_files
from edge.errors import ConfigError
from edge.settings import CameraSettings, EdgeSettings, MqttSettings, load_grammar, read_secret

Fault = tuple[str, str]
"""A key such as `cameras.0.region`, and what is wrong with its value."""


def faults(settings: EdgeSettings) -> list[Fault]:
    """What would keep this box from working; empty where all is well."""
    found = [fault for n, camera in enumerate(settings.cameras) for fault in _camera(f"cameras.{n}", camera)]
    found += _broker(settings.mqtt)
    found += _spool(settings.spool.path)
    if settings.engine == "torch" and find_spec("ultralytics") is None:
        found.append(("engine", "torch needs ultralytics (extra [train]), which is not installed"))
    return found


def _camera(key: str, camera: CameraSettings) -> list[Fault]:
    found = _secret(f"{key}.password_file", camera.password_file)
    if 0 < len(camera.region) < 3:
        found.append((f"{key}.region", f"a polygon has at least 3 corners, found {len(camera.region)}"))
    known = load_grammar(plate_files()).countries
    unknown = sorted(set(camera.countries) - set(known))
    if unknown:
        message = f"no grammar of {', '.join(unknown)}; known are {', '.join(known)}"
        found.append((f"{key}.countries", message))
    return found


def _broker(mqtt: MqttSettings) -> list[Fault]:
    found = _secret("mqtt.password_file", mqtt.password_file)
    if mqtt.tls is not None:
        for name in ("ca_file", "cert_file", "key_file"):
            path = getattr(mqtt.tls, name)
            if path is not None and not path.is_file():
                found.append((f"mqtt.tls.{name}", f"{path}: no such file"))
    return found


def _spool(path: Path) -> list[Fault]:
    """By writing: rights are not all that keeps one from it."""
    folder = next((parent for parent in path.parents if parent.exists()), path.parent)
    try:
        if path.exists():
            path.open("r+b").close()
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return [("spool.path", f"{path}: cannot be written: {error.strerror}")]
    return []


def _secret(key: str, path: Path | None) -> list[Fault]:
    if path is None:
        return []
    try:
        read_secret(path)
    except ConfigError as error:
        return [(key, str(error))]
    return []
