import math
import random
from collections import defaultdict
from collections.abc import Iterator

import pytest
from fakes import at

from edge.track import Step, Track, Tracker
from edge.types import Box, Detection


def plate(x: float, y: float, width: float = 60.0, height: float = 30.0) -> Detection:
    return Detection(Box(x, y, width, height), 0.9)


def follow(tracker: Tracker, steps: list[tuple[float, list[Detection]]]) -> list[Step]:
    return [tracker.update(at(seconds), detections) for seconds, detections in steps]


def ids(step: Step) -> list[int]:
    return [track.id for track, _ in step.sightings]


def test_a_plate_that_stands_still_keeps_its_number() -> None:
    steps = follow(Tracker(), [(t / 8, [plate(100, 100)]) for t in range(20)])
    assert {i for step in steps for i in ids(step)} == {0}


def test_a_plate_that_moves_five_widths_between_two_frames_is_one_track() -> None:
    # 60 px wide, 300 px every 0.4 s: the boxes never overlap.
    steps = follow(Tracker(), [(0.4 * k, [plate(100 + 300 * k, 200)]) for k in range(5)])
    assert [ids(step) for step in steps] == [[0]] * 5


def test_irregular_gaps_are_predicted_by_their_length() -> None:
    times = [0.0, 0.1, 0.2, 0.45, 0.5, 0.9, 1.0, 1.3]
    steps = follow(Tracker(), [(t, [plate(100 + 700 * t, 200 + 100 * t)]) for t in times])
    assert [ids(step) for step in steps] == [[0]] * len(times)


def test_two_vehicles_that_cross_keep_their_numbers() -> None:
    tracker = Tracker()
    owner: dict[str, set[int]] = defaultdict(set)
    for k in range(16):
        east, west = plate(100 + 60 * k, 200), plate(1000 - 60 * k, 215)
        step = tracker.update(at(k / 8), [west, east])
        for track, detection in step.sightings:
            owner["east" if detection is east else "west"].add(track.id)
    assert owner["east"] | owner["west"] == {0, 1}
    assert len(owner["east"]) == len(owner["west"]) == 1


def test_an_approaching_plate_is_followed_although_it_speeds_up_in_the_picture() -> None:
    # 20 m/s towards the camera from 40 m: the picture's speed grows sevenfold.
    tracker = Tracker()
    for k in range(13):
        distance = 40 - 20 * k / 8
        tracker.update(
            at(k / 8), [plate(960 - 15 / distance, 6000 / distance, 700 / distance, 350 / distance)]
        )
    assert [t.id for t in tracker.tracks] == [0]
    assert tracker.tracks[0].sightings == 13


def test_a_short_loss_is_bridged_by_prediction() -> None:
    steps = [(k / 8, [] if k in (4, 5, 6) else [plate(100 + 50 * k, 200)]) for k in range(12)]
    done = follow(Tracker(), steps)
    assert {i for step in done for i in ids(step)} == {0}


def test_a_track_ends_after_the_time_without_detection_and_once() -> None:
    tracker = Tracker(lost_after_s=1.0)
    tracker.update(at(0), [plate(100, 100)])
    ended = [tracker.update(at(t), []).ended for t in (0.5, 1.0, 1.1, 1.2)]
    assert [[t.id for t in tracks] for tracks in ended] == [[], [], [0], []]
    assert tracker.tracks == ()


def test_after_a_gap_without_frames_a_plate_in_its_old_place_goes_on() -> None:
    tracker = Tracker(lost_after_s=1.0)
    tracker.update(at(0), [plate(100, 100)])
    step = tracker.update(at(60), [plate(102, 101)])
    assert ids(step) == [0]
    assert step.ended == ()


def test_after_a_gap_without_frames_another_place_is_another_vehicle() -> None:
    tracker = Tracker(lost_after_s=1.0)
    tracker.update(at(0), [plate(100, 100)])
    step = tracker.update(at(60), [plate(200, 100)])
    assert ids(step) == [1]
    assert [t.id for t in step.ended] == [0]


