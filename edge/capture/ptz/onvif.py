"""A PTZ camera over ONVIF, by onvif-zeep-async.

Imported only where a camera turns: the library, with zeep, aiohttp and lxml, takes 55 MiB and most of a second. Its
traps, as of 4.3.0, and what is done about each:

- importing it sets up the root logger: it is left as it was;
- its time-outs are 90 s: every call has ours;
- it opens a cache of its own in the home folder, which a service may not have: switched off;
- it follows the addresses that the device gives, and the digest with it: all go to the one that is configured;
- it parses its WSDL files while the first device waits, within that device's time-out: parsed beforehand, once;
- it makes digests with this machine's time: a device whose clock is wrong is asked for its own time first;
- where the device refuses a user with a page instead of a SOAP fault, it loses the HTTP status: looked at here.
"""

import asyncio
import importlib
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
import zeep.exceptions

from edge.capture.ptz.device import DevicePreset, NoPresetError
from edge.capture.ptz.tour import Report
from edge.contract.read import FARTHEST
from edge.errors import LostError, RefusedError, SourceError
from edge.soap import NAMESPACES
from edge.types import Position

_REFUSALS: Final = frozenset({401, 403})
_NO_PRESET: Final = ("NoToken", "PresetNotExist", "InvalidArgVal", "NoSuchPreset")
_MOVES: Final = {"MOVING": True, "IDLE": False}

_T = TypeVar("_T")
_one_at_a_time = threading.Lock()  # the library's table of parsed WSDL files is the process's
_SERVICES: Final = ("devicemgmt", "media", "ptz")


def _library() -> Any:  # noqa: ANN401  # it ships no types
    """The library, imported without its `logging.basicConfig`, which does nothing where a handler is set already."""
    root, quiet = logging.getLogger(), logging.NullHandler()
    root.addHandler(quiet)
    try:
        return importlib.import_module("onvif")
    finally:
        root.removeHandler(quiet)


_ONVIFCamera: Any = _library().ONVIFCamera


class _RefusedError(Exception):
    """The device answered with a status that refuses the user."""


