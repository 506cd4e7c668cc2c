"""The renderer: geometry holds, light behaves, and the truth lies where the plate was painted."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from models.synth.arrays import stream
from models.synth.plates import PlateSpec
from models.synth.scene import street
from models.synth.scene.camera import Camera
from models.synth.scene.fixing import visible_plate
from models.synth.scene.frame import compose, motion_kernel
from models.synth.scene.garage import VehicleSpec, build
from models.synth.scene.light import DAY, NIGHT, to_display
from models.synth.scene.mesh import Mesh, box, ellipsoid, tube
from models.synth.scene.night import after_dark
from models.synth.scene.plan import Road, StreetSpec, random_road
from models.synth.scene.raster import Pose, render
from models.synth.scene.traffic import Passage, Present
from models.synth.scene.vehicles import Vehicle
from models.synth.scene.view import View
from models.synth.scene.walkers import crowd
from models.synth.scene.weather import Glass, Weather, Wind

CAMERA = Camera((0.0, 0.0, 3.2), 0.0, 9.0, 1500.0, 960, 540)
SPEC = StreetSpec(4, Road((-1.65, 1.65), 3.3, 3.6, 1.9, two_way=True))
KINDS = ("car", "taxi", "bus", "truck", "motorcycle")


def vehicle(kind: str = "car", seed: int = 1, **wishes: object) -> Vehicle:
    moto = kind == "motorcycle"
    plate = PlateSpec("ABC12D" if moto else "ABC123", "CO", "motocicleta" if moto else "particular", wear=0.0)
    return build(VehicleSpec(seed, kind, plate, **wishes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def backdrop() -> street.Backdrop:
    return street.paint(SPEC, replace(CAMERA, width_px=320, height_px=180, focal_px=500.0))


def grey_frame(camera: Camera = CAMERA) -> np.ndarray:
    return np.full((camera.height_px, camera.width_px, 3), 100, np.uint8)


# --- camera ---------------------------------------------------------------------------------------------------------


def test_the_ground_seen_by_a_pixel_projects_back_to_it() -> None:
    pixels = np.array([[200.0, 500.0], [480.0, 300.0], [900.0, 420.0]])
    ground = CAMERA.ground(pixels)
    back, depth = CAMERA.project(np.column_stack([ground, np.zeros(3)]))
    assert np.allclose(back, pixels, atol=1e-6)
    assert (depth > 0).all()


def test_the_horizon_lies_where_the_pitch_says() -> None:
    far, _ = CAMERA.project(np.array([0.0, 1e7, 3.2]))
    assert far[1] == pytest.approx(270 - 1500 * np.tan(np.radians(9.0)), abs=0.01)


def test_a_turn_of_the_camera_is_a_homography() -> None:
    other = replace(CAMERA, yaw_deg=5.0, pitch_deg=11.0, focal_px=2100.0)
    points = np.array([[1.0, 20.0, 0.5], [-2.0, 30.0, 1.0], [0.3, 15.0, 0.0]])
    first, second = CAMERA.project(points)[0], other.project(points)[0]
    moved = np.column_stack([first, np.ones(3)]) @ CAMERA.homography_to(other).T
    assert np.allclose(moved[:, :2] / moved[:, 2:], second, atol=1e-6)


def test_a_finer_camera_sees_the_same() -> None:
    point = np.array([1.0, 12.0, 0.4])
    assert np.allclose(CAMERA.scaled(2.0).project(point)[0], CAMERA.project(point)[0] * 2)


# --- meshes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mesh",
    [
        ellipsoid((0, 0, 1), (0.5, 0.6, 0.7), (0, 0)),
        box((-1, -1, 0), (1, 1, 1), (0, 0)),
        tube([(0, 0, 0), (0, 0.2, 0.5), (0, 0, 1)], [0.2, 0.2, 0.2], (0, 0)),
    ],
)
def test_normals_are_unit_and_point_outwards(mesh: Mesh) -> None:
    assert np.allclose(np.linalg.norm(mesh.normals, axis=-1), 1, atol=1e-4)
    away = mesh.corners.mean(axis=1) - mesh.corners.reshape(-1, 3).mean(axis=0)
    outwards = (mesh.normals.mean(axis=1) * away).sum(axis=1) > 0
    assert outwards.mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_vehicle_stands_on_the_ground_and_has_a_vehicles_size(kind: str) -> None:
    made = vehicle(kind)
    points = made.mesh.corners.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    assert low[2] == pytest.approx(0.0, abs=0.05)
    assert {"car": 1.2, "taxi": 1.3, "bus": 2.5, "truck": 2.5, "motorcycle": 1.5}[kind] < high[2] < 3.2
    assert high[1] - low[1] == pytest.approx(made.length, rel=0.25)
    assert np.isfinite(made.mesh.normals).all()


@pytest.mark.parametrize("kind", KINDS)
def test_plates_hang_front_and_rear_but_motorcycles_have_none_in_front(kind: str) -> None:
    made = vehicle(kind)
    fronts = [mount for mount in made.plates if mount.normal[1] > 0.5]
    rears = [mount for mount in made.plates if mount.normal[1] < -0.5]
    assert len(fronts) == (0 if kind == "motorcycle" else 1)
    assert len(rears) == 1
    for mount in made.plates:
        width = np.linalg.norm(mount.corners[1] - mount.corners[0])
        assert width == pytest.approx(mount.image.size_mm[0] / 1000)
        assert 0.3 < mount.corners[:, 2].mean() < 1.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_builds_the_same_vehicle(kind: str) -> None:
    first, second, other = vehicle(kind), vehicle(kind), vehicle(kind, seed=2)
    assert np.array_equal(first.mesh.corners, second.mesh.corners)
    assert np.array_equal(first.skin.albedo, second.skin.albedo)
    assert not np.array_equal(first.skin.albedo.shape, other.skin.albedo.shape) or not np.array_equal(
        first.skin.albedo, other.skin.albedo
    )


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no vehicle kind 'tram'"):
        build(VehicleSpec(1, "tram", PlateSpec("ABC123")))


# --- rendering ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_covers_its_projection(kind: str) -> None:
    made = vehicle(kind)
    pose = Pose(0.0, 16.0, 180.0)
    layer = render(made.mesh, made.skin, pose, CAMERA, DAY)
    assert layer is not None
    pixels, _ = CAMERA.project(pose.to_world(made.mesh.corners.reshape(-1, 3)))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    rows, columns = np.nonzero(layer.alpha > 0.5)
    assert columns.min() + layer.x == pytest.approx(low[0], abs=3)
    assert columns.max() + layer.x == pytest.approx(high[0], abs=3)
    assert rows.min() + layer.y == pytest.approx(low[1], abs=3)
    assert 0 <= layer.alpha.min() <= layer.alpha.max() <= 1.001


def test_a_vehicle_out_of_view_draws_nothing() -> None:
    made = vehicle()
    assert render(made.mesh, made.skin, Pose(60.0, 20.0, 0.0), CAMERA, DAY) is None
    assert render(made.mesh, made.skin, Pose(0.0, -20.0, 0.0), CAMERA, DAY) is None


@pytest.mark.parametrize(
    ("kind", "heading"), [("car", 180.0), ("car", 0.0), ("bus", 180.0), ("motorcycle", 0.0)]
)
def test_truth_lies_where_the_plate_was_painted(kind: str, heading: float) -> None:
    """The yellow plate of a black vehicle is found by its colour alone."""
    made = vehicle(kind, colour="black")
    near = {"car": 11.0, "bus": 15.0, "motorcycle": 10.5}[kind]
    frame, sightings = compose(
        grey_frame(), [Present(made, Pose(0.3, near, heading), passage=7)], View(CAMERA, DAY, 0.0)
    )
    (sighting,) = sightings
    assert sighting.passage == 7
    assert sighting.inside
    blue, green, red = (frame[..., channel].astype(int) for channel in range(3))
    yellow = ((red > 110) & (green > 80) & (blue < 0.55 * green)).astype(np.uint8)
    low, high = sighting.quad.min(axis=0), sighting.quad.max(axis=0)
    window = np.zeros_like(yellow)
    window[int(low[1]) - 8 : int(high[1]) + 9, int(low[0]) - 8 : int(high[0]) + 9] = 1
    x, y, w, h = cv2.boundingRect(yellow * window)
    assert [x, y] == pytest.approx(low.tolist(), abs=2.5)
    assert [x + w, y + h] == pytest.approx(high.tolist(), abs=2.5)
    assert sighting.width_px == pytest.approx(high[0] - low[0], abs=2)


def test_a_motorcycle_that_comes_shows_no_plate() -> None:
    assert visible_plate(vehicle("motorcycle"), Pose(0, 12, 180.0), CAMERA) is None
    assert visible_plate(vehicle("motorcycle"), Pose(0, 12, 0.0), CAMERA) is not None


def test_a_nearer_vehicle_hides_a_plate() -> None:
    far, near = vehicle(seed=1), vehicle("bus", seed=2)
    present = [Present(far, Pose(0, 30, 180), passage=0), Present(near, Pose(0, 18, 180), passage=1)]
    hidden = {s.passage: s.hidden for s in compose(grey_frame(), present, View(CAMERA, DAY))[1]}
    assert hidden[0] > 0.9
    assert hidden[1] == 0.0


def test_what_stands_before_a_vehicle_hides_it() -> None:
    """A wall 5 m away across the left half of the view: the plate behind it is not to be read."""
    made = vehicle()
    shape = (CAMERA.height_px, CAMERA.width_px)
    inverse = np.zeros(shape, np.float32)
    inverse[:, : shape[1] // 2] = 1 / 5
    wall = street.Backdrop(grey_frame(), inverse, np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))
    view = View(CAMERA, DAY, 0.002, wall)
    left, right = (
        compose(grey_frame(), [Present(made, Pose(x, 16, 180))], view)[1][0].hidden for x in (-2.0, 2.0)
    )
    assert left > 0.95
    assert right < 0.05


def test_a_vehicle_throws_a_shadow() -> None:
    frame, _ = compose(grey_frame(), [Present(vehicle(), Pose(0, 14, 180))], View(CAMERA, DAY))
    below, _ = CAMERA.project(np.array([0.0, 11.75, 0.0]))
    assert frame[int(below[1]), int(below[0])].max() < 80
    assert frame[5, 5].min() == 100


def test_someone_who_is_not_there_yet_is_not_seen() -> None:
    frame, _ = compose(grey_frame(), [Present(vehicle(), Pose(0, 14, 180), strength=0.0)], View(CAMERA, DAY))
    assert np.abs(frame.astype(int) - 100).max() <= 1


def test_motion_blurs_along_the_way() -> None:
    kernel = motion_kernel(np.array([9.0, 0.0]))
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    assert kernel.sum(axis=0).max() < 0.25 < kernel.sum(axis=1).max()


@pytest.mark.parametrize("way", [(0.5, 0.0), (0.0, 1.3), (2.2, -3.1), (-7.4, 0.6)])
def test_the_blur_is_as_long_as_the_way(way: tuple[float, float]) -> None:
    """A uniform smear over a length has a variance of a twelfth of its square, plus the pixel's own share."""
    kernel = motion_kernel(np.array(way)).astype(float)
    places = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    for axis, length in ((0, way[0]), (1, way[1])):
        profile = kernel.sum(axis=axis)
        assert float((profile * places).sum()) == pytest.approx(0.0, abs=0.02)
        variance = float((profile * places**2).sum())
        assert length**2 / 12 - 0.01 <= variance <= length**2 / 12 + 0.27


