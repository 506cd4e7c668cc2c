"""The services of the simulated device: one function an operation, from the request's element to the answer's.

Only what a client needs that turns a camera: of the device service its clock, its facts and where the services are,
of the media service profiles and stream, of the PTZ service presets, moves and status, and (in `event_services`)
motion events.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from edge.simulate.onvif.call import Call, FaultError
from edge.simulate.onvif.event_services import EVENT_OPERATIONS
from edge.soap import NAMESPACES, node, qname
from edge.types import Position

PAN_TILT_SPACE: Final = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace"
ZOOM_SPACE: Final = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"
WITHOUT_USER: Final = frozenset({qname("tds:GetSystemDateAndTime")})
"""What everybody may ask: without the device's time no digest can be made."""


def answer(call: Call) -> ET.Element:
    """Do what a request asks.

    Raises:
        FaultError: it cannot be done, or is not known here.
    """
    operation = _OPERATIONS.get(call.request.tag)
    if operation is None:
        raise FaultError("ter:ActionNotSupported", f"not supported: {call.request.tag}", sender=False)
    if call.request.tag in EVENT_OPERATIONS and not call.device.oddities.has_events:
        raise FaultError("ter:ActionNotSupported", "this device has no events", sender=False)
    if call.request.tag.startswith(f"{{{NAMESPACES['tptz']}}}"):
        if not call.device.oddities.has_ptz:
            raise FaultError("ter:ActionNotSupported", "this device does not turn", sender=False)
        if call.text("tptz:ProfileToken") != call.device.profile:
            raise FaultError("ter:NoProfile", f"no profile {call.text('tptz:ProfileToken')!r}")
    return operation(call)


def _date_and_time(call: Call) -> ET.Element:
    now = call.device.now()
    return node(
        "tds:GetSystemDateAndTimeResponse",
        node(
            "tds:SystemDateAndTime",
            node("tt:DateTimeType", "NTP"),
            node("tt:DaylightSavings", "false"),
            node("tt:UTCDateTime", _numbers("tt:Time", now, "Hour", "Minute", "Second"),
                 _numbers("tt:Date", now, "Year", "Month", "Day")),
        ),
    )  # fmt: skip


def _information(call: Call) -> ET.Element:
    plate = call.device.plate
    return node(
        "tds:GetDeviceInformationResponse",
        node("tds:Manufacturer", plate.manufacturer),
        node("tds:Model", plate.model),
        node("tds:FirmwareVersion", plate.firmware),
        node("tds:SerialNumber", plate.serial),
        node("tds:HardwareId", plate.model),
    )


def _capabilities(call: Call) -> ET.Element:
    parts = [node("tt:Device", node("tt:XAddr", f"{call.base}/onvif/device_service"))]
    streaming = node("tt:StreamingCapabilities", node("tt:RTPMulticast", "false"), node("tt:RTP_TCP", "true"))
    parts.append(node("tt:Media", node("tt:XAddr", f"{call.base}/onvif/media_service"), streaming))
    if call.device.oddities.has_ptz:
        parts.append(node("tt:PTZ", node("tt:XAddr", f"{call.base}/onvif/ptz_service")))
    if call.device.oddities.has_events:
        parts.insert(1, node("tt:Events", node("tt:XAddr", f"{call.base}/onvif/event_service")))
    return node("tds:GetCapabilitiesResponse", node("tds:Capabilities", *parts))


def _services(call: Call) -> ET.Element:
    names = {"tds": "device", "trt": "media"} | ({"tptz": "ptz"} if call.device.oddities.has_ptz else {})
    names |= {"tev": "event"} if call.device.oddities.has_events else {}
    return node(
        "tds:GetServicesResponse",
        *(
            node(
                "tds:Service",
                node("tds:Namespace", NAMESPACES[prefix]),
                node("tds:XAddr", f"{call.base}/onvif/{name}_service"),
                node("tds:Version", node("tt:Major", "2"), node("tt:Minor", "60")),
            )
            for prefix, name in names.items()
        ),
    )


def _profiles(call: Call) -> ET.Element:
    ptz = node(
        "tt:PTZConfiguration",
        node("tt:Name", "head"),
        node("tt:UseCount", "1"),
        node("tt:NodeToken", "node"),
        **_named("head"),
    )
    inside = [node("tt:Name", "main stream")] + ([ptz] if call.device.oddities.has_ptz else [])
    blind = node("trt:Profiles", node("tt:Name", "audio only"), **_named("audio"))
    turning = node("trt:Profiles", *inside, **_named(call.device.profile))
    return node("trt:GetProfilesResponse", blind, turning)


def _named(token: str) -> dict[str, str]:
    return {"token": token, "fixed": "true"}


def _stream_uri(call: Call) -> ET.Element:
    return node(
        "trt:GetStreamUriResponse",
        node(
            "trt:MediaUri",
            node("tt:Uri", call.device.stream_uri),
            node("tt:InvalidAfterConnect", "false"),
            node("tt:InvalidAfterReboot", "false"),
            node("tt:Timeout", "PT0S"),
        ),
    )


