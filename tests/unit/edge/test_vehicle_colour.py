import json
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest
from fakes import START, FakeDetector, FakeReader, at, reading

from edge import assets
from edge.contract.read import ModelVersions, PictureRef, ReadId, Scored
from edge.emission import Emission
from edge.errors import AssetError
from edge.grammar import load_grammar
from edge.pipeline import Pipeline
from edge.read import vehicle_colour
from edge.read.colour import background
from edge.read.crop import cut
from edge.read.paint import UNTOLD, WINDOW, Palette, ground, lit, window
from edge.read.vehicle_colour import Colours, fitted, palette, shares
from edge.settings import CameraSettings, VoteSettings
from edge.types import Bgr, Box, Detection, Frame
from edge.vote import Vote

PLATE = Box(560.0, 500.0, 160.0, 40.0)
PAINTS = {
    "red": (45, 40, 180),
    "blue": (190, 70, 20),
    "white or grey": (225, 226, 228),
}


def car(paint: tuple[int, int, int], light: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Bgr:
    """A body of one paint, lighter towards its top, with a white plate, a dark window, a grey road and grass."""
    picture = np.full((720, 1280, 3), (105, 108, 110), np.float64)
    slope = np.linspace(1.1, 0.85, 400)[:, None, None]
    picture[200:600, 340:940] = np.array(paint) * slope
    picture[:240, :330] = picture[:240, 950:] = (60, 130, 80)
    picture[200:270, 400:880] = (45, 42, 40)
    picture[600:630, 340:940] = (25, 25, 25)
    x, y, w, h = (int(v) for v in (PLATE.x, PLATE.y, PLATE.width, PLATE.height))
    picture[y : y + h, x : x + w] = 235
    picture[y + 8 : y + h - 8, x + 10 : x + w - 10 : 12] = 30
    return np.clip(picture * np.array(light), 0, 255).astype(np.uint8)


def best(picture: Bgr, *, white: float = 1.0) -> Scored | None:
    colours = Colours()
    colours.add(shares(picture, PLATE, background={"white": white}, known=palette()), weight=1.0)
    return colours.best(sure=palette().sure)


@pytest.mark.parametrize("name", PAINTS)
def test_the_paint_is_the_likeliest_colour(name):
    found = shares(car(PAINTS[name]), PLATE, background={"white": 1.0}, known=palette())
    assert max(found, key=lambda n: found[n]) == name


@pytest.mark.parametrize("name", ["red", "blue"])
def test_a_painted_body_is_told(name):
    told = best(car(PAINTS[name]))
    assert told is not None
    assert told.value == name
    assert palette().sure <= told.likelihood <= 1


@pytest.mark.parametrize("name", ["red", "blue"])
@pytest.mark.parametrize("light", [(0.85, 0.95, 1.0), (1.0, 0.95, 0.85), (0.7, 0.7, 0.7)])
def test_the_light_does_not_make_another_colour_of_it(name, light):
    told = best(car(PAINTS[name], light))
    assert told is not None
    assert told.value == name


def test_a_camera_that_sees_no_colour_tells_none():
    grey = np.repeat(car(PAINTS["red"]).mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert shares(grey, PLATE, background={"white": 1.0}, known=palette()) == {}


@pytest.mark.parametrize("tint", [(0, 0), (2, 2), (-2, 2), (9, -6)])
@pytest.mark.parametrize("name", PAINTS)
def test_a_tinted_infrared_picture_tells_none(name, tint):
    luma = cv2.cvtColor(car(PAINTS[name]), cv2.COLOR_BGR2GRAY)
    planes = np.dstack([luma, np.full_like(luma, 128 + tint[0]), np.full_like(luma, 128 + tint[1])])
    picture = cv2.cvtColor(planes, cv2.COLOR_YCrCb2BGR)
    ground_of_plate = background(cut(picture, PLATE))
    assert shares(picture, PLATE, background=ground_of_plate, known=palette()) == {}


def test_a_dark_picture_tells_nothing():
    assert best((car(PAINTS["blue"]) // 24).astype(np.uint8)) is None


def test_a_white_plate_takes_the_tint_out_of_the_light():
    tinted = car(PAINTS["white or grey"], (0.6, 0.95, 1.0))
    view, _ = window(tinted, PLATE)
    light = ground(tinted[500:540, 560:720])
    chroma = [
        np.median(np.hypot(*lit(view, light=light, white=w)[4:12, 4:16, 1:].reshape(-1, 2).T)) for w in (0, 1)
    ]
    assert chroma[1] < 0.7 * chroma[0]


def test_the_window_says_what_lies_outside_the_picture():
    view, inside = window(car(PAINTS["red"]), Box(10.0, 690.0, 160.0, 40.0))
    assert view.shape == (WINDOW[1], WINDOW[0], 3)
    assert not inside[:, :6].any()
    assert not inside[-2:].any()
    assert inside[2:8, 12:].all()
    nothing, nowhere = window(car(PAINTS["red"]), Box(5000.0, 5000.0, 10.0, 10.0))
    assert not nowhere.any()
    assert not nothing.any()


@pytest.mark.parametrize(
    "box",
    [
        Box(1279.0, 719.0, 40.0, 10.0),
        Box(-50.0, -50.0, 20.0, 20.0),
        Box(-30.0, 400.0, 20.0, 10.0),
        Box(5.0, 5.0, 0.5, 0.5),
    ],
)
def test_a_plate_without_pixels_tells_nothing(box):
    assert shares(car(PAINTS["red"]), box, background={"white": 1.0}, known=palette()) == {}


def test_frames_together_are_no_surer_than_their_mean():
    once, often = Colours(), Colours()
    frame = {"red": 0.8, "blue": 0.15, UNTOLD: 0.05}
    once.add(frame, weight=0.4)
    for _ in range(50):
        often.add(frame, weight=0.9)
    single, many = once.best(sure=0.5), often.best(sure=0.5)
    assert single is not None
    assert many is not None
    assert many.likelihood == pytest.approx(single.likelihood)


def test_frames_that_disagree_tell_nothing_and_the_better_pictures_count_for_more():
    colours = Colours()
    colours.add({"red": 0.9, "blue": 0.1}, weight=0.5)
    colours.add({"red": 0.1, "blue": 0.9}, weight=0.5)
    assert colours.best(sure=0.6) is None
    better = Colours()
    better.add({"red": 0.9, "blue": 0.1}, weight=1.0)
    better.add({"red": 0.1, "blue": 0.9}, weight=0.1)
    told = better.best(sure=0.6)
    assert told is not None
    assert told.value == "red"


def test_what_cannot_be_told_is_not_told():
    colours = Colours()
    assert colours.best(sure=0.1) is None
    colours.add({}, weight=1.0)
    assert colours.best(sure=0.1) is None
    colours.add({UNTOLD: 0.9, "red": 0.1}, weight=1.0)
    assert colours.best(sure=0.1) is None


def test_a_damaged_palette_is_told_by_its_path(tmp_path, monkeypatch):
    whole = json.loads(assets.model_file(vehicle_colour.PALETTE).read_text(encoding="utf-8"))
    path = tmp_path / "palette.json"
    monkeypatch.setattr(assets, "model_file", lambda name: path)
    for wrong in ({**whole, "bias": whole["bias"][1:]}, {**whole, "sure": 2}, {**whole, "more": 1}):
        path.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(AssetError, match=r"palette\.json: damaged"):
            vehicle_colour.palette.__wrapped__()


def test_the_shipped_palette_says_where_it_comes_from():
    kept = Palette.model_validate_json(assets.model_file(vehicle_colour.PALETTE).read_bytes())
    assert "train.py" in kept.note
    assert fitted(kept).weights.shape == palette().weights.shape
    assert {"white or grey", "red", "blue", "black", UNTOLD} <= set(kept.colours)


class Bearing(FakeDetector):
    """Finds one plate, on such a vehicle."""

    def __init__(self, vehicle: str) -> None:
        super().__init__()
        self._vehicle = vehicle

    def detect(self, bgr, *, near=None, within=None):
        return [Detection(PLATE, 0.9, (Scored(value=self._vehicle, likelihood=0.97),))]


class Same(FakeReader):
    """Reads the same plate in every crop."""

    def read(self, crops):
        return [replace(reading("ABC123"), background={"white": 1.0}) for _ in crops]


def emitted(vehicle: str, paint: tuple[int, int, int]) -> Emission:
    settings = VoteSettings()
    grammar = load_grammar(assets.plate_files())
    pipeline = Pipeline(
        camera=CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", countries={"CO": 1}),
        vote=settings,
        new_vote=lambda: Vote(grammar=grammar, settings=settings, countries={"CO": 1}),
        detector=Bearing(vehicle),
        reader=Same({}),
    )
    found = []
    for number in range(6):
        moment = START + timedelta(seconds=number / 8)
        found += pipeline.feed(Frame("cam", moment, car(paint)), now=moment)
    return (found + pipeline.flush(now=at(2)))[0]


def test_a_read_says_the_colour_of_the_car():
    emission = emitted("car", PAINTS["red"])
    message = emission.message(
        ReadId("e", 1, 1),
        site_id="s",
        models=ModelVersions(detector="d@1", reader="r@1"),
        pictures=PictureRef(),
    )
    assert message.vehicle.color is not None
    assert message.vehicle.color.value == "red"


def test_a_motorcycle_has_no_colour():
    assert emitted("motorcycle", PAINTS["red"]).colour is None
