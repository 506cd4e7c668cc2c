"""The wheel is a working edge box: weights and plate grammars travel in it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from containerfile import stages

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "sample_videos" / "day.mp4"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("atalaya-*.whl")
    return built


def replay(python: Path, folder: Path, environment: dict[str, str]) -> list[dict[str, object]]:
    command = [python, "-m", "edge", "replay", str(CLIP), "--json", "--seconds", "6"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    reads = json.loads(done.stdout)["reads"]
    assert isinstance(reads, list)
    return reads


def test_unpacked_in_an_empty_folder_it_reads_a_clip(wheel: Path, tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "empty"
    folder.mkdir()
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True, timeout=120)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = subprocess.run(
        [sys.executable, "-c", "import edge; print(edge.__file__)"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert where.stdout.startswith(str(site)), "the checkout was imported, not the wheel"
    assert replay(Path(sys.executable), folder, environment)


@pytest.mark.proof
def test_the_steps_of_the_container_file_install_a_box_that_reads_a_clip(wheel: Path, tmp_path: Path) -> None:
    """In an empty folder instead of an image: with this machine's Python and libraries, and as this user."""
    first, last = stages()
    given, home, opt = tmp_path / "tmp", tmp_path / "home", tmp_path / "opt"
    for folder in (given, home):
        folder.mkdir()
    for file in (ROOT / "requirements-edge.lock", wheel):
        shutil.copy(file, given)
    (install,) = (rest for name, rest in first if name == "RUN")
    step = install.replace("/tmp/", f"{given}/").replace("/opt/atalaya", str(opt))
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    subprocess.run(["/bin/sh", "-e", "-c", step], cwd=home, env=environment, check=True, timeout=900)
    python = opt / "bin" / "python"
    said = dict(last)
    environment |= dict(pair.split("=") for pair in said["ENV"].split())
    health = json.loads(said["HEALTHCHECK"].partition(" CMD ")[2])
    for words in (json.loads(said["ENTRYPOINT"]) + json.loads(said["CMD"]), health):
        command = [word.replace("/opt/atalaya", str(opt)) for word in words]
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 2, "the box starts, and misses its configuration"
        assert "/etc/atalaya/edge.yaml" in done.stderr
    assert replay(python, home, environment)
