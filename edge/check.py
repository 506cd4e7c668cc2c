"""What can be wrong with a configuration beyond its form.

Missing secrets, unknown countries, odd regions, a spool that cannot be written.
"""

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

from edge import certificate
from edge.assets import plate_files
from edge.errors import CertificateError, ConfigError
from edge.grammar import load_grammar
from edge.secret import read_secret
from edge.settings import CameraSettings, EdgeSettings, MqttSettings, PtzSettings

Fault = tuple[str, str]
"""A key such as `cameras.0.region`, and what is wrong with its value."""

Point = tuple[float, float]


def faults(settings: EdgeSettings) -> list[Fault]:
    """What would keep this box from working; empty where all is well."""
    found = [fault for n, camera in enumerate(settings.cameras) for fault in _camera(f"cameras.{n}", camera)]
    found += _broker(settings.mqtt, edge_id=settings.edge_id)
    found += _spool(settings.spool.path)
    if settings.engine == "torch" and find_spec("ultralytics") is None:
        found.append(("engine", "torch needs ultralytics (extra [train]), which is not installed"))
    return found


def _camera(key: str, camera: CameraSettings) -> list[Fault]:
    found = _secret(f"{key}.password_file", camera.password_file)
    found += _polygon(f"{key}.region", camera.region)
    for n, lane in enumerate(camera.lanes):
        found += _polygon(f"{key}.lanes.{n}.polygon", lane.polygon, least=1)
    if camera.ptz is not None:
        found += _ptz(f"{key}.ptz", camera.ptz)
    if camera.motion_events is not None:
        found += _secret(f"{key}.motion_events.password_file", camera.motion_events.password_file)
    known = load_grammar(plate_files()).countries
    unknown = sorted(set(camera.countries) - set(known))
    if unknown:
        message = f"no grammar of {', '.join(unknown)}; known are {', '.join(known)}"
        found.append((f"{key}.countries", message))
    return found


def _ptz(key: str, ptz: PtzSettings) -> list[Fault]:
    found = _secret(f"{key}.password_file", ptz.password_file)
    if find_spec("onvif") is None:
        found.append(
            (key, "a camera that turns needs onvif-zeep-async (extra [edge]), which is not installed")
        )
    for n, preset in enumerate(ptz.presets):
        found += _polygon(f"{key}.presets.{n}.region", preset.region)
        for m, lane in enumerate(preset.lanes):
            found += _polygon(f"{key}.presets.{n}.lanes.{m}.polygon", lane.polygon, least=1)
    return found


def _polygon(key: str, corners: Sequence[Point], *, least: int = 0) -> list[Fault]:
    if not (least <= len(corners) and len(corners) in {0, *range(3, 65)}):
        return [(key, f"a polygon has at least 3 corners, found {len(corners)}")]
    edges = list(zip(corners, [*corners[1:], *corners[:1]], strict=True))
    crossing = next(((a, b) for a, b in combinations(edges, 2) if _cross(*a, *b)), None)
    if crossing is None:
        return []
    one, other = (f"{start[0]:g},{start[1]:g} - {end[0]:g},{end[1]:g}" for start, end in crossing)
    return [(key, f"its outline crosses itself ({one} and {other}): are two corners swapped?")]


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether a to b and c to d cross, each in the other's inside; a corner that both share is no crossing."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _broker(mqtt: MqttSettings, *, edge_id: str) -> list[Fault]:
    found = _secret("mqtt.password_file", mqtt.password_file)
    if mqtt.tls is None:
        return found
    for name in ("ca_file", "cert_file", "key_file"):
        path = getattr(mqtt.tls, name)
        if path is not None and not path.is_file():
            found.append((f"mqtt.tls.{name}", f"{path}: no such file"))
    return found or _certificate(mqtt, edge_id=edge_id)


def _certificate(mqtt: MqttSettings, *, edge_id: str) -> list[Fault]:
    """Whose it is. That it has expired is no fault here: the box must go on reading, and health says it."""
    if mqtt.tls is None or mqtt.tls.cert_file is None or mqtt.tls.key_file is None:
        return []
    path, key_path = mqtt.tls.cert_file, mqtt.tls.key_file
    try:
        ours = certificate.load(path)
        certificate.check_key(path, ours, certificate.load_key(key_path), key_path)
        if mqtt.username is None:  # else the broker may know us by that
            certificate.check_name(path, ours, edge_id=edge_id)
    except CertificateError as error:
        return [("mqtt.tls.cert_file", str(error))]
    return []


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
