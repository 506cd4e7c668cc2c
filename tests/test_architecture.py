"""The house keeps its shape: imports flow one way, packages hold no code in `__init__`, nobody names a host."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [p for package in ("edge", "central", "models") for p in (ROOT / package).rglob("*.py")]


def test_imports_flow_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "__init__.py"], ids=lambda p: p.parent.name)
def test_an_init_holds_a_docstring_only(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


@pytest.mark.parametrize("package", ["edge", "central"])
def test_importing_a_package_pulls_in_neither_torch_nor_the_other_side(package: str) -> None:
    other = {"edge": ("central", "pyarrow", "sqlalchemy"), "central": ("edge.worker", "cv2", "openvino")}[
        package
    ]
    code = f"import sys, {package}.cli; print([m for m in ('torch', *{other}) if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_no_naive_time() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("utcnow", "utcfromtimestamp")
    ]
    assert found == []


def lock(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def test_locks_name_no_index() -> None:
    names = [path.name for path in ROOT.glob("requirements*.lock")]
    assert len(names) == 4
    for name in names:
        lines = lock(name)
        assert [line for line in lines if line.startswith("-") or "://" in line] == []
        assert [line for line in lines if line and "==" not in line] == []


@pytest.mark.parametrize(
    ("side", "absent"),
    [
        ("edge", ("pyarrow", "deltalake", "duckdb", "sqlalchemy", "torch", "pytest")),
        ("central", ("opencv", "openvino", "numpy", "av=", "torch", "pytest")),
    ],
)
def test_each_side_s_lock_is_a_part_of_the_whole(side: str, absent: tuple[str, ...]) -> None:
    part, whole = (
        {line.partition(";")[0].strip() for line in lock(name)}
        for name in (f"requirements-{side}.lock", "requirements.lock")
    )
    assert part <= whole
    assert [line for line in part if line.startswith(absent)] == []


def test_the_card_is_kept() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for package in ("opencv-python>=", "ultralytics", "easyocr", "numpy", "paho-mqtt", "pyarrow", "pytest"):
        assert f'"{package}' in text, package
    for name in ("edge", "models", "central", "configs", "tests", "sample_videos", "README.md"):
        assert (ROOT / name).exists(), name
