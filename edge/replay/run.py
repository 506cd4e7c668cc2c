"""The pipeline over a recording or over pictures, and the report of what it read."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from edge.contract.read import ModelVersions, PictureRef, PlateRead, ReadId
from edge.engine import Engine
from edge.errors import LostError
from edge.evidence import jpeg
from edge.pipeline import Counts
from edge.replay.ahead import Ahead, Footage
from edge.replay.annotate import annotated
from edge.replay.copies import Copies
from edge.replay.kept import Said
from edge.replay.output import Output
from edge.replay.recording import Figures
from edge.replay.reel import Reel, Teller
from edge.replay.state import State
from edge.settings import CameraSettings, VoteSettings
from edge.types import Frame

_NO_FIGURES: Final = Figures()
_QUALITY: Final = 92  # of annotated pictures, as JPEG
_SHARE: Final = 0.05  # of the time at most goes into snapshots


@dataclass(frozen=True, slots=True)
class Found:
    """A read with its evidence.

    Attributes:
        origin: seconds of the recording, such as "12.3 s", or the picture's file name.
        crop: JPEG of the plate.
    """

    read: PlateRead
    crop: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay found.

    Attributes:
        cpu_ms: CPU time of one analysed frame, decoding and drawing left out; with nets of several threads that of the
            thread that asks them.
        wall_s: time spent, breaks left out.
        figures: of the recording's pictures.
    """

    found: tuple[Found, ...]
    cpu_ms: float
    counts: Counts
    models: ModelVersions
    wall_s: float = 0.0
    figures: Figures = _NO_FIGURES

    @property
    def times_real(self) -> float | None:
        """Seconds of recording seen in a second; None where there was nothing to measure."""
        return self.figures.media_s / self.wall_s if self.wall_s and self.figures.media_s else None

    @property
    def is_let_go(self) -> bool:
        """Whether its reads were published before and are no longer kept; the folder written then stays as it is."""
        return bool(self.counts.reads) and not self.found

    def as_json(self) -> dict[str, Any]:
        """For `--json`: every read as it would travel, and where in the recording it was."""
        return {
            "cpu_ms_per_frame": round(self.cpu_ms, 1),
            "counts": asdict(self.counts),
            "reads": [{"origin": f.origin, **f.read.model_dump(mode="json")} for f in self.found],
        }


