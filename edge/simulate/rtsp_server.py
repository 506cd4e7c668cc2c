"""An RTSP server that plays clips as if they were live cameras.

    DESCRIBE -> SETUP (TCP interleaved or UDP) -> PLAY -> the clip from its first key frame, looped seamlessly

One session a connection; a client that closes its connection, falls behind or falls silent loses it.
"""

import asyncio
import threading
from types import TracebackType
from typing import Self

from edge.errors import ConfigError
from edge.simulate.programme import Counts, Programme
from edge.simulate.rtsp_connection import Connection
from edge.simulate.rtsp_message import HEAD_BYTES

_PATIENCE_S = 10.0
_ACCEPTED_S = 0.02  # a client that was just accepted is served a moment later


class RtspServer:
    """Serves each clip of a programme at rtsp://host:port/NAME.

    Args:
        port: 0 takes a free one.
    """

    def __init__(self, programme: Programme, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.programme = programme
        self.host = host
        self.port = port
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._is_stopping = False

    async def start(self) -> None:
        """Listen; `port` is then the one taken.

        Raises:
            ConfigError: the address cannot be bound.
        """
        self._is_stopping = False
        try:
            self._listener = await asyncio.start_server(self._serve, self.host, self.port, limit=HEAD_BYTES)
        except OSError as error:
            raise ConfigError(f"cannot listen on {self.host}:{self.port}: {error.strerror}") from error
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and reset every connection."""
        self._is_stopping = True
        if self._listener is not None:
            # asyncio forgets, unclosed, whom it accepts just before its listener closes.
            for listening in self._listener.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            await asyncio.sleep(_ACCEPTED_S)
            self._listener.close()
        while self._connections:
            for connection in tuple(self._connections):
                connection.abort()
            await asyncio.sleep(0.01)

    def url(self, mount: str) -> str:
        """Where a mount is played, without user and password."""
        return f"rtsp://{self.host}:{self.port}/{mount}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_stopping:
            writer.transport.abort()
            return
        if len(self._connections) >= self.programme.terms.clients:
            self.programme.counts.turned_away += 1
            writer.transport.abort()
            return
        connection = Connection(self.programme, reader, writer)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)


class ServerThread:
    """A server in a thread of its own, for tests and benches: `with ServerThread(programme) as server:`."""

    def __init__(self, programme: Programme, *, port: int = 0) -> None:
        self._server = RtspServer(programme, port=port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rtsp-server", daemon=True)

    def __enter__(self) -> Self:
        """Start and listen.

        Raises:
            ConfigError: the address cannot be bound.
        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(_PATIENCE_S)
        except ConfigError:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(_PATIENCE_S)
        self._end()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def url(self, mount: str) -> str:
        """Where a mount is played, without user and password."""
        return self._server.url(mount)

    @property
    def counts(self) -> Counts:
        """What happened so far."""
        return self._server.programme.counts

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()
