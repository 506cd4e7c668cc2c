"""The centre at work: this file wires everything that `python -m central serve` runs.

    MqttLink (paho's thread) -> queue -> Writer (thread) -> Store -> database
                             <- PUBACK, Ack -
    commander (thread): requests for clips -> MqttLink -> the edges' topics `cmd`
    sealer (thread): hot rows -> archive, every `archive.seal_s` and at the end
    keeper (thread): what is over is removed, days are closed, copies derived, files swept, every `archive.maintain_s`
    learner (thread): which plates pass day after day, every hour, for the match
    herald (thread): the signed copy of the hotlists -> MqttLink -> every edge, where the broker knows us by certificate
    notifier (threads): a follower of the log of alerts, and a courier for each of `notify`, where there is one
    escalator (thread): alerts that nobody sees or confirms in time, and units under way to what has run out
    hunter (thread): where new and changed entries of the hotlists were seen before, where `hotlist.hunt`
    watcher (thread): hotlists of a watched folder, every `hotlist.watch.every_s`, where there is one
    mover (thread): finished packs of pictures -> S3, every minute, where storage is S3

A thread that dies ends the process: half a centre that looks alive is worse than one that its supervisor
starts again. On SIGTERM or SIGINT it stops taking, commits what it has, acknowledges, seals and ends with 0.
"""

import queue
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.access.key import open_key
from central.alert.escalate import escalate
from central.alert.store import Alerts
from central.archive.packing import PackWriter
from central.archive.pictures import Packs, open_packs
from central.archive.place import Archive, archive_of
from central.archive.storage import check_writable
from central.archive.write import seal
from central.consume.commands import Commander
from central.consume.herald import give_copies
from central.consume.link import MqttLink
from central.consume.refuse import Refusals
from central.consume.store import Store
from central.consume.writer import Delivery, Writer
from central.db import Clock, described, open_database
from central.errors import CentralError, StoreError
from central.hotlist.grammar import load_grammar
from central.hotlist.known import Known
from central.hotlist.live import Hotlist
from central.interpreter import set_for_batches
from central.keep import keep
from central.learn import learn
from central.lock import exclusive
from central.outbox.notifier import Notifier
from central.query.cameras import load_cameras
from central.query.hunter import Hunter
from central.query.stations import load_stations
from central.settings import CentralSettings
from central.watched import watch

_MOVE_S: Final = 60.0
_log = structlog.get_logger(__name__)


class StopSignal:
    """Why we stop: a signal, or a fault that ends us.

    Attributes:
        fault: what went wrong; empty for a clean stop.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._stop: Final = threading.Event()

    def stop(self) -> None:
        """End cleanly."""
        self._stop.set()

    def fail(self, what: str) -> None:
        """End because of a fault; the first one is the one that is told."""
        self.fault = self.fault or what
        self._stop.set()

    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return self._stop.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Sleep until it is time to stop, at most so long; whether it is."""
        return self._stop.wait(timeout_s)


def serve(settings: CentralSettings) -> int:
    """Run the centre until SIGTERM, SIGINT or a fault; the exit code.

    Raises:
        CentralError: it cannot be started at all: database, disks, password, grammars.
    """
    stopping = StopSignal()
    engine = open_database(settings.database_url)
    try:
        with _alone(engine), _signals(stopping), _dead_threads(stopping):
            _run(settings, engine, stopping)
    finally:
        engine.dispose()
    if stopping.fault:
        _log.error("the centre has stopped because of a fault", fault=stopping.fault)
        return 1
    return 0


def now() -> datetime:
    """The clock of the running centre, UTC."""
    return datetime.now(UTC)


