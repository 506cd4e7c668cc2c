"""The real edge worker in a process of its own, and a camera that plays a clip of sample_videos to it."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from brokers import Broker

from edge.contract.delivery import Stream
from edge.errors import SpoolError
from edge.spool.tally import SpoolStats, inspect

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "sample_videos" / "day.mp4"
_STORED = re.compile(r"\bread +camera=")


class Camera:
    """`simulate rtsp`, playing the clip from its beginning to each that comes."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "edge", "simulate", "rtsp", "--port", "0", "--mount", f"day={CLIP}"]
        with (folder / "camera.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split(" ")[0].strip()
        assert self.url.startswith("rtsp://"), (folder / "camera.log").read_text()

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


class EdgeBox:
    """`run` with everything below one folder; what it logs outlives its deaths."""

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        camera: Camera,
        *,
        clips: dict[str, float] | None = None,
        **mqtt: Any,
    ) -> None:
        folder.mkdir()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        content = {
            "edge_id": "edge-1",
            "site_id": "site-1",
            "cameras": [{"id": "day", "url": camera.url, "min_plate_px": 56, "countries": {"CO": 1.0}}],
            "mqtt": {
                **broker.settings("edge-1"),
                **mqtt,
                "password_file": str(broker.password_file("edge-1")),
            },
            "spool": {"path": "spool.sqlite"},
            "clips": clips or {},
        }
        (folder / "edge.yaml").write_text(yaml.safe_dump(content))

    @property
    def pid(self) -> int:
        """Of its process, which runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        assert self._process is None
        command = [sys.executable, "-m", "edge", "run", "--config", str(self._folder / "edge.yaml")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def wait_for(self, condition: Callable[[], bool], what: str, *, within_s: float = 90) -> None:
        """Until it holds, while the box lives."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert self._process is not None
            assert self._process.poll() is None, f"the box has died:\n{self.log()[-4000:]}"
            assert time.monotonic() < deadline, f"no {what}:\n{self.spool()}\n{self.log()[-4000:]}"
            time.sleep(0.02)

    def kill9(self) -> None:
        assert self._process is not None
        self._process.kill()
        assert self._process.wait(20) == -signal.SIGKILL, "it was still alive when it was killed"
        self._process = None

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(60)
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def spool(self) -> SpoolStats:
        return inspect(self._folder / "spool.sqlite")

    @property
    def spooled(self) -> int:
        """Reads that were ever put into the spool, by its own count."""
        try:
            return self.spool().streams[Stream.READ].spooled
        except SpoolError:  # the first life is about to make it
            return 0

    @property
    def stored(self) -> int:
        """Reads that the box has said to be stored, over all its lives."""
        return sum(_STORED.search(line) is not None for line in self.log().splitlines())

    def log(self) -> str:
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""
