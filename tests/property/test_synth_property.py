"""Laws of the generator that hold for any seed."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.synth.arrays import pick, stream
from models.synth.clips.truth import box
from models.synth.patterns import CLASSES
from models.synth.reserved import RESERVED_SEEDS, is_reserved
from models.synth.scene.camera import Camera
from models.synth.scene.mesh import rotation
from models.synth.scene.raster import Pose
from models.synth.texts import sample_pattern, sample_text
from models.synth.training import street_seed, vehicle_seed

SEEDS = st.integers(0, 2**31)
CAMERAS = st.builds(
    Camera,
    st.tuples(st.floats(-5, 5), st.floats(-2, 2), st.floats(2, 8)),
    st.floats(-30, 30),
    st.floats(3, 25),
    st.floats(500, 12_000),
)


@given(SEEDS, st.sampled_from(CLASSES), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_drawn_text_matches_its_class_and_its_side(seed: int, plate_class: object, reserved: bool) -> None:
    text = sample_text(plate_class, stream(seed), reserved=reserved)  # type: ignore[arg-type]
    assert plate_class.matches(text)  # type: ignore[attr-defined]
    assert is_reserved(text) == reserved


@given(
    SEEDS,
    st.lists(
        st.tuples(st.sampled_from(["[A-Z]", "[0-9]", "[A-HJ-N]", "Q", "7", "(CC|AT|X)"]), st.integers(1, 5)),
        min_size=1,
    ),
)
@settings(deadline=None)
def test_a_drawn_pattern_matches_itself(seed: int, atoms: list[tuple[str, int]]) -> None:
    pattern = "".join(f"{atom}{{{count}}}" for atom, count in atoms)
    assert re.fullmatch(pattern, sample_pattern(pattern, stream(seed)))


@given(SEEDS, st.integers(0, 999))
def test_training_seeds_stay_off_the_clips(seed: int, number: int) -> None:
    assert street_seed(seed, number) not in RESERVED_SEEDS
    assert vehicle_seed(seed, number) not in RESERVED_SEEDS


@given(SEEDS, st.text(max_size=8), st.text(max_size=8))
def test_streams_repeat_and_differ_by_name(seed: int, first: str, second: str) -> None:
    assert stream(seed, first).random() == stream(seed, first).random()
    if first != second:
        assert stream(seed, first).random() != stream(seed, second).random()


@given(SEEDS, st.lists(st.integers(), min_size=1))
def test_pick_picks_a_member(seed: int, choices: list[int]) -> None:
    assert pick(stream(seed), choices) in choices


@given(CAMERAS, st.floats(0.05, 0.95), st.floats(0.6, 1.0))
def test_ground_and_projection_are_inverse(camera: Camera, across: float, down: float) -> None:
    pixel = np.array([across * camera.width_px, down * camera.height_px])
    if camera.rays(pixel)[2] > -0.02:
        return  # at the horizon or above it
    point = np.append(camera.ground(pixel), 0.0)
    back, depth = camera.project(point)
    assert depth > 0
    assert np.allclose(back, pixel, atol=1e-3)


@given(CAMERAS)
def test_a_cameras_axes_are_a_right_handed_frame(camera: Camera) -> None:
    axes = camera.axes()
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert np.isclose(np.linalg.det(axes), 1.0)


@given(st.integers(0, 2), st.floats(-360, 360))
def test_turns_keep_lengths(axis: int, angle: float) -> None:
    matrix = rotation(axis, angle)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.isclose(np.linalg.det(matrix), 1.0)


@given(st.floats(-9, 9), st.floats(-9, 99), st.floats(-360, 360), st.floats(-20, 20))
def test_a_pose_moves_without_stretching(x: float, y: float, heading: float, lean: float) -> None:
    pose = Pose(x, y, heading, lean)
    points = np.array([[0.0, 0, 0], [1, 2, 0.5], [-0.3, 0.1, 1.2]])
    moved = pose.to_world(points)
    assert np.allclose(moved[0], [x, y, 0])
    assert np.isclose(np.linalg.norm(moved[1] - moved[2]), np.linalg.norm(points[1] - points[2]))


@given(st.lists(st.tuples(st.floats(0, 1920), st.floats(0, 1080)), min_size=4, max_size=4))
def test_a_box_holds_its_quad(corners: list[tuple[float, float]]) -> None:
    quad = np.array(corners)
    x, y, w, h = box(quad)
    assert (quad >= np.array([x, y]) - 1e-6).all()
    assert (quad <= np.array([x + w, y + h]) + 1e-6).all()
