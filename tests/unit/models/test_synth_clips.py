"""What the clips are made from is kept for them, their truth follows the rules, and files say how they were made."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from models.synth.__main__ import main
from models.synth.clips import make
from models.synth.clips.calm import CALM_STREET, EVERY
from models.synth.clips.encode import GOP, encode
from models.synth.clips.film import Film, _passages, camera_at, wide_camera
from models.synth.clips.four import CLIPS, DAY_STREET, PTZ_SCENE
from models.synth.clips.manifest import Made, read_manifest, sha256, write_manifest
from models.synth.clips.programme import Actor, Preset, Programme
from models.synth.clips.truth import TruthRow, read_truth, truth_rows, write_truth
from models.synth.plates import PlateSpec
from models.synth.reserved import RESERVED_SEEDS, check_training_seed, is_reserved, leaked_plates, overlap
from models.synth.scene.camera import Camera
from models.synth.scene.fixing import Sighting, visible_plate
from models.synth.scene.garage import VehicleSpec, build
from models.synth.scene.traffic import Passage
from models.synth.scene.weather import Weather
from models.synth.training import quad_of, street_seed, vehicle_seed, write_set

SMALL = Camera((0.0, 0.0, 3.2), 0.0, 9.0, 640.0, 320, 180)


def small_programme(**changes: Any) -> Programme:
    """Two seconds of a tiny picture with one car and one motorcycle."""
    actors = (Actor(1.0, "car", 0, False, 6.0), Actor(0.9, "motorcycle", 1, True, 5.0, ("CO", "motocicleta")))
    base = replace(
        DAY_STREET,
        name="small",
        seconds=2.0,
        presets=(Preset("fixed", SMALL, 2.0),),
        actors=actors,
        people=0,
        fps=5,
        weather=Weather(wind_px=1.0),
    )
    return replace(base, **changes)


@pytest.fixture(scope="module")
def film() -> Film:
    return Film(small_programme())


def passage(number: int = 0, text: str = "ABC123") -> Passage:
    made = build(VehicleSpec(1, "car", PlateSpec(text)))
    return Passage(number, made, 0.0, "left", False, 1.0, 13.0, 8.0)


def sighting(number: int = 0, width: float = 80.0, **changes: Any) -> Sighting:
    quad = np.array([[100.0, 50.0], [100 + width, 50], [100 + width, 90], [100, 90]])
    return replace(Sighting(number, quad, width, True, 0.0, 12.0), **changes)


# --- programmes -----------------------------------------------------------------------------------------------------


def test_four_clips_of_twenty_to_forty_seconds() -> None:
    assert [clip.name for clip in CLIPS] == ["day", "night", "fast", "ptz"]
    assert all(20 <= clip.seconds <= 40 and clip.fps == 25 for clip in CLIPS)
    assert [len(clip.presets) for clip in CLIPS] == [1, 1, 1, 3]


def test_the_calm_street_lies_empty_at_its_ends() -> None:
    times = [actor.at_s for actor in CALM_STREET.actors]
    assert min(times) > 8
    assert max(times) < CALM_STREET.seconds - 10
    assert CALM_STREET in EVERY


def test_the_calm_street_has_vehicles_to_be_read_a_quarter_of_the_time() -> None:
    """By what a camera does as it is set at first: it reads plates of 40 px, and follows them from 28 px on."""
    passages = _passages(CALM_STREET)
    times_s = np.arange(0, CALM_STREET.seconds, 0.1)
    widest = np.array([_widest_plate_px(passages, float(time_s)) for time_s in times_s])
    read, followed = np.mean(widest >= 40), np.mean(widest >= 28)
    assert 0.2 < read < 0.25 < followed < 0.36


def _widest_plate_px(passages: list[Passage], time_s: float) -> float:
    """Of the plates that lie in the calm street's picture; 0: there is none."""
    camera, found = CALM_STREET.presets[0].camera, [0.0]
    for present in (p for each in passages for p in each.present(time_s, CALM_STREET.seconds)):
        plate = visible_plate(present.vehicle, present.pose, camera)
        if plate is not None:
            quad, depth = camera.project(present.pose.to_world(plate.corners))
            inside = (
                depth.min() > 0 and (quad >= 0).all() and (quad < (camera.width_px, camera.height_px)).all()
            )
            found += [float(np.linalg.norm(quad[1] - quad[0]))] if inside else []
    return max(found)


