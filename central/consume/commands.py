"""What the centre asks of its edges, kept told: the broker retains of each edge the list of what it waits for.

A list is published when it differs from what was published last, and every list again after a reconnect: a broker
that lives in memory has forgotten them. Nothing is kept here that the database does not know.
"""

from collections.abc import Callable, Collection
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.clip.store import addresses, asked, end_broken, give_up
from central.consume.outage import Outage
from central.db import Clock, reading
from edge.contract.clip import ClipCommands
from edge.contract.topics import PARTITIONS, Address, partition

LOOK_S: Final = 0.25
"""Between two looks at the database: an alert's clip must be asked for while the edge still holds it."""

_TIDY_EVERY: Final = 240  # looks

_log = structlog.get_logger(__name__)


class CommandLink(Protocol):
    """Where lists go (adapter: link.py)."""

    @property
    def connection(self) -> int:
        """Which connection it is, from 1; 0 while there is none."""
        ...

    def command(self, address: Address, payload: str) -> bool:
        """Publish a list, retained; whether it was taken."""
        ...


class Commander:
    """Tells edges what is asked of them; `run` is a thread's whole life."""

    def __init__(
        self,
        engine: Engine,
        link: CommandLink,
        *,
        clock: Clock,
        partitions: Collection[int] = range(PARTITIONS),
    ) -> None:
        """Prepare; the edges of other partitions are told by whoever takes their messages."""
        self._engine: Final = engine
        self._partitions: Final = partitions
        self._link: Final = link
        self._clock: Final = clock
        self._told: dict[Address, ClipCommands] = {}
        self._connection = 0
        self._looks = 0

    def run(self, wait: Callable[[float], bool]) -> None:
        """Look until `wait`, which sleeps so many seconds, says that it is over; wait for a database that is away."""
        outage = Outage("requests for clips cannot be read")
        while not wait(LOOK_S):
            try:
                self.look()
            except SQLAlchemyError as error:
                outage.tell(type(error).__name__)
            else:
                outage.end()

    def look(self) -> None:
        """Publish what has changed.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away.
        """
        connection = self._link.connection
        if connection == 0:
            return
        known: set[Address] = set()
        broken: dict[str, str] = {}
        with reading(self._engine) as database:
            wanted = asked(database, broken=broken)
            if connection != self._connection:
                known = addresses(database)
        if broken:
            self._end(broken)
        if connection != self._connection:
            self._told.clear()
            self._connection = connection
        for address in sorted(wanted.keys() | self._told.keys() | known, key=lambda a: a.prefix):
            if partition(address.edge_id) not in self._partitions:
                continue
            commands = wanted.get(address) or ClipCommands(edge_id=address.edge_id)
            if self._told.get(address) == commands:
                continue
            if self._link.command(address, commands.model_dump_json()):
                self._told[address] = commands
        self._tidy(wanted)

    def _end(self, broken: dict[str, str]) -> None:
        """A row that nobody can be asked with ends itself: it must not end the centre at every start."""
        for request, fault in broken.items():
            _log.error("a request for a clip is unusable, and is ended", request=request, fault=fault)
        with self._engine.begin() as database:
            end_broken(database, broken, now=self._clock())

    def _tidy(self, wanted: dict[Address, ClipCommands]) -> None:
        self._looks += 1
        if wanted and self._looks % _TIDY_EVERY == 0:
            with self._engine.begin() as database:
                given_up = give_up(database, now=self._clock())
            if given_up:
                _log.warning("clips that never came are not asked for any more", number=given_up)