class Replay:
    """Feeds frames to pipelines as a worker would, and keeps what they say.

    Args:
        engine: the nets.
        camera: stands for the camera that took the recording.
        vote: when a passage counts as read.
        teller: how reads are told.
        watch: called after every frame.
        every_s: of work that a kill may cost.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        camera: CameraSettings,
        vote: VoteSettings,
        teller: Teller | None = None,
        watch: Callable[[], None] = lambda: None,
        every_s: float = 5.0,
    ) -> None:
        self._engine = engine
        self._camera = camera
        self._vote = vote
        self._teller = teller or Teller()
        self._watch = watch
        self._every_s = every_s

    def video(
        self,
        footage: Footage,
        state: State,
        number: int,
        *,
        out: Output | None = None,
        kept: Callable[[], object] = lambda: None,
    ) -> Report:
        """Replay a recording, from where it was broken off; one that is done is only told again.

        Args:
            footage: the recording.
            state: keeps how far it has come.
            number: the recording's there.
            out: folder for an annotated copy and a picture of each read; none are made without it.
            kept: called whenever something was kept.

        Raises:
            ConfigError: the state or the folder cannot be written.
            LostError: there was no frame.
        """
        row = state.row(number)
        copies = (
            Copies(out, fps=self._camera.analyse_fps, whole=row.figures.get("copies", 0)) if out else None
        )
        with closing(copies) if copies is not None else nullcontext():
            if not row.is_done:
                keeper = _Keeper(state, number, copies=copies, kept=kept, every_s=self._every_s)
                self._look(footage, keeper, row.snapshot)
        report = self.report(state, number)
        if out is not None and copies is not None and not report.is_let_go:
            copies.finish(whole=state.row(number).figures["copies"])
            self._write_pictures(report, out)
        return report

    def _look(self, footage: Footage, keeper: "_Keeper", content: bytes | None) -> None:
        reel = Reel(self._engine, camera=self._camera, vote=self._vote, teller=self._teller, content=content)
        said: list[Said] = []
        ahead = Ahead(footage)
        with closing(ahead.frames(after=reel.stop)) as frames:
            for frame in frames:
                said += reel.feed(frame)
                if keeper.copies is not None:
                    seen = annotated(frame.bgr, reel.seen(), legible=self._vote.legible)
                    keeper.copies.write(seen, at_s=reel.at_s(frame))
                if keeper.is_due:
                    keeper.keep(reel, said, ahead, done=False)
                    said = []
                self._watch()
        keeper.keep(reel, [*said, *reel.end()], ahead, done=True)

    def report(self, state: State, number: int) -> Report:
        """What is kept of a recording."""
        row = state.row(number)
        found = tuple(Found(k.read, k.crop or b"", k.origin) for k in state.kept(number))
        told: Mapping[str, Any] = row.figures
        counts = Counts(**told["counts"])
        figures = Figures(**{**told["figures"], "faults": tuple(told["figures"]["faults"])})
        return Report(
            found=found,
            cpu_ms=1000 * told["cpu_s"] / max(1, counts.frames),
            counts=counts,
            models=self._engine.models,
            wall_s=told["wall_s"],
            figures=figures,
        )

    def pictures(self, frames: Iterable[tuple[str, Frame]], *, out: Output | None = None) -> Report:
        """Replay pictures, given with their names, that have nothing to do with one another.

        Raises:
            LostError: there was none.
        """
        # One look is all there is: what is legible is as certain as it will be.
        vote = self._vote.model_copy(update={"certain": self._vote.legible})
        found: list[Found] = []
        counts, cpu_s, names = Counts(), 0.0, 0
        for name, frame in frames:
            names += 1
            camera = self._camera.model_copy(update={"id": f"{self._camera.id}-{names}"})
            reel = Reel(self._engine, camera=camera, vote=vote, teller=self._teller)
            said = reel.feed(frame)
            if out is not None:
                out.write(f"{name}.annotated.jpg", self._annotated(reel, frame, name))
            for each in [*said, *reel.end()]:
                number = ReadId(each.read.edge_id, 1, len(found) + 1)
                read = each.read.model_copy(update={"seq": number.seq, "pictures": PictureRef()})
                found.append(Found(read, each.crop or b"", name))
            counts = _sum(counts, reel.counts)
            cpu_s += reel.cpu_s
            self._watch()
        if not names:
            raise LostError("there is no picture that can be read")
        report = Report(tuple(found), 1000 * cpu_s / names, counts, self._engine.models)
        if out is not None:
            self._write_pictures(report, out)
        return report

    def _annotated(self, reel: Reel, frame: Frame, name: str) -> bytes:
        least = self._vote.legible
        seen = [
            replace(s, emitted=s.verdict is not None and s.verdict.likelihood >= least) for s in reel.seen()
        ]
        try:
            return jpeg(annotated(frame.bgr, seen, legible=least), level=_QUALITY)
        except ValueError as error:
            raise LostError(f"{name}: {error}") from error

    def _write_pictures(self, report: Report, out: Output) -> None:
        for number, f in enumerate(report.found, start=1):
            name = f"read-{number:03d}-{f.read.plate}.jpg"
            if f.crop:
                out.write(name, f.crop)
        out.finish()


class _Keeper:
    """Keeps the state every few seconds, and less often where that takes long."""

    def __init__(
        self,
        state: State,
        number: int,
        *,
        copies: Copies | None,
        kept: Callable[[], object],
        every_s: float,
    ) -> None:
        self.copies = copies
        self._state, self._number, self._kept = state, number, kept
        self._kept_s = time.monotonic()
        self._every_s = every_s
        self._due_s = self._kept_s + every_s

    @property
    def is_due(self) -> bool:
        """Whether to keep now."""
        return self._state.is_durable and time.monotonic() >= self._due_s

    def keep(self, reel: Reel, said: list[Said], footage: Ahead, *, done: bool) -> None:
        """Keep what was said up to the newest frame, and where that is."""
        began_s = time.monotonic()
        copies = self.copies.cut() if self.copies is not None else 0
        reel.pause(stop=footage.stop, more_s=began_s - self._kept_s)
        figures = {
            "counts": asdict(reel.counts),
            "figures": asdict(footage.figures),
            "cpu_s": reel.cpu_s,
            "wall_s": reel.wall_s,
            "copies": copies,
        }
        keeps = reel.snapshot() if self._state.is_durable and not done else None
        self._state.commit(self._number, said=said, snapshot=keeps, figures=figures, done=done)
        self._kept()
        self._kept_s = time.monotonic()
        self._due_s = self._kept_s + max(self._every_s, (self._kept_s - began_s) / _SHARE)


def _sum(one: Counts, other: Counts) -> Counts:
    more = asdict(other)
    return Counts(**{key: value + more[key] for key, value in asdict(one).items()})
