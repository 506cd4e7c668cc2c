"""The demo: starts every line of the Procfile, ends them cleanly, then counts what became of each read.

`make demo` runs it; `make demo DURATION=60` ends by itself. Everything that it writes lies under demo-run/.
The last line is JSON, measured from the edge's spool, the Delta table and the truth files of the clips.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml
from measure import measure

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "configs" / "demo"
RUN = ROOT / "demo-run"
VIDEOS = ROOT / "sample_videos"
PORTS = {"broker": 1884, "cameras": 8554, "turning": 8899}
OTHER_PORTS = {"broker, MQTT 3.1.1": 1885, "turning, RTSP": 8564}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_S = 60.0
"""Within this long every camera must have been asked for its stream."""
STOP_S = 30.0
"""How long a process may take to stop cleanly; the centre seals, the edge waits for its last acks."""


@dataclass(slots=True)
class Process:
    """One line of the Procfile, started."""

    name: str
    popen: subprocess.Popen[bytes]


def prepare() -> None:
    """An empty run folder with new passwords; clear words where something is missing."""
    for name, port in {**PORTS, **OTHER_PORTS}.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                sys.exit(f"demo: port {port} of 127.0.0.1 ({name}) is taken; end what uses it and try again")
    shutil.rmtree(RUN, ignore_errors=True)
    for folder in ("secrets", "logs", "edge", "centre"):
        (RUN / folder).mkdir(parents=True)
    passwords = {name: secrets.token_urlsafe(18) for name in ("camera", "broker-edge", "broker-centre")}
    for name, password in passwords.items():
        write_secret(name, password + "\n")
    broker = Template((HERE / "broker.toml").read_text(encoding="utf-8"))
    users = {name.replace("-", "_"): password for name, password in passwords.items()}
    write_secret("broker.toml", broker.substitute(users))


def write_secret(name: str, content: str) -> None:
    """A file below demo-run/secrets that its owner alone can read."""
    path = RUN / "secrets" / name
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")


def import_hotlist() -> None:
    """Put the two listed vehicles into the centre's database, as an officer would."""
    words = [
        sys.executable,
        "-m",
        "central",
        "hotlist",
        "import",
        str(HERE / "hotlist.csv"),
        "--list",
        "stolen",
    ]
    words += ["--as", "demo", "--config", str(HERE / "central.yaml")]
    done = subprocess.run(
        words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"demo: the hotlist was not imported: {done.stderr.strip()}")


def start(name: str, command: str) -> Process:
    """Start one line; all but the live table write to a log file of their own."""
    words = command.split()
    if words[0] == "python":
        words[0] = sys.executable
    # In a session of its own, so that Ctrl-C reaches the demo alone, which stops the rest in order.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if name == "tail":
        popen = subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)
    else:
        with (RUN / "logs" / f"{name}.log").open("wb") as log:
            popen = subprocess.Popen(
                words, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
    return Process(name, popen)


def wait_for_port(port: int, process: Process) -> None:
    """Return once something listens there; end the demo if its process has died."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.popen.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.name} does not listen on port {port}:\n{last_words(process.name)}")


def last_words(name: str) -> str:
    """The end of a process's log."""
    log = RUN / "logs" / f"{name}.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"


def stop(processes: list[Process]) -> list[str]:
    """End every process, last started first; names those that did not end cleanly."""
    unclean = []
    for process in reversed(processes):
        if process.popen.poll() is None:
            process.popen.send_signal(signal.SIGTERM)
        try:
            code = process.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.popen.kill()
            code = process.popen.wait()
        if code not in (0, -signal.SIGTERM):
            unclean.append(f"{process.name} ended with {code}:\n{last_words(process.name)}")
    return unclean


def run(processes: list[Process], *, duration_s: float) -> None:
    """Start everything in order and keep it until the time is over, Ctrl-C, or one of them dies."""
    for line in (HERE / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, command = line.partition(": ")
        processes.append(start(name, command))
        if name in PORTS:
            wait_for_port(PORTS[name], processes[-1])
    # The time counts from when every camera plays: loading the nets is no part of it.
    deadline = time.monotonic() + START_S
    while idle := cameras_idle():
        check(processes)
        if time.monotonic() > deadline:
            raise RuntimeError(f"nobody watches camera {', '.join(idle)}:\n{last_words('edge')}")
        time.sleep(0.2)
    until = time.monotonic() + (duration_s or float("inf"))
    while time.monotonic() < until:
        check(processes)
        time.sleep(0.2)


def check(processes: list[Process]) -> None:
    """Fail where a process has died."""
    for process in processes:
        if process.popen.poll() is not None:
            raise RuntimeError(f"{process.name} has died:\n{last_words(process.name)}")


def cameras_idle() -> list[str]:
    """The cameras that play to nobody yet."""
    log = RUN / "passes.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    settings = yaml.safe_load((HERE / "edge.yaml").read_text(encoding="utf-8"))
    return sorted(
        {camera["id"] for camera in settings["cameras"]} - {json.loads(line)["mount"] for line in lines}
    )


def main() -> int:
    """Run the demo; 0 where every process ended cleanly and no read was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=float, default=0, help="seconds; 0: until Ctrl-C")
    duration_s = parser.parse_args().duration
    os.umask(0o077)  # whatever the demo writes shows who drove where
    # SIGINT too: a shell that starts us in the background has it ignored. SIGHUP: the terminal was closed.
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    processes: list[Process] = []
    fault = ""
    # Not to the standard output, which the live table takes.
    ends = (
        f"ends by itself after {duration_s:g} s"
        if duration_s
        else "runs until Ctrl-C (or: make demo DURATION=60)"
    )
    print(f"demo: {ends}", file=sys.stderr)  # noqa: T201  # the demo talks to the terminal
    try:
        prepare()
        import_hotlist()
        run(processes, duration_s=duration_s)
    except KeyboardInterrupt:
        if not processes:
            return 130
    except RuntimeError as error:
        fault = str(error)
    finally:
        ended_at = time.time()
        # A second one must not cut the clean stop short.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        unclean = stop(processes)
    for words in filter(None, [fault, *unclean]):
        print(f"demo: {words}", file=sys.stderr)  # noqa: T201  # the demo talks to the terminal
    if fault:
        return 1
    return measure(RUN, videos=VIDEOS, ended_at=ended_at, ok=not unclean)


if __name__ == "__main__":
    sys.exit(main())