def test_composing_twice_gives_the_same_frame() -> None:
    present = [Present(vehicle(), Pose(0, 14, 180)), Present(vehicle("motorcycle"), Pose(1.5, 9, 0))]
    first, second = (compose(grey_frame(), present, View(CAMERA, DAY))[0] for _ in range(2))
    assert np.array_equal(first, second)


# --- light ----------------------------------------------------------------------------------------------------------


def test_the_display_curve_rises_and_never_clips_hard() -> None:
    shown = to_display(np.linspace(0, 4, 300, dtype=np.float32))
    assert (np.diff(shown) >= 0).all()
    assert shown[0] == 0
    assert shown[-1] <= 255


def test_at_night_the_plate_is_brighter_than_the_car() -> None:
    made = vehicle(colour="grey")
    dark = np.full((CAMERA.height_px, CAMERA.width_px, 3), 12, np.uint8)
    frame, (sighting,) = compose(dark, [Present(made, Pose(0.0, 9.0, 0.0))], View(CAMERA, NIGHT))
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    low, high = sighting.quad.min(axis=0).astype(int), sighting.quad.max(axis=0).astype(int)
    plate = grey[low[1] : high[1], low[0] : high[0]]
    above = grey[low[1] - 60 : low[1] - 30, low[0] : high[0]]
    assert np.percentile(plate, 80) > 1.5 * np.median(above)


