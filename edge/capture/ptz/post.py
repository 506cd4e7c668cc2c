"""A guard for a camera, as its settings have it."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from edge.capture.ptz.device import PtzDevice
from edge.capture.ptz.guard import Clocks, PtzGuard
from edge.contract.ptz import PtzState
from edge.errors import ConfigError, RefusedError
from edge.secret import read_secret
from edge.settings import CameraSettings, PtzSettings


def post(
    camera: CameraSettings,
    ptz: PtzSettings,
    *,
    edge_id: str,
    say: Callable[[PtzState], None],
    clock: Callable[[], datetime],
) -> PtzGuard:
    """A guard that is to be started, over ONVIF."""
    return PtzGuard(
        (edge_id, camera.id),
        ptz,
        connect=lambda: open_device(camera, ptz),
        say=say,
        clocks=Clocks(clock),
    )


def open_device(camera: CameraSettings, ptz: PtzSettings) -> PtzDevice:
    """Connect to a camera's PTZ service; the password is read anew every time.

    Raises:
        RefusedError: wrong user or password, or the password's file cannot be read.
        LostError: unreachable, silent, or it does not turn.
    """
    # Only here: the library takes 55 MiB, which a box of fixed cameras need not have.
    from edge.capture.ptz.onvif import Endpoint, OnvifDevice

    username, password_file = ptz.username, ptz.password_file
    if username is None:
        username, password_file = camera.username, camera.password_file
    try:
        password = read_secret(password_file) if username and password_file else ""
    except ConfigError as error:
        raise RefusedError(f"camera {camera.id}: PTZ: {error}") from error
    host = ptz.host or urlsplit(camera.url).hostname or ""
    return OnvifDevice(
        Endpoint(camera.id, host, ptz.port, username, password, profile=ptz.profile, timeout_s=ptz.timeout_s)
    )