def log_to_stderr() -> None:
    """One line an event on stderr, in colour on a terminal; below it a fault's traceback, without variables.

    The variables of a traceback would hold plates: a log file stands behind no role.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _run(settings: CentralSettings, engine: Engine, stopping: StopSignal) -> None:
    deliveries: queue.Queue[Delivery] = queue.Queue(settings.ingest.queue_max)
    known = Known()
    hotlist = Hotlist(grammar=load_grammar(), known=known, budget=settings.match)
    with engine.begin() as connection:
        hotlist.refresh(connection)
    stations = load_stations(settings.stations_file, load_cameras(settings.cameras_file))
    packs, archive = open_packs(settings), archive_of(settings)
    for folder in (archive.scratch, settings.pictures.path):
        check_writable(folder)
    with set_for_batches(), PackWriter(settings.pictures.path) as pictures:
        store = Store(
            engine,
            pictures=pictures,
            hotlist=hotlist,
            alerts=Alerts(
                within=timedelta(seconds=settings.alert.passage_s),
                vehicle=timedelta(hours=settings.alert.vehicle_h),
                station_of=stations.station_of,
                language=settings.alert.language,
            ),
            late_after=timedelta(seconds=settings.ingest.late_s),
            clips=settings.clips if settings.clips.ask == "alerts" else None,
            refusals=Refusals(open_key(settings.access.key_file)),
        )
        link = MqttLink(settings.mqtt, deliveries, clock=now, on_fault=stopping.fail)
        writer = Writer(deliveries, store=store, link=link, settings=settings.ingest)
        writing = threading.Thread(target=writer.run, name="writer")
        kept = (settings, engine, archive, stopping, now)
        sealing = threading.Thread(target=_seal_often, args=kept, name="sealer")
        keeping = threading.Thread(target=keep, args=kept, name="keeper")
        commander = Commander(engine, link, clock=now, partitions=settings.mqtt.partitions)
        commanding = threading.Thread(target=commander.run, args=(stopping.wait,), name="commander")
        giving = (settings, engine, link.board, stopping.wait, now)
        heralding = threading.Thread(target=give_copies, args=giving, name="herald")
        learning = threading.Thread(target=learn, args=(known, *kept), name="learner")
        urging = (settings.alert, engine, stopping.wait, now)
        escalating = threading.Thread(target=escalate, args=urging, name="escalator")
        moving = threading.Thread(target=_move_often, args=(packs, stopping), name="mover")
        watching = threading.Thread(target=watch, args=(settings, engine, stopping.wait, now), name="watcher")
        notifier = Notifier(settings, engine, clock=now)
        hunter = Hunter(settings, engine, stopping.wait, clock=now)
        link.start()
        notifier.start(stopping)
        hunter.start()
        working = (sealing, keeping, learning, escalating, moving, watching)
        for thread in (writing, commanding, heralding, *working):
            thread.start()
        if settings.mqtt.is_exposed:
            _log.warning(
                "no TLS: whoever is on the way reads plates and passwords", broker=settings.mqtt.host
            )
        _log.info("serving", database=described(engine.url), listed_plates=len(hotlist.plates))
        stopping.wait()
        _log.info("stopping")
        link.stop_taking()
        commanding.join()
        heralding.join()
        writer.stop()
        writing.join()
        link.close()
        hunter.join()
        for thread in working:
            thread.join()
        notifier.join()
    _move_now(packs)
    _seal_at_the_end(engine, archive, stopping)
    _log.info("stopped", **writer.counts, replies_dropped=link.dropped_replies)


def _seal_often(
    settings: CentralSettings, engine: Engine, archive: Archive, stopping: StopSignal, clock: Clock
) -> None:
    """Seal on time. A failure leaves the rows in the database, so the next round takes them."""
    while not stopping.wait(settings.archive.seal_s):
        try:
            days = seal(engine, archive, clock=clock)
        except (StoreError, SQLAlchemyError) as error:
            _log.error("sealing failed, the reads stay in the database", error=str(error))
        else:
            if days:
                _log.info("sealed", reads=sum(day.rows for day in days), days=len(days))


def _move_often(packs: Packs, stopping: StopSignal) -> None:
    """Move finished packs. A failure leaves them here, where they are read and the next round takes them."""
    while not stopping.wait(_MOVE_S):
        _move_now(packs)


def _move_now(packs: Packs) -> None:
    try:
        moved = packs.move_finished()
    except StoreError as error:
        _log.error("finished packs of pictures cannot be moved and stay here", error=str(error))
    else:
        if moved:
            _log.info("packs of pictures moved", packs=moved)


def _seal_at_the_end(engine: Engine, archive: Archive, stopping: StopSignal) -> None:
    try:
        seal(engine, archive, clock=now)
    except (CentralError, SQLAlchemyError) as error:
        stopping.fail(f"sealing at the end failed, the reads stay in the database: {error}")


def _alone(engine: Engine) -> AbstractContextManager[object]:
    """Keep a second centre away from a SQLite database: the two would send each other away from the broker for ever."""
    return exclusive(engine, "serving", wait=False) if engine.dialect.name == "sqlite" else nullcontext()


@contextmanager
def _signals(stopping: StopSignal) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.stop()  # and nothing more: a handler may interrupt a log line that is being written

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _dead_threads(stopping: StopSignal) -> Iterator[None]:
    """Whatever ends a thread ends the centre, paho's own thread included."""

    def died(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "unknown"
        _log.error("thread died", thread=name, exc_info=args.exc_value)
        stopping.fail(f"thread {name!r} died: {type(args.exc_value).__name__}: {args.exc_value}")

    before = threading.excepthook
    threading.excepthook = died
    try:
        yield
    finally:
        threading.excepthook = before