def test_head_lamps_glow_at_night_only_when_they_look_into_the_camera() -> None:
    made = vehicle()
    dark = np.full((CAMERA.height_px, CAMERA.width_px, 3), 8, np.uint8)
    coming, going = (
        compose(dark.copy(), [Present(made, Pose(0.0, 25.0, heading))], View(CAMERA, NIGHT))[0]
        for heading in (180.0, 0.0)
    )
    assert (coming > 230).sum() > 3 * (going > 230).sum() + 30


def test_night_is_grey_and_darker_far_away(backdrop: street.Backdrop) -> None:
    camera = replace(CAMERA, width_px=320, height_px=180, focal_px=500.0)
    night = after_dark(backdrop, camera, NIGHT)
    assert np.array_equal(night[..., 0], night[..., 2])
    road = night[:, 150:170, 0].mean(axis=1)
    assert road[-10:].mean() > 1.3 * road[60:75].mean()
    assert after_dark(backdrop, camera, DAY) is backdrop.bgr


# --- background -----------------------------------------------------------------------------------------------------


def test_a_street_has_sky_leaves_ground_and_depth(backdrop: street.Backdrop) -> None:
    assert (backdrop.ground > 200).mean() > 0.25
    assert 0.02 < (backdrop.swaying > 128).mean() < 0.6
    bottom, top = backdrop.inverse[-5:, 160].mean(), backdrop.inverse[70:75, 160].mean()
    assert bottom > top > 0
    assert backdrop.bgr.std() > 25