def test_everything_comes_from_the_seeds_kept_for_clips() -> None:
    for clip in EVERY:
        assert clip.seed in RESERVED_SEEDS
        assert clip.street.seed in RESERVED_SEEDS
        assert {spec.seed for spec in clip.vehicle_specs()} <= set(RESERVED_SEEDS)


def test_plates_are_kept_for_clips_and_no_two_vehicles_share_one() -> None:
    texts = [spec.plate.text for clip in EVERY for spec in clip.vehicle_specs()]
    assert len(texts) == len(set(texts))
    assert all(is_reserved(text) for text in texts)


def test_the_cast_is_what_the_street_needs() -> None:
    day = DAY_STREET.vehicle_specs()
    assert sum(spec.kind == "motorcycle" for spec in day) >= 4
    everyone = [spec for clip in CLIPS for spec in clip.vehicle_specs()]
    assert {"car", "taxi", "bus", "truck", "motorcycle"} == {spec.kind for spec in everyone}
    assert {"VE", "EC"} <= {spec.plate.country for spec in everyone}
    assert all(8 <= len(clip.actors) <= 16 for clip in CLIPS)


def test_a_seed_of_the_training_side_is_refused() -> None:
    with pytest.raises(ValueError, match="seed 17 is not among those kept for clips"):
        small_programme(seed=17)


def test_the_turning_camera_holds_its_presets_and_comes_back() -> None:
    first = PTZ_SCENE.presets[0]
    assert camera_at(PTZ_SCENE, 0.0) == (first.camera, first.name)
    assert camera_at(PTZ_SCENE, PTZ_SCENE.seconds) == (first.camera, first.name)
    names = [camera_at(PTZ_SCENE, float(t))[1] for t in np.arange(0, PTZ_SCENE.seconds, 0.04)]
    assert set(names) == {"incoming", "outgoing", "far", ""}
    moving = names.count("") * 0.04
    assert moving == pytest.approx(3 * PTZ_SCENE.move_s, abs=0.2)


def test_a_moving_camera_never_jumps() -> None:
    cameras = [camera_at(PTZ_SCENE, t / 25)[0] for t in range(PTZ_SCENE.frames + 1)]
    turns = [abs(b.yaw_deg - a.yaw_deg) for a, b in pairwise(cameras)]
    assert max(turns) < 1.0


def test_the_wide_view_holds_all_presets() -> None:
    cameras = [preset.camera for preset in PTZ_SCENE.presets]
    wide = wide_camera(cameras)
    for camera in cameras:
        for corner in ([0, 0], [1919, 0], [0, 1079], [1919, 1079]):
            ray = camera.rays(np.array(corner, np.float64))
            pixel, depth = wide.project(np.array(camera.position) + ray * 10)
            assert depth > 0
            assert 0 <= pixel[0] <= wide.width_px
            assert 0 <= pixel[1] <= wide.height_px


# --- frames ---------------------------------------------------------------------------------------------------------


def test_a_frame_is_the_same_whenever_it_is_drawn(film: Film) -> None:
    first = film.shot(4)
    film.shot(2)
    again = film.shot(4)
    assert np.array_equal(first.bgr, again.bgr)
    assert first.bgr.shape == (180, 320, 3)
    assert [s.passage for s in first.sightings] == [s.passage for s in again.sightings]


def test_another_film_of_the_same_seed_draws_the_same_frame(film: Film) -> None:
    assert np.array_equal(Film(small_programme()).shot(4).bgr, film.shot(4).bgr)


def test_the_clip_closes_into_a_loop(film: Film) -> None:
    """One frame after the last is the first one, but for the sensor's noise."""
    last, first = film.shot(10).bgr.astype(int), film.shot(0).bgr.astype(int)
    assert (
        np.abs(cv2.blur(last.astype(np.float32), (5, 5)) - cv2.blur(first.astype(np.float32), (5, 5))).max()
        < 4
    )


def test_a_fixed_camera_has_no_view_between_presets(film: Film) -> None:
    with pytest.raises(ValueError, match="a fixed camera does not move"):
        film._moving_background(SMALL)


# --- truth ----------------------------------------------------------------------------------------------------------


