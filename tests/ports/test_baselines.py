"""What every baseline does. Those whose package is absent skip; none is a dependency."""

import numpy as np
import pytest
from plates import car

from edge.bench.baselines.known import BASELINES
from edge.bench.baselines.port import Baseline
from edge.contract.pattern import ALPHABET
from edge.errors import AssetError
from edge.types import Bgr

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=list(BASELINES))
def rows(request: pytest.FixtureRequest) -> list[Baseline]:
    """The rows of a baseline."""
    try:
        return BASELINES[request.param]()
    except AssetError as error:
        pytest.skip(f"only a baseline, no dependency: {request.param}: {error}")


def street(plate: Bgr) -> Bgr:
    """A plate on a dark car before a grey wall."""
    bgr = np.full((480, 640, 3), 120, dtype=np.uint8)
    bgr[200:420, 120:520] = 40
    high, wide = plate.shape[:2]
    bgr[300 : 300 + high, 200 : 200 + wide] = plate
    return bgr


def test_each_row_has_its_name_and_says_its_versions(rows: list[Baseline]) -> None:
    assert rows
    assert len({row.name for row in rows}) == len(rows)
    assert all(any(c.isdigit() for c in row.version) for row in rows)
    assert all(row.finds or row.reads_crops for row in rows)


def test_a_clear_plate_is_read(rows: list[Baseline]) -> None:
    plate = car("KLM456")
    for row in rows:
        if row.reads_crops:
            guesses = row.read(plate, country="CO")
            assert "KLM456" in [g.text for g in guesses], row.name


def test_any_picture_gives_guesses_within_bounds(rows: list[Baseline]) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (120, 240, 3), dtype=np.uint8)
    for row in rows:
        for bgr in (street(car("KLM456")), noise, np.zeros((60, 200, 3), dtype=np.uint8)):
            for guess in row.read(bgr, country="INT"):
                assert set(guess.text) <= set(ALPHABET)
                assert 0 <= guess.likelihood <= 1.0001
                assert (guess.box is not None) or not row.finds
                assert guess.box is None or guess.box.area > 0
