"""The simulated camera's parts: clips, requests, playing, the log of passes."""

import asyncio
import contextlib
import itertools
import json
import selectors
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clips import clip_file, write_clip

from edge.errors import ConfigError
from edge.simulate.clip import AccessUnit, Clip, load_clip, load_shown
from edge.simulate.player import BrokenOnPurposeError, End, Faults, Pass, PassLog, Player, SlowClientError
from edge.simulate.rtsp_message import ProtocolError, Request, Response, read_request

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestClip:
    @pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
    @pytest.mark.parametrize("b_frames", [0, 2])
    def test_it_is_read_from_any_container(self, suffix: str, b_frames: int) -> None:
        clip = load_clip(clip_file(b_frames=b_frames, suffix=suffix))
        assert len(clip.units) == 50
        assert clip.duration_s == pytest.approx(2.0, abs=0.002)
        assert clip.fps == pytest.approx(25, abs=0.03)
        assert sorted(round(u.ticks / 3600) for u in clip.units) == list(range(50))
        assert clip.sps[0] & 0x1F == 7
        assert clip.pps[0] & 0x1F == 8
        assert {n[0] & 0x1F for n in clip.units[0].nals} >= {5, 7, 8}, "it begins with a key frame"

    def test_it_may_be_h265(self, tmp_path: Path) -> None:
        clip = load_clip(write_clip(tmp_path / "new.mp4", frames=50, codec="libx265"))
        assert clip.is_h265
        assert len(clip.units) == 50
        assert [nal[0] >> 1 & 0x3F for nal in (clip.vps, clip.sps, clip.pps)] == [32, 33, 34]
        assert len(clip.from_second(0.5).units[0].nals) == len(clip.units[25].nals)

    @pytest.mark.parametrize(("second", "first"), [(0.0, 0), (0.5, 25), (1.0, 25), (1.5, 0)])
    def test_it_can_begin_at_a_later_key_frame(self, second: float, first: int) -> None:
        clip = load_clip(clip_file(frames=50, gop=25))
        turned = clip.from_second(second)
        assert [u.nals for u in turned.units] == [u.nals for u in clip.units[first:] + clip.units[:first]]
        assert [u.ticks for u in turned.units] == [n * 3600 for n in range(50)]
        assert turned.duration_s == clip.duration_s

    def test_a_part_begins_with_a_key_frame_and_ends_where_it_is_told(self) -> None:
        clip = load_clip(clip_file(frames=75, gop=25))
        part = clip.part(0.5, 2.6)
        assert [u.nals for u in part.units] == [u.nals for u in clip.units[25:65]]
        assert [u.ticks for u in part.units] == [n * 3600 for n in range(40)]
        assert (part.first_ticks, part.duration_s) == (90_000, 1.6)
        assert clip.from_second(1.0).first_ticks == 90_000

    def test_with_pictures_out_of_order_a_part_holds_whole_ones(self) -> None:
        part = load_clip(clip_file(frames=75, gop=25, b_frames=2)).part(1.0, 2.0)
        assert min(u.ticks for u in part.units) == 0
        assert max(u.ticks for u in part.units) < part.ticks == 90_000
        assert len({u.ticks for u in part.units}) == len(part.units) >= 22

    def test_what_is_shown_is_named_with_its_seconds(self) -> None:
        file = clip_file(frames=75, gop=25)
        assert load_shown(str(file)) == load_clip(file)
        assert load_shown(f"{file}#t=1") == load_clip(file).from_second(1.0)
        assert load_shown(f"{file}#t=1,2") == load_clip(file).part(1.0, 2.0)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            ("x", "expected seconds after #t=, found 'x'"),
            ("1,y", "expected seconds after #t=, found '1,y'"),
            ("2.2,2.9", "no key frame lies between these seconds of its 3.0"),
            ("2,1", "no key frame lies between"),
        ],
    )
    def test_seconds_that_cannot_be(self, seconds: str, words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            load_shown(f"{clip_file(frames=75, gop=25)}#t={seconds}")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nothing\.mp4: clip is missing"):
            load_clip(tmp_path / "nothing.mp4")

    def test_what_is_no_video_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "notes.mp4").write_text("hello")
        with pytest.raises(ConfigError, match=r"notes\.mp4: clip cannot be read"):
            load_clip(tmp_path / "notes.mp4")

    def test_another_codec_is_refused(self, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "old.mp4", frames=5, codec="mpeg4")
        with pytest.raises(ConfigError, match=r"must be H\.264 or H\.265, found mpeg4"):
            load_clip(path)


