"""One call of `replay`: its recordings one after the other, each from where it was broken off.

files -> when each began -> recordings -> state: known, done, another? -> Replay -> state -> (spool -> centre)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edge.contract.topics import Address
from edge.engine import Engine
from edge.errors import ConfigError, EdgeError, LostError
from edge.publish.publisher import Publisher
from edge.replay.deliver import Delivery
from edge.replay.files import identity
from edge.replay.gpx import GpsTrack
from edge.replay.kept import Row
from edge.replay.known import is_over, refuse_another, unpublished
from edge.replay.options import Options
from edge.replay.output import Output, beside
from edge.replay.recording import Recording, joined
from edge.replay.reel import Teller
from edge.replay.run import Replay, Report
from edge.replay.start import Facts, Rules, Start, begun, facts, modified
from edge.replay.state import State
from edge.settings import EdgeSettings, VoteSettings
from edge.spool.queue import Spool

STATE: Final = ".replay.sqlite"
_DRAIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a recording, or of a file that is none.

    Attributes:
        name: of its files.
        start: when it began; None where it could not be opened.
        report: None where nothing could be read.
        fault: why.
        was_done: it had been read already.
    """

    name: str
    start: Start | None = None
    report: Report | None = None
    fault: str = ""
    was_done: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What became of the reads of an edge of its own.

    Attributes:
        messages: that wait in the spool.
    """

    messages: int
    is_delivered: bool
    fault: str


class Session:
    """Wires a call together.

    Args:
        options: what the caller says.
        engine: builds the nets when they are needed.
        watch: called after every frame with the recording at hand.
        told: takes words for people while nothing goes on.
        every_s: of work that a kill may cost.
    """

    def __init__(
        self,
        options: Options,
        *,
        engine: Callable[[], Engine],
        watch: Callable[[Recording], None] = lambda _: None,
        told: Callable[[str], None] = lambda _: None,
        every_s: float = 5.0,
    ) -> None:
        self._every_s = every_s
        self._options = options
        self._engine = engine
        self._watch, self._told = watch, told
        self._box = options.box()
        self._track = options.track()
        gpx = options.gpx
        self._gpx = None if gpx is None else [identity(gpx), options.gpx_offset, options.gpx_gap]
        self._camera = options.camera_settings(self._box)
        self._vote = self._box.vote if self._box else VoteSettings()
        self.published: Published | None = None

    def run(self, paths: Sequence[Path]) -> list[Outcome]:
        """Replay these files.

        Raises:
            ConfigError: an option is wrong, or the state belongs to another replay.
            SpoolError: the spool cannot be opened or written.
        """
        for path in paths:
            if self._options.out is not None:
                beside(self._options.out, path)
        recordings, outcomes = self._recordings(paths)
        if not recordings:
            return outcomes
        rows: dict[str, Row] = {}
        with ExitStack() as stack:
            state = stack.enter_context(self._state(recordings))
            if self._box is not None and not self._options.again:
                recordings, left = unpublished(state, recordings)
                outcomes += [Outcome(name, fault=why) for name, why in left.items()]
            engine = self._engine()
            for recording in recordings:
                rows[recording.identity] = self._row(state, recording, engine)
            drain = stack.enter_context(self._publishing(state)) if self._box else None
            for number, recording in enumerate(recordings, start=1):
                out = self._output(recording, number if len(recordings) > 1 else None)
                row = rows[recording.identity]
                outcomes.append(self._replay(recording, state, row, engine=engine, out=out, kept=drain))
            if self._box is not None:
                state.prune()
            elif not any(row.is_broken_off for row in state.rows()):
                state.remove()
        return outcomes

    def _recordings(self, paths: Sequence[Path]) -> tuple[list[Recording], list[Outcome]]:
        rules = self._options.rules(self._track)
        if rules.start is not None and len(paths) > 1 and not self._options.join:
            raise ConfigError(
                "--start: says when one recording began; several files are one only with --join"
            )
        files: list[tuple[Facts, Start | None]] = []
        outcomes = []
        for path in paths:
            try:
                file = facts(path)
            except LostError as error:
                outcomes.append(Outcome(path.name, fault=str(error)))
                continue
            files.append((file, self._start(file, rules, is_first=not files)))
        recordings = joined(
            files,
            is_one=self._options.join,
            camera=self._camera,
            most_s=self._options.seconds,
        )
        return recordings, outcomes

    def _start(self, file: Facts, rules: Rules, *, is_first: bool) -> Start | None:
        if rules.only == "modified" and rules.start is None:
            return modified(file, rules)
        if not is_first and self._options.join and rules.start is not None:
            return None
        start = begun(file, rules)
        if start is not None or (self._options.join and not is_first):
            return start
        last_resort = modified(file, rules)
        if self._box is not None:
            raise ConfigError(
                f"{file.path}: nothing says when it began, and a read without its time must not be published: "
                f"give --start{''.join(f'; {note}' for note in last_resort.notes[1:])}"
            )
        return last_resort

    @contextmanager
    def _state(self, recordings: Sequence[Recording]) -> Iterator[State]:
        options, path = self._options, None
        if self._box is not None:
            spool = self._box.spool.path
            path = spool.with_name(spool.name + ".replay")
        elif options.out is not None:
            path = options.out / STATE
        state = State(path, is_publishing=self._box is not None)
        if self._box is None and (options.again or is_over(state, recordings)):
            state.remove()
            state = State(path)
        with state:
            if self._box is None:
                refuse_another(state, recordings)
            yield state

    def _row(self, state: State, recording: Recording, engine: Engine) -> Row:
        """The recording's row, begun where there is none.

        Raises:
            ConfigError: it was begun with other settings.
        """
        row = state.find(recording.identity)
        if row is not None and self._options.again and self._box is not None:
            state.forget(row.number)
            row = None
        settings = self._settings(recording, engine)
        if row is None or not (row.is_done or row.is_broken_off):
            kept = {**settings, "parts": recording.identities}
            return state.begin(recording.identity, name=recording.name, settings=kept)
        if row.is_done and self._box is not None:
            _refuse_longer(recording, row)
            return row  # what was published stays published, whatever the settings are now
        other = sorted(
            key
            for key in {*row.settings, *settings} - {"parts"}
            if row.settings.get(key) != settings.get(key)
        )
        if other:
            told = "; ".join(f"{key} was {row.settings.get(key)}, is {settings.get(key)}" for key in other)
            raise ConfigError(
                f"{recording.name}: was begun with other settings ({told}): give these, or --again"
            )
        return row

    def _settings(self, recording: Recording, engine: Engine) -> dict[str, Any]:
        """All that decides what is read, for people to compare."""
        starts = [None if part.start is None else part.start.at.isoformat() for part in recording.parts]
        return {
            "start": starts,
            "seconds": self._options.seconds,
            "gpx": self._gpx,
            "models": engine.models.model_dump(),
            "copies": self._options.out is not None,
            **_flat("camera", self._camera.model_dump(mode="json")),
            **_flat("vote", self._vote.model_dump(mode="json")),
        }

    @contextmanager
    def _publishing(self, state: State) -> Iterator[Callable[[], object]]:
        box = self._box
        assert box is not None  # noqa: S101  # called for one only
        spool = Spool(box.spool.path, edge_id=box.edge_id, max_bytes=box.spool.max_bytes, clock=_now)
        with spool:
            publisher = Publisher(spool, box.mqtt, Address(box.site_id, box.edge_id), clock=_now)
            delivery = Delivery(state, spool, max_bytes=box.spool.max_bytes, told=self._told)
            publisher.start()
            is_delivered = False
            try:
                delivery.drain()
                yield delivery.drain
                self._told("waiting for the centre's acknowledgements")
            finally:
                link = publisher.state
                is_delivered = publisher.stop(drain_s=_DRAIN_S if link.connected or not link.fault else 0.0)
                self.published = Published(spool.stats().messages, is_delivered, link.fault)

    def _output(self, recording: Recording, number: int | None) -> Output | None:
        folder = self._options.out
        if folder is None:
            return None
        if number is not None:
            folder = folder / f"{number:02d}-{recording.parts[0].file.path.stem}"
        return beside(folder, recording.paths[0])

    def _replay(
        self,
        recording: Recording,
        state: State,
        row: Row,
        *,
        engine: Engine,
        out: Output | None,
        kept: Callable[[], object] | None,
    ) -> Outcome:
        replay = Replay(
            engine,
            camera=self._camera,
            vote=self._vote,
            teller=_teller(self._box, self._track),
            watch=lambda: self._watch(recording),
            every_s=self._every_s,
        )
        try:
            report = replay.video(recording, state, row.number, out=out, kept=kept or (lambda: None))
        except LostError as error:
            return Outcome(recording.name, start=recording.start, fault=str(error))
        except EdgeError as error:
            raise type(error)(f"{recording.name}: {error}") from error
        return Outcome(recording.name, start=recording.start, report=report, was_done=row.is_done)


def _refuse_longer(recording: Recording, row: Row) -> None:
    """What was published up to `--seconds` is not the whole, and nothing is kept to go on with from there.

    Raises:
        ConfigError: more is asked for.
    """
    done_s, length_s = row.settings.get("seconds"), recording.length_s
    if done_s is not None and (length_s is None or length_s > done_s):
        raise ConfigError(
            f"{recording.name}: only its first {done_s:g} s were published: give --seconds {done_s:g}, or --again, "
            "which reads all of it and publishes those anew"
        )


def _teller(box: EdgeSettings | None, track: GpsTrack | None) -> Teller:
    position = (lambda _: None) if track is None else track.position
    if box is None:
        return Teller(position=position)
    has_overview = box.pictures.overview == "always"
    return Teller(box.edge_id, box.site_id, has_overview=has_overview, position=position)


def _flat(name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}.{key}": value for key, value in content.items()}


def _now() -> datetime:
    return datetime.now(UTC)
