"""`python -m edge simulate onvif`: a turning camera that is not there, for trying a guard tour out."""

import contextlib
import signal
import threading
from pathlib import Path

import click

from edge.errors import ConfigError
from edge.secret import read_secret
from edge.simulate.clip import Clip, load_shown
from edge.simulate.digest import DigestGuard
from edge.simulate.onvif.beacon import Beacon
from edge.simulate.onvif.device import Device, Oddities, Preset
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.outlook import Outlook
from edge.simulate.onvif.server import OnvifServer
from edge.simulate.player import pass_log
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import ServerThread
from edge.types import Position


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8899, show_default=True, help="0: a free one")
@click.option("--user", help="who may turn and watch it; without it everybody may")
@click.option("--password-file", type=click.Path(path_type=Path), help="file that holds the user's password")
@click.option(
    "--preset",
    "presets",
    multiple=True,
    required=True,
    metavar="NAME=PAN,TILT,ZOOM",
    help="a preset, such as gate=-0.5,0.1,0.2; may be given again",
)
@click.option("--travel", "travel_s", type=click.FloatRange(0.0, 300), default=2.0, show_default=True)
@click.option(
    "--view",
    "views",
    multiple=True,
    metavar="NAME=FILE[#t=BEGIN[,END]]",
    help="play FILE (H.264), from this second on, or this part of it, over RTSP while it rests at this preset; "
    "once for each preset, or for none",
)
@click.option(
    "--rtsp-port", type=click.IntRange(0, 65_535), default=8564, show_default=True, help="0: a free one"
)
@click.option(
    "--log",
    "log_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="append one JSON line for everything that a client begins to see: a pass over a view, a journey",
)
@click.option("--no-move-status", is_flag=True, help="like devices that do not say whether they move")
@click.option("--beacon", is_flag=True, help="answer `discover` (WS-Discovery) on loopback")
def onvif(  # noqa: PLR0913  # click passes every option apart
    *,
    port: int,
    user: str | None,
    password_file: Path | None,
    presets: tuple[str, ...],
    travel_s: float,
    views: tuple[str, ...],
    rtsp_port: int,
    log_file: Path | None,
    no_move_status: bool,
    beacon: bool,
) -> None:
    """An ONVIF camera that turns, on this machine alone; with --view, its picture too (rtsp://127.0.0.1:8564/ptz).

    Says where it looks whenever it has come to rest elsewhere; Ctrl-C ends it.
    """
    if (user is None) is not (password_file is None):
        raise ConfigError("--user and --password-file go together")
    credentials = (user, read_secret(password_file)) if user and password_file else None
    device = Device(
        Head(travel_s=travel_s),
        {str(n): _preset(text) for n, text in enumerate(presets, start=1)},
        user=credentials,
        oddities=Oddities(move_status=not no_move_status),
    )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with contextlib.ExitStack() as stack:
        if views:
            outlook = stack.enter_context(Outlook(device.head, _views(views, device)))
            guard = DigestGuard(*credentials) if credentials else None
            programme = Programme({}, Terms(guard=guard), views={"ptz": outlook})
            if log_file is not None:
                programme.journal = stack.enter_context(contextlib.closing(pass_log(log_file)))
            stream = stack.enter_context(ServerThread(programme, port=rtsp_port))
            device.stream_uri = stream.url("ptz")
        server = stack.enter_context(OnvifServer(device, port=port))
        if beacon:
            stack.enter_context(Beacon(server))
        click.echo(f"{server.address}/onvif/device_service")
        if views:
            click.echo(device.stream_uri)
        said: Position | None = None
        while not ended.wait(0.1):
            here = device.head.position
            if here != said and not device.head.is_moving:
                said = here
                click.echo(f"pan {here.pan:+.3f} tilt {here.tilt:+.3f} zoom {here.zoom or 0.0:.3f}")


def _views(texts: tuple[str, ...], device: Device) -> dict[Position, Clip]:
    places = {preset.name: preset.position for preset in device.presets.values()}
    files = {name: file for name, _, file in (text.partition("=") for text in texts) if file}
    if len(files) < len(texts) or files.keys() != places.keys():
        raise ConfigError(f"--view: expected one NAME=FILE for each preset: {', '.join(places)}")
    return {places[name]: load_shown(file) for name, file in files.items()}


def _preset(text: str) -> Preset:
    name, _, numbers = text.partition("=")
    try:
        pan, tilt, zoom = (float(number) for number in numbers.split(","))
    except ValueError:
        raise ConfigError(
            f"--preset {text}: expected NAME=PAN,TILT,ZOOM, such as gate=-0.5,0.1,0.2"
        ) from None
    if not (-1 <= pan <= 1 and -1 <= tilt <= 1 and 0 <= zoom <= 1):
        raise ConfigError(f"--preset {text}: pan and tilt are -1 to 1, zoom is 0 to 1")
    return Preset(name, Position(pan, tilt, zoom))
