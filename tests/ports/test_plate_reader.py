"""What every plate reader does."""

import csv
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from plates import car, motorcycle, turned

from edge.bench.decode import likeliest
from edge.contract.pattern import ALPHABET
from edge.ports import PlateReader
from edge.types import Bgr, Reading

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(
    scope="module",
    params=["openvino", pytest.param("easyocr", marks=pytest.mark.train)],
    ids=["openvino", "easyocr"],
)
def reader(request: pytest.FixtureRequest) -> PlateReader:
    """One adapter, one thread."""
    if request.param == "openvino":
        from edge.read.openvino import OpenVinoReader

        return OpenVinoReader(threads=1)
    from edge.read.easyocr_reader import EasyOcrReader

    return EasyOcrReader(threads=1)


def text(reading: Reading) -> str:
    return likeliest(reading).text


def test_the_version_names_the_weights(reader: PlateReader) -> None:
    assert re.fullmatch(r"[a-z0-9-]+@[0-9a-f]{12}", reader.version)


@pytest.mark.parametrize(
    ("picture", "plate", "lines"),
    [
        pytest.param(car("ABC123"), "ABC123", 1, id="car"),
        pytest.param(car("KLM456", city="MEDELLIN"), "KLM456", 1, id="the municipality is no part of it"),
        pytest.param(car("XYZ-1234"), "XYZ1234", 1, id="nor is a separator"),
        pytest.param(motorcycle("ABC", "12D"), "ABC12D", 2, id="two lines"),
        pytest.param(turned(car("KLM456"), 15), "KLM456", 1, id="turned"),
        pytest.param(turned(car("KLM456"), -15), "KLM456", 1, id="turned the other way"),
        pytest.param(turned(motorcycle("XYZ", "98A"), 6), "XYZ98A", 2, id="two lines turned"),
    ],
)
def test_a_clear_plate_is_read(reader: PlateReader, picture: Bgr, plate: str, lines: int) -> None:
    (reading,) = reader.read([picture])
    assert (text(reading), reading.lines) == (plate, lines)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (17, 40), (1080, 1920)])
def test_a_crop_of_any_size_gives_a_posterior(reader: PlateReader, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (*shape, 3), dtype=np.uint8)
    for crop in (noise, np.zeros_like(noise)):
        (reading,) = reader.read([crop])
        assert reading.alphabet == ALPHABET
        assert reading.log_probs.dtype == np.float32
        assert reading.log_probs.shape[1] == 1 + len(ALPHABET)
        assert np.isfinite(reading.log_probs).all()
        assert np.exp(reading.log_probs.astype(np.float64)).sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_readings_come_in_the_order_of_the_crops_and_as_each_alone(reader: PlateReader) -> None:
    plates = ["ABC123", "DEF456", "GHJ789"]
    crops = [car(plates[i % 3]) for i in range(10)]  # more than one batch
    crops.insert(4, motorcycle("XYZ", "12A"))
    together = reader.read(crops)
    assert [text(r) for r in together] == [
        "ABC123", "DEF456", "GHJ789", "ABC123", "XYZ12A", "DEF456", "GHJ789", "ABC123", "DEF456", "GHJ789",
        "ABC123",
    ]  # fmt: skip
    for crop, reading in zip(crops, together, strict=True):
        (alone,) = reader.read([crop])
        assert np.exp(alone.log_probs) == pytest.approx(np.exp(reading.log_probs), abs=1e-3)


def test_nothing_to_read_nothing_read(reader: PlateReader) -> None:
    assert reader.read([]) == []


def test_a_crop_is_never_written_to(reader: PlateReader) -> None:
    crop = turned(car("ABC123", city="CALI"), 9)
    before = crop.copy()
    reader.read([crop])
    assert np.array_equal(crop, before)


def test_what_it_spells_is_the_raw_string(reader: PlateReader) -> None:
    (reading,) = reader.read([car("ABC-123")])
    assert reading.text_raw == "ABC123"


def test_a_smear_is_less_likely_than_a_clear_plate(reader: PlateReader) -> None:
    clear = car("BDQ808")
    smear = np.asarray(cv2.GaussianBlur(cv2.resize(clear, None, fx=0.1, fy=0.1), (0, 0), 1.5), np.uint8)
    # Of a smear it may be sure that it says nothing; the string is what must not be likely.
    seen, smeared = (likeliest(r) for r in reader.read([clear, smear]))
    assert seen.text == "BDQ808"
    assert smeared.likelihood < seen.likelihood / 2


@pytest.mark.data
def test_most_colombian_crops_are_read(reader: PlateReader) -> None:
    if not (DATA / "labels.csv").is_file():
        pytest.skip("needs the labelled pictures of ../shared/data")
    with (DATA / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["set"] == "co_crop"]
    crops = [np.asarray(cv2.imread(str(DATA / r["path"])), np.uint8) for r in rows]
    right = sum(text(r) == row["plate"] for r, row in zip(reader.read(crops), rows, strict=True))
    assert right >= 0.8 * len(rows)