def test_a_passage_becomes_a_row() -> None:
    widths = [50.0, 62.0, 70.0, 84.0, 91.0, 88.0, 40.0]
    shots = [("", [])] + [("fixed", [sighting(width=w)]) for w in widths] + [("fixed", [])]
    (row,) = truth_rows("c", [passage()], shots, 25, moving=False)
    assert (row.first_s, row.best_s, row.last_s) == (2 / 25, 5 / 25, 6 / 25)
    assert (row.x, row.y, row.w, row.h) == (100.0, 50.0, 91.0, 40.0)
    assert (row.plate, row.country, row.direction, row.preset, row.passage) == (
        "ABC123",
        "CO",
        "towards",
        "",
        1,
    )


@pytest.mark.parametrize("change", [{"inside": False}, {"hidden": 0.2}, {"width_px": 59.0}])
def test_what_cannot_be_read_is_no_passage(change: dict[str, Any]) -> None:
    shots = [("fixed", [])] + [("fixed", [sighting(**change)])] * 6 + [("fixed", [])]
    assert truth_rows("c", [passage()], shots, 25, moving=False) == []


def test_two_frames_are_no_passage() -> None:
    shots = [("fixed", [])] * 2 + [("fixed", [sighting()])] * 2 + [("fixed", [])] * 2
    assert truth_rows("c", [passage()], shots, 25, moving=False) == []


def test_a_passage_cut_by_the_loop_is_an_error() -> None:
    shots = [("fixed", [sighting()])] * 5 + [("fixed", [])]
    with pytest.raises(ValueError, match="passage 0 is cut where the clip loops"):
        truth_rows("c", [passage()], shots, 25, moving=False)


def test_a_vehicle_legible_in_two_presets_is_an_error() -> None:
    shots = [("a", [])] + [("a", [sighting()])] * 5 + [("", [])] * 3 + [("b", [sighting()])] * 5 + [("b", [])]
    with pytest.raises(ValueError, match=r"legible in \['a', 'b'\]"):
        truth_rows("c", [passage()], shots, 25, moving=True)


def test_frames_of_a_moving_camera_do_not_count() -> None:
    shots = [("a", [])] + [("", [sighting()])] * 8 + [("a", [])]
    assert truth_rows("c", [passage()], shots, 25, moving=True) == []


def test_rows_are_numbered_by_their_best_view() -> None:
    late, early = [sighting(0)], [sighting(1)]
    shots = [("f", [])] + [("f", early)] * 4 + [("f", late)] * 4 + [("f", [])]
    rows = truth_rows("c", [passage(0, "LLL111"), passage(1, "EEE222")], shots, 25, moving=False)
    assert [(row.passage, row.plate) for row in rows] == [(1, "EEE222"), (2, "LLL111")]


def test_truth_is_written_and_read_back(tmp_path: Path) -> None:
    row = TruthRow(
        "c", 1, "ABC123", "CO", "particular", "car", "red", "left", "away", 0.4, 0.8, 1.2, "", 1.5, 2, 3, 4
    )
    write_truth([row], tmp_path / "t.csv")
    assert read_truth(tmp_path / "t.csv") == [row]