def test_a_far_small_plate_does_not_continue_a_near_one_that_has_left() -> None:
    tracker = Tracker()
    for k in range(6):
        tracker.update(at(k / 8), [plate(900, 300 + 120 * k, 60 + 12 * k, 30 + 6 * k)])
    for k in range(6, 10):
        tracker.update(at(k / 8), [])
    step = tracker.update(at(10 / 8), [plate(700, 200, 40, 20)])
    assert ids(step) == [1]


def test_a_plate_that_should_have_left_the_frame_is_ended_once() -> None:
    tracker = Tracker()
    follow(tracker, [(k / 8, [plate(300 + 40 * k, 100), plate(100, 300)]) for k in range(8)])
    assert tracker.leave(at(0.9), width=640, height=360) == ()
    (gone,) = tracker.leave(at(1.0), width=640, height=360)
    assert gone.box.x == 580
    assert tracker.leave(at(1.3), width=640, height=360) == ()
    assert [t.box.x for t in tracker.tracks] == [100]


def test_what_stands_and_what_drives() -> None:
    tracker = Tracker()
    steps = follow(tracker, [(k / 8, [plate(300 + 40 * k, 100), plate(100, 300)]) for k in range(4)])
    standing = {track.id: track.stands for track, _ in steps[-1].sightings}
    assert sorted(standing.values()) == [False, True]


def test_of_one_sighting_nobody_knows_whether_it_drives() -> None:
    (step,) = follow(Tracker(), [(0.0, [plate(300, 100)])])
    assert all(track.stands for track, _ in step.sightings)


def test_a_plate_outside_of_where_was_looked_is_not_missed() -> None:
    tracker = Tracker()
    follow(tracker, [(0.0, [plate(100, 100), plate(400, 100)])])
    tracker.update(at(0.125), [], near=[Box(50, 50, 200, 200)])
    assert sorted((t.box.x, t.missed) for t in tracker.tracks) == [(100, 1), (400, 0)]


@pytest.mark.parametrize(
    ("last", "direction"),
    [
        (plate(100, 100, 90, 45), "approaching"),
        (plate(100, 100, 40, 20), "receding"),
        (plate(100, 190), "approaching"),
        (plate(100, 20), "receding"),
        (plate(180, 100), None),
    ],
)
def test_direction_is_told_by_growth_else_by_height(last: Detection, direction: str | None) -> None:
    tracker = Tracker()
    follow(tracker, [(0, [plate(100, 100)]), (0.5, [last])])
    assert [t.direction for t in tracker.tracks] == [direction]


def test_ending_all_leaves_none_and_numbers_go_on() -> None:
    tracker = Tracker()
    tracker.update(at(0), [plate(100, 100), plate(400, 100)])
    assert [t.id for t in tracker.end()] == [0, 1]
    assert tracker.end() == ()
    assert ids(tracker.update(at(0.1), [plate(100, 100)])) == [2]


def test_a_frame_from_the_past_is_refused() -> None:
    tracker = Tracker()
    tracker.update(at(1), [plate(100, 100)])
    with pytest.raises(ValueError, match="out of order"):
        tracker.update(at(0.5), [plate(100, 100)])


# --- a road: three lanes seen from 6 m above, as plates in the picture --------------------------------------


def _seen(lateral: float, distance: float) -> Box | None:
    """A plate 33 x 16 cm at so many metres, in a 1920 x 1080 camera tilted down by 0.3 rad."""
    drop, tilt, focal = 5.4, 0.3, 1400.0
    depth = distance * math.cos(tilt) + drop * math.sin(tilt)
    x = 960 + focal * lateral / depth
    y = 540 + focal * (drop * math.cos(tilt) - distance * math.sin(tilt)) / depth
    width = focal * 0.33 / depth
    inside = 0 < x < 1920 and 0 < y < 1080 and width >= 18
    return Box(x - width / 2, y - width / 4, width, width / 2) if inside else None


