"""`python -m edge simulate`: cameras that are not there."""

import asyncio
import contextlib
import signal
from pathlib import Path

import click

from edge.errors import ConfigError
from edge.secret import read_secret
from edge.simulate.clip import Clip, load_shown
from edge.simulate.digest import DigestGuard
from edge.simulate.onvif.commands import onvif
from edge.simulate.player import Faults, pass_log
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import RtspServer


@click.group()
def simulate() -> None:
    """Simulated cameras, for tests and the demo."""


simulate.add_command(onvif)


@simulate.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", type=click.IntRange(0, 65_535), default=8554, show_default=True, help="0: a free one")
@click.option("--user", help="who may watch; without it everybody may")
@click.option("--password-file", type=click.Path(path_type=Path), help="file that holds the user's password")
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    required=True,
    metavar="NAME=FILE[#t=BEGIN[,END]]",
    help="play FILE (H.264 or H.265), from this second on, or this part of it, at rtsp://HOST:PORT/NAME; "
    "may be given again",
)
@click.option(
    "--log",
    "log_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="append one JSON line for every pass over a clip that a client begins to watch",
)
@click.option("--drop", type=click.FloatRange(0, 1), default=0.0, help="fault: leave out this share of RTP")
@click.option(
    "--stall-after", type=click.FloatRange(0), help="fault: each session stalls after so many seconds"
)
@click.option(
    "--abort-after", type=click.FloatRange(0), help="fault: each connection is reset after so many seconds"
)
def rtsp(  # noqa: PLR0913  # click passes every option apart
    *,
    host: str,
    port: int,
    user: str | None,
    password_file: Path | None,
    mounts: tuple[str, ...],
    log_file: Path | None,
    drop: float,
    stall_after: float | None,
    abort_after: float | None,
) -> None:
    """Play clips over RTSP as live cameras do.

    In real time and for ever; Ctrl-C ends it.
    """
    programme = Programme(
        _clips(mounts),
        Terms(guard=_guard(user, password_file)),
        faults=Faults(drop_share=drop, stall_after_s=stall_after, abort_after_s=abort_after),
    )
    with contextlib.ExitStack() as stack:
        if log_file is not None:
            programme.journal = stack.enter_context(contextlib.closing(pass_log(log_file)))
        asyncio.run(_serve(RtspServer(programme, host=host, port=port)))


async def _serve(server: RtspServer) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await server.start()
    for mount, clip in server.programme.mounts.items():
        click.echo(f"{server.url(mount)}  {clip.path}  {clip.duration_s:.1f} s at {clip.fps:.4g} frames/s")
    await ended.wait()
    await server.stop()
    counts = server.programme.counts
    click.echo(
        f"sessions {counts.sessions}, refused {counts.refused}, dropped as slow {counts.slow_dropped}, "
        f"as silent {counts.timed_out}, turned away {counts.turned_away}"
    )


def _clips(mounts: tuple[str, ...]) -> dict[str, Clip]:
    clips: dict[str, Clip] = {}
    for text in mounts:
        name, equals, file = text.partition("=")
        name = name.strip("/")
        if not (name and equals and file):
            raise ConfigError(f"--mount {text}: expected NAME=FILE, such as day=sample_videos/day.mp4")
        if name in clips:
            raise ConfigError(f"--mount {text}: {name} is given twice")
        clips[name] = load_shown(file)
    return clips


def _guard(user: str | None, password_file: Path | None) -> DigestGuard | None:
    if (user is None) is not (password_file is None):
        raise ConfigError("--user and --password-file go together")
    if user is None or password_file is None:
        return None
    return DigestGuard(user, read_secret(password_file))