def test_a_truth_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("clip,plate\nday,ABC123\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"t\.csv: columns are"):
        read_truth(tmp_path / "t.csv")


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_film_is_encoded_as_a_camera_sends_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 255, (90, 160, 3), dtype=np.uint8) for _ in range(GOP + 5)]
    assert encode(frames, tmp_path / "f.mp4", size=(160, 90), fps=25, bit_rate=400_000) == GOP + 5
    with av.open(str(tmp_path / "f.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert container.streams.video[0].codec_context.name == "h264"
    assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, GOP]
    assert all(packet.pts == packet.dts for packet in packets)


def test_a_clip_is_made_with_truth_and_manifest(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    (made,) = make.make_all(
        [small_programme()], tmp_path, workers=1, progress=lambda *step: steps.append(step)
    )
    assert steps[0] == ("small", 0, 10)
    assert steps[-1] == ("small", 10, 10)
    (entry,) = read_manifest(tmp_path / "manifest.yaml")["clips"]
    assert entry["sha256"] == sha256(tmp_path / "small.mp4")
    assert entry["truth_sha256"] == sha256(tmp_path / "truth" / "small.csv")
    assert entry["plates"] == sorted(made.plates)
    assert len(entry["vehicles"]) == 2
    assert (entry["frames"], entry["width"], entry["passages"]) == (10, 320, len(made.truth))


def test_a_manifest_keeps_the_clips_that_were_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
        (tmp_path / "truth" / f"{name}.csv").write_text(name, encoding="utf-8")
        made = Made(small_programme(name=name), tmp_path / f"{name}.mp4", [], ["car-9000100"], ["ABC123"])
        write_manifest([made], tmp_path / "manifest.yaml")
    entries = read_manifest(tmp_path / "manifest.yaml")["clips"]
    assert [entry["name"] for entry in entries] == ["one", "two"]


def test_a_manifest_without_clips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("what: nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no list of clips"):
        read_manifest(tmp_path / "m.yaml")


# --- training -------------------------------------------------------------------------------------------------------


def test_a_reserved_seed_is_refused_for_training(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kept for the sample clips"):
        write_set(tmp_path, crops=1, scenes=0, seed=RESERVED_SEEDS.start, progress=lambda _: None)


def test_no_training_seed_ever_falls_among_the_clips() -> None:
    for seed in (0, 1, 7_999, 8_000, 123_456, 8_999_999):
        for number in (0, 1, 999):
            assert check_training_seed(street_seed(seed, number)) not in RESERVED_SEEDS
            assert check_training_seed(vehicle_seed(seed, number)) not in RESERVED_SEEDS


def test_training_plates_are_written_and_are_none_of_the_clips(tmp_path: Path) -> None:
    steps: list[int] = []
    labels = write_set(tmp_path, crops=12, scenes=0, seed=5, progress=steps.append)
    assert steps[-1] == len(labels) == 12
    assert leaked_plates(label.plate for label in labels) == []
    for label in labels:
        picture = cv2.imread(str(tmp_path / label.path))
        assert picture is not None
        assert min(picture.shape[:2]) >= 8
        assert (label.split, label.kind, label.label) == ("train", "crop", "rendered")
    again = write_set(tmp_path / "again", crops=12, scenes=0, seed=5, progress=steps.append)
    assert again == labels
    name = labels[7].path
    assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_training_scenes_carry_boxes_and_quads(tmp_path: Path) -> None:
    labels = write_set(tmp_path, crops=0, scenes=2, seed=11, progress=lambda _: None, width_px=480)
    picture = cv2.imread(str(min((tmp_path / "scenes").glob("*.jpg"))))
    assert picture is not None
    assert picture.shape == (270, 480, 3)
    assert labels
    for label in labels:
        x, y, w, h = (float(value) for value in (label.x, label.y, label.w, label.h))
        quad = quad_of(label)
        assert quad[:, 0].min() == pytest.approx(x, abs=0.2)
        assert quad[:, 1].max() == pytest.approx(y + h, abs=0.2)
        assert 0 <= x < x + w <= 480


def test_a_training_manifest_shares_nothing_with_the_clips(tmp_path: Path) -> None:
    write_set(tmp_path, crops=6, scenes=0, seed=5, progress=lambda _: None)
    training = yaml.safe_load((tmp_path / "manifest.yaml").read_text(encoding="utf-8"))
    clips = {
        "clips": [
            {
                "plates": [spec.plate.text for spec in clip.vehicle_specs()],
                "background": f"street-{clip.street.seed}",
                "cameras": [{"id": f"camera-{clip.seed}-x"}],
                "vehicles": [f"car-{spec.seed}" for spec in clip.vehicle_specs()],
            }
            for clip in CLIPS
        ]
    }
    assert overlap(clips, training) == []
    stolen = training | {
        "plates": [clips["clips"][0]["plates"][0]],  # type: ignore[list-item]
        "street_seeds": [9_000_000, 9_000_050],
        "vehicle_seeds": [9_000_200, 9_000_200],
    }
    found = overlap(clips, stolen)
    assert f"plate {clips['clips'][0]['plates'][0]}" in found
    assert "street-9000011" in found
    assert "car-9000200" in found


def test_the_command_line_writes_plates(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["plates", "--n", "4", "--seed", "3", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "4 pictures, 4 plates" in done.output
    assert len(list((tmp_path / "crops").iterdir())) == 4
    assert len((tmp_path / "labels.csv").read_text(encoding="utf-8").splitlines()) == 5


def test_the_command_line_refuses_an_unknown_clip(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["clips", "--only", "dawn", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "dawn" in done.output