def test_the_depth_of_the_ground_is_that_of_the_camera(backdrop: street.Backdrop) -> None:
    camera = replace(CAMERA, width_px=320, height_px=180, focal_px=500.0)
    pixel = np.array([160.5, 170.5])
    point = np.append(camera.ground(pixel), 0.0)
    assert 1 / float(backdrop.inverse[170, 160]) == pytest.approx(float(camera.project(point)[1]), rel=0.03)


def test_the_same_seed_paints_the_same_street_and_another_another(backdrop: street.Backdrop) -> None:
    camera = replace(CAMERA, width_px=320, height_px=180, focal_px=500.0)
    assert np.array_equal(street.paint(SPEC, camera).bgr, backdrop.bgr)
    other = street.paint(replace(SPEC, seed=5), camera).bgr
    assert np.abs(other.astype(int) - backdrop.bgr).mean() > 4


def test_leaves_move_and_come_back(backdrop: street.Backdrop) -> None:
    wind = Wind(backdrop.bgr, backdrop.swaying, 2.0, 1)
    start, later, round_trip = wind.at(0.0, 20.0), wind.at(3.3, 20.0), wind.at(20.0, 20.0)
    still = backdrop.swaying == 0
    assert np.abs(start.astype(int) - later)[~still].mean() > 0.5
    assert np.abs(start.astype(int) - round_trip).max() <= 2