class _Camera(_ONVIFCamera):  # type: ignore[misc]  # the library ships no types
    """The library's camera, whose services see the HTTP status of a refusal."""

    async def create_onvif_service(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        service = await super().create_onvif_service(*arguments, **named)
        if self.user is None:  # the library would make a digest of no password
            service.zeep_client.wsse = None
        transport = service.transport
        if "post_xml" not in vars(transport):
            transport.post_xml = _watched(transport.post_xml)
        return service


def _watched(post: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def post_xml(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        answer = await post(*arguments, **named)
        if answer.status_code in _REFUSALS:
            raise _RefusedError
        return answer

    return post_xml


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom a device is spoken to.

    Attributes:
        camera_id: for messages.
        profile: token or name of the media profile whose configuration turns; None: the first that does.
        timeout_s: for every call.
    """

    camera_id: str
    host: str
    port: int
    username: str | None
    password: str
    profile: str | None = None
    timeout_s: float = 5.0


class OnvifDevice:
    """An open connection; used by the thread that made it.

    Raises:
        RefusedError: wrong user or password.
        LostError: unreachable, silent, or it does not turn.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._runner = asyncio.Runner()
        self._camera: Any = None
        self._ptz: Any = None
        self._profile = ""
        try:
            with _one_at_a_time:
                self._runner.run(_parse_wsdl())
            self._run(self._open(), "connect")
        except BaseException:
            self.close()
            raise

    def presets(self) -> Sequence[DevicePreset]:
        """What it remembers."""
        found = self._run(self._ptz.GetPresets({"ProfileToken": self._profile}), "GetPresets") or []
        return [DevicePreset(p.token, p.Name or "", _position(p.PTZPosition)) for p in found if p.token]

    def report(self) -> Report:
        """Whether it moves and where it looks, as far as it tells."""
        status = self._run(self._ptz.GetStatus({"ProfileToken": self._profile}), "GetStatus")
        return Report(_moving(status.MoveStatus), _position(status.Position))

    def go(self, token: str) -> None:
        """Set out for a preset; returns before it has arrived.

        Raises:
            NoPresetError: it will not.
        """
        order = {"ProfileToken": self._profile, "PresetToken": token}
        self._run(self._ptz.GotoPreset(order), "GotoPreset")

    def close(self) -> None:
        """End the connection; idempotent."""
        camera, self._camera = self._camera, None
        if camera is not None:
            self._runner.run(camera.close())
        self._runner.close()

    async def _open(self) -> None:
        at = self._endpoint
        camera = self._camera = _Camera(
            at.host, at.port, at.username, at.password, no_cache=True, adjust_time=True, nat_override=True
        )
        await camera.update_xaddrs()
        if NAMESPACES["tptz"] not in camera.xaddrs:
            raise self._lost("it does not turn: it has no PTZ service")
        media = await camera.create_media_service()
        self._profile = self._choose(await media.GetProfiles())
        self._ptz = await camera.create_ptz_service()

    def _choose(self, profiles: Sequence[Any]) -> str:
        wanted = self._endpoint.profile
        turning = [p for p in profiles or [] if p.PTZConfiguration is not None]
        for profile in turning:
            if wanted is None or wanted in (profile.token, profile.Name):
                return str(profile.token)
        known = ", ".join(f"{p.token} ({p.Name})" for p in turning) or "none"
        raise self._lost(f"no profile {wanted!r} that turns; those that do: {known}")

    def _run(self, call: Awaitable[_T], what: str) -> _T:
        """Await a call of the library's, in our words.

        Raises:
            RefusedError, LostError, NoPresetError: see `PtzDevice`.
        """

        async def within() -> _T:
            async with asyncio.timeout(self._endpoint.timeout_s):
                return await call

        try:
            return self._runner.run(within())
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a device's nonsense makes the library raise
            failure = self._failure(error, what)
        # Outside the handler, so that the library's error, which holds the request with its digest, is let go.
        raise failure

    def _failure(self, error: Exception, what: str) -> Exception:
        if isinstance(error, _RefusedError):
            return self._refused()
        if isinstance(error, zeep.exceptions.Fault):
            codes = " ".join(str(getattr(code, "text", code)) for code in error.subcodes or ())
            if "NotAuthorized" in codes or "FailedAuthentication" in codes or "uthoriz" in str(error):
                return self._refused()
            if what == "GotoPreset" and any(word in codes for word in _NO_PRESET):
                return NoPresetError(str(error))
            return self._lost(f"{what}: {error}")
        if isinstance(error, TimeoutError | aiohttp.ServerTimeoutError):
            return self._lost(f"no answer within {self._endpoint.timeout_s:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            return self._lost(f"cannot be reached: {error.strerror or 'no such host'}")
        if isinstance(error, aiohttp.ClientError | OSError):
            return self._lost("the connection broke")
        return self._lost(f"{what}: the answer cannot be understood ({type(error).__name__})")

    def _refused(self) -> SourceError:
        at = self._endpoint
        if self._profile:  # it knew us: its clock was set, or its password changed; the next connection tells
            return self._lost("it accepts us no longer")
        who = f"user {at.username!r} or the password" if at.username else "access without a user"
        return RefusedError(f"camera {at.camera_id}, PTZ at {at.host}:{at.port}: it refused {who}")

    def _lost(self, what: str) -> LostError:
        at = self._endpoint
        return LostError(f"camera {at.camera_id}, PTZ at {at.host}:{at.port}: {what}")


async def _parse_wsdl() -> None:
    """Half a second of work for the first device; no network."""
    nobody = _ONVIFCamera("127.0.0.1", 9, None, None, no_cache=True)
    nobody.xaddrs = dict.fromkeys(NAMESPACES.values(), "http://127.0.0.1:9/")
    try:
        for name in _SERVICES:
            await nobody.create_onvif_service(name)
    finally:
        await nobody.close()


def _moving(status: Any) -> bool | None:  # noqa: ANN401
    """Whether anything moves; None where the device does not say."""
    words = [] if status is None else [_MOVES.get(status.PanTilt), _MOVES.get(status.Zoom)]
    said = [word for word in words if word is not None]
    return any(said) if said else None


def _position(vector: Any) -> Position | None:  # noqa: ANN401
    if vector is None or vector.PanTilt is None:
        return None
    zoom = None if vector.Zoom is None else float(vector.Zoom.x)
    position = Position(float(vector.PanTilt.x), float(vector.PanTilt.y), zoom)
    told = (position.pan, position.tilt, zoom or 0.0)
    # NaN and what no head can mean: it does not tell.
    return position if all(abs(value) <= FARTHEST for value in told) else None
