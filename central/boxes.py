"""How edge boxes and their cameras look on a screen (pure)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from central.query.lists import EdgeState
from central.show import Style, add_row, new_table, plain
from edge.contract.health import CameraHealth, TriggerState
from edge.contract.ptz import PtzPhase, PtzState

_LOOKS: Final = {PtzPhase.WATCH: "green", PtzPhase.PAUSED: "yellow", PtzPhase.LOST: "red"}


def edges_table(edges: Iterable[EdgeState], style: Style, *, now: datetime) -> Table:
    """Edge boxes: whether they are there, when they said so by their own clocks, and what they hold back."""
    table = new_table(style, "edge", "site", "state", "told", "version", "spool", "dropped", "clock", "ms")
    for edge in edges:
        health = edge.health
        add_row(
            table,
            health.edge_id,
            health.site_id,
            Text(style.words(_state(edge, now)), "green" if _state(edge, now) == "online" else "red"),
            "?" if health.at is None else style.moment(health.at),
            health.version,
            str(health.spool_messages),
            str(health.spool_dropped),
            "?" if health.clock_error_s is None else f"{health.clock_error_s * 1000:+.0f} ms",
            "?" if health.pipeline_ms is None else f"{health.pipeline_ms:.0f}",
        )
    return table


def _state(edge: EdgeState, now: datetime) -> str:
    return "offline" if not edge.online else "silent" if edge.is_silent(now) else "online"


def cameras_table(edges: Iterable[EdgeState], style: Style, *, now: datetime) -> Table:
    """The cameras of all edges, as their edges saw them last; how a tour stands, where one of them turns."""
    edges = list(edges)
    turning = ("ptz",) if any(edge.ptz for edge in edges) else ()
    table = new_table(
        style, "camera", "edge", "state", *turning, "frame", "analysed", "dropped", "reads", "why"
    )
    for edge in edges:
        state = _state(edge, now)
        for camera in edge.health.cameras:
            add_row(
                table,
                camera.camera_id,
                edge.health.edge_id,
                _camera_state(camera, state, style),
                *(_tour(edge.ptz.get(camera.camera_id), state, style) for _ in turning),
                "?" if camera.last_frame_at is None else style.moment(camera.last_frame_at),
                str(camera.frames_analysed),
                str(camera.frames_dropped),
                str(camera.reads),
                _why(camera),
            )
    return table


def _camera_state(camera: CameraHealth, edge: str, style: Style) -> Text:
    """Whether it gives pictures, and what ails one that does."""
    if edge != "online":
        return Text(style.words(edge), "red")
    healthy = camera.state in ("live", "moving")
    said = (str(camera.state), *(f"ailment.{each}" for each in camera.ailments))
    colour = "red" if not healthy else "yellow" if camera.ailments else "green"
    return Text(", ".join(style.words(word) for word in said), colour)


def _tour(state: PtzState | None, edge: str, style: Style) -> Text | str:
    """What a turning camera is doing, and where; nothing of one whose edge says nothing."""
    if state is None or edge != "online":
        return ""
    word = plain(style.words(f"ptz.{state.phase}"), _LOOKS.get(state.phase, ""))
    back = "" if state.resumes_at is None else f" {style.words('until')} {style.clock(state.resumes_at)}"
    return Text.assemble(word, plain(f" {state.preset or ''}".rstrip()), back)


def _why(camera: CameraHealth) -> str:
    """What ails it, and what beside its stream is not believed."""
    doubted = (t for t in camera.triggers if t.state in {TriggerState.SILENT, TriggerState.DISTRUSTED})
    return "; ".join(filter(None, (camera.detail, *(f"{t.name}: {t.detail}" for t in doubted))))