def test_people_stay_on_the_pavement_and_are_gone_when_the_clip_ends() -> None:
    people = crowd(SPEC, 8, 20.0)
    assert len(people) == 8
    seen = 0
    for walker in people:
        assert walker.present(0.0) is None
        assert walker.present(20.0) is None
        for time_s in np.arange(0.0, 20.0, 0.5):
            item = walker.present(float(time_s))
            if item is not None:
                seen += 1
                assert SPEC.road.half_width < abs(item.pose.x) <= SPEC.road.edge + 0.01
    assert seen > 40


def test_a_street_for_training_has_lanes_within_its_kerbs() -> None:
    for seed in range(40):
        road = random_road(stream(seed, "road"))
        assert max(map(abs, road.lanes)) + road.lane_width / 2 <= road.half_width + 1e-6


# --- traffic --------------------------------------------------------------------------------------------------------


def test_a_passage_meets_its_line_and_wraps_round_the_clock() -> None:
    passage = Passage(3, vehicle(), -1.65, "left", False, 2.0, 13.0, 8.0)
    pose = passage.pose(2.0)
    assert pose is not None
    assert pose.y == pytest.approx(13.0)
    before = passage.pose(1.0)
    assert before is not None
    assert before.y == pytest.approx(21.0)
    # At second 19 of 20 it is on its way to second 2 of the next round.
    (item,) = passage.present(19.0, 20.0)
    assert item.pose.y == pytest.approx(13.0 + 3.0 * 8.0)
    assert item.velocity == (0.0, -8.0)


def test_a_passage_fades_in_at_the_far_junction() -> None:
    passage = Passage(0, vehicle(), 0.0, "left", False, 0.0, 110.0, 8.0)
    (item,) = passage.present(0.0, 100.0)
    assert 0.0 < item.strength < 0.3
    assert passage.pose(-1.0) is None


# --- weather --------------------------------------------------------------------------------------------------------


def test_noise_depends_on_the_frames_number_alone() -> None:
    glass = Glass(Weather(noise=4.0), (90, 160), 3)
    again = Glass(Weather(noise=4.0), (90, 160), 3)
    plain = np.full((90, 160, 3), 120, np.uint8)
    assert np.array_equal(glass.expose(plain, 5), again.expose(plain, 5))
    assert not np.array_equal(glass.expose(plain, 5), glass.expose(plain, 6))


@pytest.mark.parametrize(
    "weather",
    [Weather(rain=0.9), Weather(glare=0.8), Weather(dirt=1.0), Weather(vignette=0.8), Weather(contrast=1.4)],
    ids=["rain", "glare", "dirt", "vignette", "contrast"],
)
def test_each_condition_changes_the_picture(weather: Weather) -> None:
    plain = np.full((180, 320, 3), 70, np.uint8)
    clear = Glass(replace(Weather(), noise=0.0), (180, 320), 3).expose(plain, 0).astype(int)
    seen = Glass(replace(weather, noise=0.0), (180, 320), 3).expose(plain, 0).astype(int)
    assert np.abs(seen - clear).mean() > 0.5


def test_a_grey_camera_has_no_colour() -> None:
    colourful = np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    seen = Glass(Weather(grey=True), (60, 80), 1).expose(colourful, 0)
    assert np.array_equal(seen[..., 0], seen[..., 1])
    assert np.array_equal(seen[..., 1], seen[..., 2])
