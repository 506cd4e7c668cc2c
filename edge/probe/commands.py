"""`python -m edge probe`."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from edge import settings
from edge.contract.config import faults
from edge.contract.files import write_atomic
from edge.engine import build
from edge.errors import ConfigError, RefusedError, SourceError
from edge.number import Number
from edge.probe.draw import boxed, enlarged
from edge.probe.facts import Facts, Report, Verdict
from edge.probe.judge import advise, conclude
from edge.probe.look import Look, Looked
from edge.probe.page import page
from edge.probe.plates import masked
from edge.probe.table import show
from edge.probe.words import Lang, Words
from edge.settings import CameraSettings, EdgeSettings, VoteSettings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


def _schema(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        click.echo(json.dumps(Report.model_json_schema(), indent=2))
        ctx.exit()


def _default_lang() -> str:
    """As the centre's screens have it."""
    told = next((v for n in ("LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(n))), "")
    return "en" if told.casefold().startswith("en") else "es"


@click.command()
@click.argument("camera")
@click.option("--config", type=_FILE, help="configuration file; CAMERA is then an id in it")
@click.option("--username", help="user at an rtsp:// address")
@click.option("--password-file", type=_FILE, help="file that holds the password")
@click.option("--transport", type=click.Choice(["tcp", "udp"]), help="how RTP travels  [default: tcp]")
@click.option("--seconds", type=Number(2, 600), default=20.0, show_default=True, help="how long to watch")
@click.option("--onvif-port", type=click.IntRange(1, 65_535), help="ask the camera's clock there, by ONVIF")
@click.option(
    "--lang",
    type=click.Choice(get_args(Lang)),
    default=_default_lang,
    help="of the advice  [default: es, unless the system speaks English]",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON document")
@click.option(
    "--html", type=_NEW_FILE, help="write a page with pictures; it shows plates, and is yours alone"
)
@click.option("--picture", type=_NEW_FILE, help="write the picture with the plates boxed (JPEG), yours alone")
@click.option("--show-plates", is_flag=True, help="say plates on the terminal and in JSON; else their form")
@click.option(
    "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_schema, help="JSON's schema"
)
@click.pass_context
def probe(  # noqa: PLR0913  # click passes every option apart
    ctx: click.Context,
    camera: str,
    *,
    config: Path | None,
    username: str | None,
    password_file: Path | None,
    transport: str | None,
    seconds: float,
    onvif_port: int | None,
    lang: Lang,
    as_json: bool,
    html: Path | None,
    picture: Path | None,
    show_plates: bool,
) -> None:
    """Say of a camera whether plates can be read with it, and what to better.

    CAMERA is an id of the configuration, or an address such as rtsp://192.0.2.10:554/stream. It is watched for a while
    by the nets that a box runs: let vehicles pass, or park one where they will pass.

    Exit status: 0 fit to read plates, 1 works but falls short, 2 cannot be used, 3 no vehicle passed.
    """
    words = Words(lang)
    given = {"username": username, "password_file": password_file, "transport": transport}
    loaded = None if config is None else settings.load(config)
    chosen = _camera(camera, loaded, {name: value for name, value in given.items() if value is not None})
    look = Look(
        chosen,
        engine=build(loaded.engine, threads=loaded.threads, detector_score=loaded.detector_score)
        if loaded
        else build("openvino"),
        vote=loaded.vote if loaded else VoteSettings(),
        seconds=seconds,
        clock=lambda: datetime.now(UTC),
    )
    try:
        looked = _watched(look, chosen, seconds=seconds, onvif_port=onvif_port)
    except SourceError as error:
        click.echo(words["refused"] if isinstance(error, RefusedError) else words["lost"], err=True)
        if as_json:
            click.echo(_unusable(chosen, str(error)).model_dump_json(indent=2))
        raise
    report = _judged(chosen, looked, words)
    _write_pictures(report, looked, words, html=html, picture=picture)
    told = report if show_plates else _masked(report)  # a log file stands behind no role
    if as_json:
        click.echo(told.model_dump_json(indent=2))
    else:
        show(told, words, Console())
    ctx.exit(report.verdict.exit_status)


def _camera(name: str, loaded: EdgeSettings | None, given: dict[str, Any]) -> CameraSettings:
    """The camera of that id or address, with what was given beside it.

    Raises:
        ConfigError: there is none of that id, or something given is wrong.
    """
    found: dict[str, Any] = {"id": "camera", "url": name}
    if "://" not in name:
        if loaded is None:
            raise ConfigError(f"{name}: an address begins with rtsp://; an id needs --config edge.yaml")
        known = {camera.id: camera for camera in loaded.cameras}
        if name not in known:
            raise ConfigError(f"{name}: no such camera in the configuration; there are {', '.join(known)}")
        found = known[name].model_dump()
    try:
        return CameraSettings.model_validate({**found, **given})
    except ValidationError as error:
        raise ConfigError(f"CAMERA:\n{faults(error, model=CameraSettings)}") from None


def _watched(look: Look, camera: CameraSettings, *, seconds: float, onvif_port: int | None) -> Looked:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(camera.id, total=seconds)

        def progress(watched_s: float, plates: int) -> None:
            bar.update(task, completed=min(watched_s, seconds), description=f"{camera.id} ({plates})")

        return look.run(onvif=_onvif(camera, onvif_port), progress=progress)


def _onvif(camera: CameraSettings, port: int | None) -> tuple[str, int] | None:
    ptz = camera.ptz
    host = (ptz.host if ptz else None) or urlsplit(camera.url).hostname
    port = port or (ptz.port if ptz else None)
    return (host, port) if host and port else None


def _judged(camera: CameraSettings, looked: Looked, words: Words) -> Report:
    facts: Facts = looked.facts
    advice = advise(facts)
    return Report(
        camera=camera.id,
        address=camera.shown_url,
        looked_at=looked.began_at,
        verdict=conclude(facts, advice),
        facts=facts,
        advice=tuple(words.advice(a) for a in advice),
    )


def _masked(report: Report) -> Report:
    if report.facts is None:
        return report
    plates = (p.model_copy(update={"text": masked(p.text)}) for p in report.facts.plates)
    facts = report.facts.model_copy(update={"plates": tuple(plates)})
    return report.model_copy(update={"facts": facts})


def _unusable(camera: CameraSettings, fault: str) -> Report:
    return Report(
        camera=camera.id,
        address=camera.shown_url,
        looked_at=datetime.now(UTC),
        verdict=Verdict.UNUSABLE,
        fault=fault,
        facts=None,
    )


def _write_pictures(
    report: Report, looked: Looked, words: Words, *, html: Path | None, picture: Path | None
) -> None:
    """Write the page and the picture, where they are asked for.

    Raises:
        ConfigError: one cannot be written.
    """
    if html is None and picture is None:
        return
    scene = boxed(looked.best, {plate.number: plate for plate in looked.facts.plates})
    if picture is not None and scene is not None:
        _write(picture, scene, option="--picture")
    if html is not None:
        crops = {passage.number: enlarged(passage.shown) for passage in looked.passages}
        _write(html, page(report, words, scene=scene, crops=crops).encode(), option="--html")


def _write(path: Path, data: bytes, *, option: str) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        write_atomic(path, data)
    except OSError as error:
        raise ConfigError(f"{option} {path}: cannot be written: {error.strerror}") from error