def _presets(call: Call) -> ET.Element:
    with call.device.lock:
        presets = tuple(call.device.presets.items())
    said = call.device.oddities.preset_positions
    return node(
        "tptz:GetPresetsResponse",
        *(
            node(
                "tptz:Preset",
                node("tt:Name", preset.name),
                *([_vector("tt:PTZPosition", preset.position)] if said else []),
                token=token,
            )
            for token, preset in presets
        ),
    )


def _set_preset(call: Call) -> ET.Element:
    try:
        token = call.device.remember(call.text("tptz:PresetName"), call.text("tptz:PresetToken") or None)
    except KeyError as error:
        raise FaultError("ter:NoToken", f"no preset {error}") from error
    return node("tptz:SetPresetResponse", node("tptz:PresetToken", token))


def _remove_preset(call: Call) -> ET.Element:
    try:
        call.device.forget(call.text("tptz:PresetToken"))
    except KeyError as error:
        raise FaultError("ter:NoToken", f"no preset {error}") from error
    return node("tptz:RemovePresetResponse")


def _goto_preset(call: Call) -> ET.Element:
    token = call.text("tptz:PresetToken")
    with call.device.lock:
        preset = call.device.presets.get(token)
    if preset is None:
        raise FaultError("ter:NoToken", f"no preset {token!r}")
    call.device.counts.orders.append(token)
    call.device.head.go(preset.position)
    return node("tptz:GotoPresetResponse")


def _goto_home(call: Call) -> ET.Element:
    call.device.head.go(call.device.home)
    return node("tptz:GotoHomePositionResponse")


def _continuous_move(call: Call) -> ET.Element:
    pan, tilt, zoom = _moved(call, "tptz:Velocity", Position(0.0, 0.0, 0.0))
    call.device.head.drift(pan, tilt, zoom)
    return node("tptz:ContinuousMoveResponse")


def _absolute_move(call: Call) -> ET.Element:
    call.device.head.go(Position(*_moved(call, "tptz:Position", call.device.head.position)))
    return node("tptz:AbsoluteMoveResponse")


def _stop(call: Call) -> ET.Element:
    call.device.head.stop()
    return node("tptz:StopResponse")


def _status(call: Call) -> ET.Element:
    device = call.device
    parts = []
    if device.oddities.says_position:
        parts.append(_vector("tt:Position", device.head.position))
    if device.oddities.move_status:
        word = "MOVING" if device.head.is_moving else "IDLE"
        parts.append(node("tt:MoveStatus", node("tt:PanTilt", word), node("tt:Zoom", word)))
    parts.append(node("tt:UtcTime", device.now().strftime("%Y-%m-%dT%H:%M:%SZ")))
    return node("tptz:GetStatusResponse", node("tptz:PTZStatus", *parts))


def _vector(name: str, position: Position) -> ET.Element:
    pan_tilt = {"x": f"{position.pan:.6f}", "y": f"{position.tilt:.6f}", "space": PAN_TILT_SPACE}
    zoom = {"x": f"{position.zoom or 0.0:.6f}", "space": ZOOM_SPACE}
    return node(name, node("tt:PanTilt", **pan_tilt), node("tt:Zoom", **zoom))


def _moved(call: Call, path: str, otherwise: Position) -> tuple[float, float, float]:
    """Pan, tilt and zoom of a request; what it does not name is as it would be otherwise."""
    where = call.request.find(qname(path))
    if where is None:
        raise FaultError("ter:InvalidArgVal", f"{path} is missing")
    pan_tilt, zoom = where.find(qname("tt:PanTilt")), where.find(qname("tt:Zoom"))
    try:
        pan, tilt = (
            (otherwise.pan, otherwise.tilt)
            if pan_tilt is None
            else (float(pan_tilt.get("x", "")), float(pan_tilt.get("y", "")))
        )
        far = (otherwise.zoom or 0.0) if zoom is None else float(zoom.get("x", ""))
    except ValueError as error:
        raise FaultError("ter:InvalidArgVal", f"{path}: {error}") from error
    return pan, tilt, far


def _numbers(name: str, moment: datetime, *parts: str) -> ET.Element:
    return node(name, *(node(f"tt:{part}", str(getattr(moment, part.lower()))) for part in parts))


_OPERATIONS: Final[Mapping[str, Callable[[Call], ET.Element]]] = dict(EVENT_OPERATIONS) | {
    qname(name): operation
    for name, operation in {
        "tds:GetSystemDateAndTime": _date_and_time,
        "tds:GetDeviceInformation": _information,
        "tds:GetCapabilities": _capabilities,
        "tds:GetServices": _services,
        "trt:GetProfiles": _profiles,
        "trt:GetStreamUri": _stream_uri,
        "tptz:GetPresets": _presets,
        "tptz:SetPreset": _set_preset,
        "tptz:RemovePreset": _remove_preset,
        "tptz:GotoPreset": _goto_preset,
        "tptz:GotoHomePosition": _goto_home,
        "tptz:ContinuousMove": _continuous_move,
        "tptz:AbsoluteMove": _absolute_move,
        "tptz:Stop": _stop,
        "tptz:GetStatus": _status,
    }.items()
}