def parsed(raw: bytes) -> Request | None:
    async def feed() -> Request | None:
        reader = asyncio.StreamReader(limit=16_384)
        reader.feed_data(raw)
        reader.feed_eof()
        return await read_request(reader)

    return asyncio.run(feed())


class TestMessages:
    def test_a_request(self) -> None:
        request = parsed(
            b"SETUP rtsp://h/a/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nSESSION: ab12;timeout=60\r\n\r\n"
        )
        assert request is not None
        assert (request.method, request.uri, request.session) == ("SETUP", "rtsp://h/a/trackID=0", "ab12")
        assert request.headers["cseq"] == "3"

    def test_an_interleaved_packet_is_no_request(self) -> None:
        assert parsed(b"$\x01\x00\x04abcd") is None

    def test_the_body_is_read_past(self) -> None:
        async def two() -> list[str]:
            reader = asyncio.StreamReader(limit=16_384)
            reader.feed_data(b"GET_PARAMETER a RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nhello")
            reader.feed_data(b"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n")
            requests = [await read_request(reader), await read_request(reader)]
            return [r.method for r in requests if r]

        assert asyncio.run(two()) == ["GET_PARAMETER", "OPTIONS"]

    @pytest.mark.parametrize(
        "raw",
        [
            b"GET / HTTP/1.1\r\n\r\n",
            b"PLAY\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nno colon here\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
            b"PLAY a RTSP/1.0\r\nX: \xff\xfe\r\n\r\n",
            b"X" * 40_000,
        ],
    )
    def test_anything_else_is_refused_and_bounded(self, raw: bytes) -> None:
        with pytest.raises(ProtocolError):
            parsed(raw)

    def test_a_response(self) -> None:
        text = Response(401, {"WWW-Authenticate": "Digest"}, b"body").encode(cseq="7", at=START)
        assert text.startswith(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 7\r\n")
        assert b"\r\nContent-Length: 4\r\n\r\nbody" in text


class HastyLoop(asyncio.SelectorEventLoop):
    """A loop in which every wait is over at once, and its clock says that it took place."""

    def __init__(self) -> None:
        self._passed_s = 0.0
        selector = selectors.SelectSelector()
        look = selector.select

        def select(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            self._passed_s += timeout or 0.0
            return look(0)

        selector.select = select  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self._passed_s


class Sink:
    """An outlet that keeps what it is given."""

    def __init__(self, *, backlog: int = 0) -> None:
        self.pictures: list[tuple[float, list[bytes]]] = []
        self.reports: list[bytes] = []
        self.backlog = backlog

    async def send(self, packets: Sequence[bytes]) -> None:
        self.pictures.append((asyncio.get_running_loop().time(), list(packets)))

    def report(self, packet: bytes) -> None:
        self.reports.append(packet)

    def backlog_bytes(self) -> int:
        return self.backlog

    def close(self) -> None:
        pass


def ticker(frames: int = 5, step_s: float = 0.02) -> Clip:
    step = round(step_s * 90_000)
    units = tuple(AccessUnit(n * step, (bytes([0x41, n]),)) for n in range(frames))
    return Clip(Path("ticker"), units, frames * step, b"\x67", b"\x68")


def play(
    sink: Sink,
    *,
    for_s: float,
    faults: Faults | Callable[[], Faults] | None = None,
    clip: Clip | None = None,
) -> list[Pass | End]:
    told: list[Pass | End] = []
    wanted = faults or Faults()
    shown = clip or ticker()
    player = Player(
        lambda: shown,
        sink,
        name=("day", "s1"),
        journal=told.append,
        now=lambda: START + timedelta(seconds=asyncio.get_running_loop().time()),
        backlog_bytes=100,
    )

    async def run() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(player.play(wanted if callable(wanted) else lambda: wanted), for_s)

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(run())
    return told


def timestamps(sink: Sink) -> list[int]:
    return [int.from_bytes(packets[0][4:8], "big") for _, packets in sink.pictures]


class TestPlayer:
    def test_timestamps_run_on_over_the_wrap(self) -> None:
        sink = Sink()
        play(sink, for_s=0.35)
        ticks = timestamps(sink)
        assert len(ticks) > 10, "more than two passes"
        assert {(b - a) % 2**32 for a, b in itertools.pairwise(ticks)} == {1800}

    def test_pictures_leave_in_real_time(self) -> None:
        sink = Sink()
        play(sink, for_s=0.5, clip=ticker(10, 0.04))
        sent = [at for at, _ in sink.pictures]
        assert sent[-1] - sent[0] == pytest.approx((len(sent) - 1) * 0.04, abs=1e-6)

    def test_each_pass_is_told_with_the_time_of_its_first_picture(self) -> None:
        sink = Sink()
        *began, end = (event for event in play(sink, for_s=0.35))
        assert isinstance(end, End)
        began = [event for event in began if isinstance(event, Pass)]
        assert [p.number for p in began] == list(range(len(began)))
        assert {(p.mount, p.session, p.duration_s) for p in began} == {("day", "s1", 0.1)}
        for one in began:
            sent = START + timedelta(seconds=sink.pictures[one.number * 5][0])
            assert abs(sent - one.started_at) < timedelta(milliseconds=1)
        starts = [(b.started_at - a.started_at).total_seconds() for a, b in itertools.pairwise(began)]
        assert starts == pytest.approx([0.1] * len(starts), abs=1e-4), "no drift from pass to pass"

    def test_the_end_is_told_however_it_comes(self) -> None:
        sink = Sink()
        *_, end = play(sink, for_s=0.05)
        last = START + timedelta(seconds=sink.pictures[-1][0])
        assert isinstance(end, End)
        assert (end.mount, end.session) == ("day", "s1")
        assert timedelta() <= end.ended_at - last < timedelta(milliseconds=60)

    def test_a_report_comes_with_the_first_picture(self) -> None:
        sink = Sink()
        play(sink, for_s=0.05)
        assert len(sink.reports) == 1
        assert int.from_bytes(sink.reports[0][16:20], "big") == timestamps(sink)[0]

    def test_a_client_that_falls_behind_is_given_up(self) -> None:
        with pytest.raises(SlowClientError):
            play(Sink(backlog=101), for_s=1)

    def test_dropped_packets_leave_a_gap_in_the_numbers(self) -> None:
        sink = Sink()
        play(sink, for_s=1.0, faults=Faults(drop_share=0.3), clip=ticker(20, 0.005))
        sent = [p for _, packets in sink.pictures for p in packets]
        assert 0.5 < len(sent) / len(sink.pictures) < 0.9
        numbers = [int.from_bytes(p[2:4], "big") for p in sent]
        assert any((b - a) % 65_536 > 1 for a, b in itertools.pairwise(numbers))

    @pytest.mark.parametrize(("scale", "step"), [(2.0, 3600), (0.5, 900), (0.0, 0)])
    def test_it_lies_about_time_when_told(self, scale: float, step: int) -> None:
        sink = Sink()
        play(sink, for_s=0.35, faults=Faults(time_scale=scale))
        assert {(b - a) % 2**32 for a, b in itertools.pairwise(timestamps(sink))} == {step}

    def test_it_becomes_another_clip_when_told(self) -> None:
        sink, began = Sink(), []
        other = ticker(3, 0.04)

        def wanted() -> Faults:
            began.append(asyncio.get_running_loop().time())
            return Faults(becomes=other if began[-1] - began[0] > 0.05 else None)

        play(sink, for_s=0.3, faults=wanted)
        ticks = timestamps(sink)
        steps = [(b - a) % 2**32 for a, b in itertools.pairwise(ticks)]
        assert set(steps[:2]) == {1800}
        assert set(steps[4:]) == {3600}
        assert [packets[0][-1] for _, packets in sink.pictures][-4:] != [0] * 4

    def test_it_stalls_and_breaks_when_told(self) -> None:
        sink = Sink()
        play(sink, for_s=0.4, faults=Faults(stall_after_s=0.1))
        assert len(sink.pictures) == 5
        with pytest.raises(BrokenOnPurposeError):
            play(Sink(), for_s=5, faults=Faults(abort_after_s=0.1))


class TestPassLog:
    def test_it_appends_a_line_a_pass_that_is_on_disk_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "passes.jsonl"
        path.write_text('{"older":1}\n')
        log = PassLog(path)
        log(Pass("day", "s1", 3, "noon", 2.0, START, 30.04))
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert lines[1] == {
            "mount": "day",
            "session": "s1",
            "pass": 3,
            "clip": "noon",
            "from_s": 2.0,
            "started_at": "2026-03-01T12:00:00+00:00",
            "duration_s": 30.04,
        }
        log.close()

    def test_it_appends_a_line_a_session_s_end(self, tmp_path: Path) -> None:
        path = tmp_path / "passes.jsonl"
        log = PassLog(path)
        log(End("day", "s1", START))
        log.close()
        assert json.loads(path.read_text()) == {
            "mount": "day",
            "session": "s1",
            "ended_at": "2026-03-01T12:00:00+00:00",
        }
