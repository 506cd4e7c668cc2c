"""One client's RTSP connection: its requests, its one session, and the session's end."""

import asyncio
import base64
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import structlog

from edge.simulate.clip import Clip
from edge.simulate.outlet import InterleavedOutlet, Outlet, open_udp
from edge.simulate.player import BrokenOnPurposeError, Player, SlowClientError
from edge.simulate.programme import Programme
from edge.simulate.rtp import CLOCK_HZ, PAYLOAD_TYPE
from edge.simulate.rtsp_message import ProtocolError, Request, Response, read_request

_log = structlog.get_logger(__name__)

_LAST_WORDS_S = 1.0
_TRACK = "trackID=0"
_METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN")
_CHANNELS = re.compile(r"^interleaved=(\d{1,3})-(\d{1,3})$")
_PORTS = re.compile(r"^client_port=(\d{1,5})-(\d{1,5})$")


class _Refusal(Exception):  # noqa: N818  # an answer on its way, no fault of ours
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection:
    """Serves one client until it goes, is dropped or is aborted."""

    def __init__(
        self, programme: Programme, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._programme = programme
        self._reader, self._writer = reader, writer
        self._nonce = secrets.token_hex(16)
        self._session = secrets.token_hex(8)
        self._outlet: Outlet | None = None
        self._player: Player | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_s = asyncio.get_running_loop().time()
        self._handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "GET_PARAMETER": self._parameter,
            "SET_PARAMETER": self._parameter,
            "TEARDOWN": self._teardown,
        }

    def abort(self) -> None:
        """Reset the connection; `run` then returns."""
        self._writer.transport.abort()

    async def run(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while True:
                request = await read_request(self._reader)
                self._hear()
                if request is not None:
                    await self._serve(request)
        except ProtocolError as error:
            _log.warning("not RTSP", reason=str(error))
            self._write(Response(400, {}), cseq="0")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            await self._end_session()
            await self._close()

    async def _close(self) -> None:
        """Close once the last answer is on its way; at once where the client takes nothing any more."""
        self._writer.close()
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(self._writer.wait_closed(), _LAST_WORDS_S)
        self._writer.transport.abort()
        await asyncio.sleep(0)  # only then is the socket let go

    async def _serve(self, request: Request) -> None:
        cseq = request.headers.get("cseq", "")
        if not cseq.isdigit():
            raise ProtocolError("request without CSeq")
        try:
            response = await self._answer(request)
        except _Refusal as refusal:
            response = Response(refusal.status, {})
        self._write(response, cseq=cseq)
        # Only now: no picture may overtake the answer to PLAY.
        if request.method == "PLAY" and response.status == 200 and not self._tasks:
            self._begin()

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            raise _Refusal(501)
        guard = self._programme.terms.guard
        if guard is not None and request.method != "OPTIONS":
            authorization = request.headers.get("authorization", "")
            if not guard.admits(authorization, method=request.method, uri=request.uri, nonce=self._nonce):
                self._programme.counts.refused += bool(authorization)
                return Response(401, {"WWW-Authenticate": guard.challenge(self._nonce)})
        if request.session is not None and request.session != self._session:
            raise _Refusal(454)
        return await handler(request)

    async def _options(self, request: Request) -> Response:  # noqa: ARG002  # one signature for all
        return Response(200, {"Public": ", ".join(_METHODS)})

    async def _parameter(self, request: Request) -> Response:  # noqa: ARG002  # one signature for all
        return Response(200, {"Session": self._session})

    async def _describe(self, request: Request) -> Response:
        clip = self._clip(request)[1]
        base = request.uri.rstrip("/") + "/"
        headers = {"Content-Base": base, "Content-Type": "application/sdp"}
        told_fps = self._programme.faults.told_fps or clip.fps
        return Response(200, headers, _describe_clip(clip, fps=told_fps).encode())

    async def _setup(self, request: Request) -> Response:
        mount, clip = self._clip(request)
        if self._tasks:
            raise _Refusal(455)
        if self._outlet is not None:
            self._outlet.close()
        self._outlet, transport = await self._open_outlet(request.headers.get("transport", ""))
        self._player = Player(
            self._programme.views.get(mount, lambda: clip),
            self._outlet,
            name=(mount, self._session),
            journal=self._programme.journal,
            now=self._programme.now,
            backlog_bytes=self._programme.terms.backlog_bytes,
        )
        timeout_s = max(1, round(self._programme.terms.session_timeout_s))
        return Response(200, {"Transport": transport, "Session": f"{self._session};timeout={timeout_s}"})

    async def _play(self, request: Request) -> Response:
        self._require_session(request)
        if self._player is None:
            raise _Refusal(455)
        info = f"url={request.uri.rstrip('/')}/{_TRACK};{self._player.rtp_info}"
        return Response(200, {"Session": self._session, "Range": "npt=0.000-", "RTP-Info": info})

    async def _teardown(self, request: Request) -> Response:
        self._require_session(request)
        await self._end_session()
        return Response(200, {})

    def _require_session(self, request: Request) -> None:
        if request.session is None or self._outlet is None:
            raise _Refusal(454)

    def _clip(self, request: Request) -> tuple[str, Clip]:
        path = unquote(urlsplit(request.uri).path).strip("/")
        mount = path.removesuffix(_TRACK).rstrip("/")
        view = self._programme.views.get(mount)
        clip = self._programme.mounts.get(mount) if view is None else view()
        if clip is None:
            raise _Refusal(404)
        return mount, clip

    async def _open_outlet(self, offers: str) -> tuple[Outlet, str]:
        """The first transport that we know of those that the client offers, and the answer to it."""
        for offer in offers.split(","):
            profile, *parameters = (part.strip() for part in offer.split(";"))
            if profile.upper() == "RTP/AVP/TCP":
                channels = _pair(_CHANNELS, parameters, limit=255) or (0, 1)
                outlet = InterleavedOutlet(self._writer, channels=channels)
                return outlet, f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
            ports = _pair(_PORTS, parameters, limit=65_535)
            if profile.upper() in {"RTP/AVP", "RTP/AVP/UDP"} and "unicast" in parameters and ports:
                local, peer = (self._writer.get_extra_info(n)[0] for n in ("sockname", "peername"))
                try:
                    udp = await open_udp(local=local, host=peer, ports=ports, heard=self._hear)
                except OSError as error:
                    raise _Refusal(503) from error
                ours = udp.server_ports
                return udp, (
                    f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={ours[0]}-{ours[1]}"
                )
        raise _Refusal(461)

    def _begin(self) -> None:
        self._programme.counts.sessions += 1
        self._tasks = [asyncio.create_task(self._stream()), asyncio.create_task(self._watch_silence())]

    async def _stream(self) -> None:
        if self._player is None:
            raise RuntimeError("PLAY was answered without a SETUP")
        try:
            await self._player.play(lambda: self._programme.faults)
        except SlowClientError:
            self._programme.counts.slow_dropped += 1
            _log.warning("client dropped: it takes too slowly", session=self._session)
        except BrokenOnPurposeError:
            _log.info("connection reset on purpose", session=self._session)
        except OSError as error:
            _log.warning("stream broke", session=self._session, reason=str(error))
        self.abort()

    async def _watch_silence(self) -> None:
        loop, limit_s = asyncio.get_running_loop(), self._programme.terms.session_timeout_s
        while (left_s := self._heard_s + limit_s - loop.time()) > 0:
            await asyncio.sleep(left_s)
        self._programme.counts.timed_out += 1
        _log.warning("client dropped: it fell silent", session=self._session)
        self.abort()

    def _hear(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()

    async def _end_session(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._outlet is not None:
            self._outlet.close()
        self._outlet = self._player = None

    def _write(self, response: Response, *, cseq: str) -> None:
        self._writer.write(response.encode(cseq=cseq, at=self._programme.now()))


def _pair(pattern: re.Pattern[str], parameters: list[str], *, limit: int) -> tuple[int, int] | None:
    for parameter in parameters:
        match = pattern.match(parameter)
        if match and int(match[1]) <= limit and int(match[2]) <= limit:
            return int(match[1]), int(match[2])
    return None


def _describe_clip(clip: Clip, *, fps: float) -> str:
    """The session description (RFC 4566; RFC 6184 section 8, RFC 7798 section 7)."""
    vps, sps, pps = (base64.b64encode(each).decode() for each in (clip.vps, clip.sps, clip.pps))
    form = f"packetization-mode=1;profile-level-id={clip.sps[1:4].hex().upper()};sprop-parameter-sets={sps},{pps}"
    if clip.is_h265:
        form = f"sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}"
    lines = (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=Atalaya simulated camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {'H265' if clip.is_h265 else 'H264'}/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} {form}",
        f"a=framerate:{fps:.3f}",
        f"a=control:{_TRACK}",
    )
    return "".join(f"{line}\r\n" for line in lines)