def _road(fps: float, *, speed: float, chance: random.Random) -> Iterator[tuple[float, dict[int, Detection]]]:
    """Frames at irregular gaps with detections by vehicle: 5 % jitter, one in ten missed."""
    vehicles = []
    for lateral, sign in ((-3.5, -1), (0.0, -1), (3.5, 1)):
        enters, lane_speed = 2 * chance.random(), speed * chance.uniform(0.8, 1.1)
        for _ in range(25):
            vehicles.append((lateral + chance.uniform(-0.4, 0.4), sign, enters, lane_speed))
            enters += chance.uniform(1.1, 3.2)
    now = 0.0
    while now < 60:
        found = {}
        for number, (lateral, sign, enters, metres_s) in enumerate(vehicles):
            travelled = metres_s * (now - enters)
            box = (
                _seen(lateral, 45 - travelled if sign < 0 else 5 + travelled) if 0 < travelled < 41 else None
            )
            if box is not None and chance.random() > 0.1:
                found[number] = Detection(_shaken(box, chance), 0.9)
        yield now, found
        now += chance.uniform(0.6, 1.6) / fps


def _shaken(box: Box, chance: random.Random) -> Box:
    def by() -> float:
        return chance.gauss(0, 0.05)

    wide, high = box.width * math.exp(by()), box.height * math.exp(by())
    return Box(box.x + by() * box.width, box.y + by() * box.width, wide, high)


def _numbers(tracker: Tracker, road: Iterator[tuple[float, dict[int, Detection]]]) -> tuple[int, int, int]:
    """How many vehicles there were, how many tracks mix vehicles, how many vehicles fall apart."""
    vehicles_of, tracks_of = defaultdict(set), defaultdict(set)
    for now, found in road:
        names = {id(d): n for n, d in found.items()}
        for track, detection in tracker.update(at(now), list(found.values())).sightings:
            vehicles_of[track.id].add(names[id(detection)])
            tracks_of[names[id(detection)]].add(track.id)
    mixed = sum(len(v) > 1 for v in vehicles_of.values())
    return len(tracks_of), mixed, sum(len(t) > 1 for t in tracks_of.values())


@pytest.mark.parametrize(
    ("fps", "speed", "most_mixed", "most_broken"),
    [(8, 8, 0.01, 0.02), (8, 14, 0.01, 0.05), (8, 22, 0.01, 0.1), (4, 8, 0.02, 0.08), (4, 14, 0.04, 0.2)],
)
def test_traffic_on_three_lanes_is_kept_apart(
    fps: float, speed: float, most_mixed: float, most_broken: float
) -> None:
    vehicles = mixed = broken = 0
    for seed in range(3):
        counted = _numbers(Tracker(), _road(fps, speed=speed, chance=random.Random(seed)))
        vehicles, mixed, broken = vehicles + counted[0], mixed + counted[1], broken + counted[2]
    assert vehicles > 150
    assert mixed / vehicles <= most_mixed
    assert broken / vehicles <= most_broken


def test_a_track_knows_its_times() -> None:
    tracker = Tracker()
    follow(tracker, [(0, [plate(100, 100)]), (0.2, []), (0.4, [plate(100, 100)])])
    (track,) = tracker.tracks
    assert isinstance(track, Track)
    assert (track.first_at, track.last_at, track.sightings) == (at(0), at(0.4), 2)


def test_what_stands_is_known_to_stand_though_one_box_lies_askew() -> None:
    steps = follow(Tracker(), [(n / 8, [plate(100 if n < 15 else 108, 100)]) for n in range(16)])
    ((track, _),) = steps[-1].sightings
    assert track.stands


def test_what_creeps_does_not_stand() -> None:
    steps = follow(Tracker(), [(n / 8, [plate(100 + 5 * n, 100)]) for n in range(24)])
    ((track, _),) = steps[-1].sightings
    assert not track.stands
