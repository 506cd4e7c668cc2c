"""Recognition on the labelled real pictures: the bars of the first version, on `valid`, which chose nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (DATA / "labels.csv").is_file(), reason="labelled pictures are absent: ../shared/data"
    ),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    command = [sys.executable, "-m", "edge", "bench", "recognise", "--data", str(DATA), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_the_detector_finds_plates_and_invents_few(report: dict[str, Any]) -> None:
    detector = report["detector"]
    assert detector["n"] >= 400
    assert detector["recall50"] >= 0.85
    assert detector["false_boxes_per_picture"] <= 0.1


@pytest.mark.parametrize(
    ("name", "pictures", "distinct", "exact"),
    # Measured .86, .79 and .85: less about two standard errors of a share of so many pictures.
    [("co_crop", 50, 45, 0.76), ("us_crop", 364, 356, 0.75), ("ar_crop", 65, 62, 0.76)],
)
def test_the_reader_reads_real_crops(
    report: dict[str, Any], name: str, pictures: int, distinct: int, exact: float
) -> None:
    found = report["sets"][name]
    assert (found["n"], found["distinct"]) == (pictures, distinct)
    assert found["exact"] >= exact
    for way in ("raw", "decoded"):
        score = found[way]
        assert score["exact"] <= score["merged_o0"] <= score["merged_all"] <= 1.0
        assert score["exact_interval"][0] < score["exact"] < score["exact_interval"][1]


def test_scenes_are_read_end_to_end(report: dict[str, Any]) -> None:
    assert report["sets"]["br"]["exact"] >= 0.93
    assert report["sets"]["eu"]["merged_o0"] >= 0.85


def test_every_text_is_in_the_pooled_figures_and_in_one_stratum_of_each_kind(report: dict[str, Any]) -> None:
    texts = sum(found["n"] for found in report["sets"].values())
    assert texts >= 700
    assert {pooled["exact"]["n"] for pooled in report["pooled"].values()} == {texts}
    for classes in report["strata"].values():
        assert sum(stratum["n"] for stratum in classes.values()) == texts


def test_who_may_err_more_reads_more(report: dict[str, Any]) -> None:
    for pooled in report["pooled"].values():
        rates = [pooled["read_rate"][share]["read_rate"] for share in ("0.005", "0.01", "0.04")]
        assert rates == sorted(rates)
        assert 0 < rates[-1] <= pooled["exact"]["share"]
