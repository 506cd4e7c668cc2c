from dataclasses import replace

import pytest
from ptz import BRIDGE, GATE, POLL_S, ROAD, STOPS, TERMS, Rig, Tells

from edge.capture.ptz.tour import Phase, Report, Stop, Tour, credible, near
from edge.types import Position

KINDS = [Tells(), Tells(motion=False), Tells(position=False), Tells(motion=False, position=False)]
IDS = ["tells all", "no MoveStatus", "no position", "tells nothing"]


def phases(rig: Rig) -> list[str]:
    return [f"{phase.value} {stop}" for _, phase, stop in rig.log]


def test_a_tour_goes_round() -> None:
    rig = Rig()
    rig.run(90)
    assert phases(rig)[:11] == [
        "moving gate", "settle gate", "watch gate",
        "moving road", "settle road", "watch road",
        "moving bridge", "settle bridge", "watch bridge",
        "moving gate", "settle gate",
    ]  # fmt: skip
    assert rig.orders[:4] == ["gate", "road", "bridge", "gate"]


def test_before_the_first_word_nobody_knows_where_it_looks() -> None:
    rig = Rig()
    assert rig.tour.phase is Phase.LOST
    assert not rig.tour.is_reading
    assert rig.tour.detail == "not connected yet"


@pytest.mark.parametrize("tells", KINDS, ids=IDS)
def test_nothing_is_read_while_the_head_moves_whatever_the_device_tells(tells: Tells) -> None:
    rig = Rig(tells=tells, travel_s=4.0)
    watched = set()
    for _ in range(400):
        rig.poll()
        if rig.tour.is_reading:
            assert rig.head.position == rig.places[rig.tour.stop.name]
            watched.add(rig.tour.stop.name)
    assert watched == {"gate", "road", "bridge"}


@pytest.mark.parametrize("tells", KINDS, ids=IDS)
def test_every_watch_ends_and_lasts_as_long_as_it_should(tells: Tells) -> None:
    rig = Rig(tells=tells)
    rig.run(300)
    for (began_s, phase, stop), (ended_s, _, _) in zip(rig.log, rig.log[1:], strict=False):
        if phase is Phase.WATCH:
            dwell_s = {s.name: s.dwell_s for s in STOPS}[stop]
            assert dwell_s <= ended_s - began_s <= dwell_s + POLL_S


def test_it_settles_before_it_watches() -> None:
    rig = Rig()
    rig.run_to(Phase.SETTLE)
    assert rig.run_to(Phase.WATCH) >= TERMS.settle_s


def test_an_order_is_no_arrival() -> None:
    """The motor begins a second after the order: until then the device says IDLE, at the old place."""
    rig = Rig()
    rig.tour.seen(Report(False, BRIDGE), now_s=rig.now_s, still_s=None)
    rig.tour.ordered(now_s=rig.now_s)
    for _ in range(4):
        rig.now_s += POLL_S
        rig.tour.seen(Report(False, BRIDGE), now_s=rig.now_s, still_s=None)
        assert rig.tour.phase is Phase.MOVING


def test_nor_is_it_where_the_device_does_not_say_where_it_is() -> None:
    rig = Rig(tells=Tells(position=False), stops=[replace(s, position=None) for s in STOPS])
    rig.run_to(Phase.MOVING)
    rig.now_s += POLL_S
    rig.tour.seen(Report(False), now_s=rig.now_s, still_s=None)
    rig.now_s += POLL_S
    rig.tour.seen(Report(False), now_s=rig.now_s, still_s=None)
    assert rig.tour.phase is Phase.MOVING


def test_where_it_is_already_it_need_not_move() -> None:
    rig = Rig()
    rig.head.go(GATE)
    rig.now_s += 10
    assert rig.run_to(Phase.WATCH) <= TERMS.settle_s + 4 * POLL_S


def test_one_report_at_rest_is_not_enough() -> None:
    rig = Rig()
    rig.run_to(Phase.MOVING)
    rig.tour.seen(Report(True, ROAD), now_s=rig.now_s, still_s=None)
    rig.tour.seen(Report(False, GATE), now_s=rig.now_s + 1, still_s=None)  # has just moved there
    assert rig.tour.phase is Phase.MOVING
    rig.tour.seen(Report(False, GATE), now_s=rig.now_s + 2, still_s=None)
    assert rig.tour.phase is Phase.MOVING
    rig.tour.seen(Report(False, GATE), now_s=rig.now_s + 3, still_s=None)
    assert rig.tour.phase is Phase.SETTLE


def test_a_camera_that_never_arrives_is_sent_on_and_that_is_said() -> None:
    rig = Rig(travel_s=1000.0)
    rig.run_to(Phase.MOVING)
    rig.run_to(Phase.MOVING, stop="road")
    assert rig.orders == ["gate", "road"]
    rig = Rig()
    rig.run_to(Phase.MOVING)
    rig.head.stop()  # stuck at once
    while rig.tour.phase is Phase.MOVING:
        rig.now_s += POLL_S
        rig.tour.seen(Report(True, Position(0.0, 0.0, 0.0)), now_s=rig.now_s, still_s=None)
    assert rig.tour.phase is Phase.GOTO
    assert rig.tour.detail == "the camera did not come to rest at gate within 12 s"


def test_settling_waits_for_the_picture() -> None:
    rig = Rig()
    rig.still_s = 0.0
    rig.run_to(Phase.SETTLE)
    rig.run(TERMS.settle_s + 2)
    assert rig.tour.phase is Phase.SETTLE
    rig.still_s = 5.0
    rig.poll()
    assert rig.tour.phase is Phase.WATCH


def test_but_not_for_ever_where_the_device_is_sure() -> None:
    rig = Rig()
    rig.still_s = 0.0
    rig.run_to(Phase.SETTLE)
    assert 5 < rig.run_to(Phase.WATCH) < 10


def test_where_only_the_picture_tells_it_must_stand_still() -> None:
    rig = Rig(tells=Tells(motion=False, position=False))
    rig.still_s = 0.0
    rig.run_to(Phase.SETTLE)
    rig.run_to(Phase.MOVING, stop="road")
    assert Phase.WATCH not in [phase for _, phase, _ in rig.log]


@pytest.mark.parametrize("tells", KINDS[:3], ids=IDS[:3])
def test_an_operator_s_move_pauses_and_the_tour_resumes(tells: Tells) -> None:
    rig = Rig(tells=tells)
    rig.run_to(Phase.WATCH)
    rig.head.drift(0.1, 0.0, 0.0, for_s=5.0)
    rig.poll()
    rig.poll()
    assert rig.tour.phase is Phase.PAUSED
    assert rig.tour.detail == "an operator has taken over"
    rig.run(20)
    assert rig.tour.phase is Phase.PAUSED
    assert rig.orders == ["gate"], "nobody pulls the camera out of an operator's hands"
    rig.run_to(Phase.WATCH, within_s=60)
    assert rig.orders == ["gate", "gate"]
    assert rig.tour.detail == ""


def test_each_further_move_prolongs_the_pause() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    for _ in range(4):
        rig.head.drift(0.1, 0.0, 0.0, for_s=1.0)
        assert rig.run(20) is Phase.PAUSED
    assert 5 < (rig.tour.resumes_in_s(now_s=rig.now_s) or 0.0) < 15
    rig.run(12)
    assert rig.tour.phase is not Phase.PAUSED
    assert rig.tour.resumes_in_s(now_s=rig.now_s) is None


def test_a_creeping_move_is_noticed() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.head.drift(0.002, 0.0, 0.0, for_s=60.0)  # less than the tolerance from poll to poll
    rig = replace_tells(rig, Tells(motion=False))
    rig.run_to(Phase.PAUSED, within_s=5)


def test_a_zoom_alone_is_a_move() -> None:
    rig = Rig(tells=Tells(motion=False))
    rig.run_to(Phase.WATCH)
    rig.head.drift(0.0, 0.0, 0.2, for_s=1.0)
    rig.poll()
    rig.poll()
    assert rig.tour.phase is Phase.PAUSED


def test_an_operator_who_takes_over_on_the_way_is_noticed() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.run_to(Phase.MOVING, stop="road")
    rig.run(1)
    rig.head.go(BRIDGE)
    rig.run_to(Phase.PAUSED, within_s=10)
    assert "came to rest elsewhere" in rig.tour.detail


def test_a_rest_on_the_way_is_none() -> None:
    """Some heads turn first and zoom then, with a moment in between."""
    rig = Rig()
    rig.run_to(Phase.MOVING)
    halfway = Position(-0.5, 0.1, 0.0)
    for moving, position in [
        (True, ROAD),
        (False, halfway),
        (False, halfway),
        (False, halfway),
        (True, GATE),
    ]:
        rig.now_s += POLL_S
        rig.tour.seen(Report(moving, position), now_s=rig.now_s, still_s=None)
        assert rig.tour.phase is Phase.MOVING


def test_where_no_device_tells_a_picture_that_turns_is_an_operator() -> None:
    rig = Rig(tells=Tells(motion=False, position=False))
    rig.run_to(Phase.WATCH)
    rig.still_s = 0.0
    rig.run_to(Phase.PAUSED, within_s=3)


def test_where_the_device_tells_a_bus_before_the_lens_is_none() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.still_s = 0.0
    rig.run(8)
    assert rig.tour.phase is Phase.WATCH


def test_a_hiccup_is_no_loss() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.reachable = False
    assert rig.run(TERMS.stale_s - 2 * POLL_S) is Phase.WATCH
    rig.reachable = True
    assert rig.poll() is Phase.WATCH


def test_out_of_reach_no_preset_is_claimed() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.reachable = False
    rig.run(TERMS.stale_s + 1)
    assert rig.tour.phase is Phase.LOST
    assert not rig.tour.is_reading
    assert rig.tour.detail == "nothing listens there"


@pytest.mark.parametrize("phase", [Phase.MOVING, Phase.SETTLE])
def test_on_the_way_one_silence_is_enough(phase: Phase) -> None:
    rig = Rig()
    rig.run_to(phase)
    rig.reachable = False
    assert rig.poll() is Phase.LOST


def test_back_in_reach_and_still_there_the_watch_goes_on_without_an_order() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.reachable = False
    rig.run(30)
    rig.reachable = True
    assert rig.poll() is Phase.WATCH
    assert rig.orders == ["gate"]


def test_turned_meanwhile_it_is_left_to_the_operator() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH)
    rig.reachable = False
    rig.head.go(BRIDGE)
    rig.run(30)
    rig.reachable = True
    assert rig.poll() is Phase.PAUSED
    assert "out of reach" in rig.tour.detail
    rig.run_to(Phase.WATCH)


def test_lost_on_the_way_it_is_sent_again() -> None:
    rig = Rig()
    rig.run_to(Phase.MOVING)
    rig.reachable = False
    rig.run(5)
    rig.reachable = True
    rig.run_to(Phase.WATCH)
    assert rig.orders == ["gate", "gate"]


def test_a_preset_that_the_device_refuses_is_left_out_but_tried_again() -> None:
    tour = Tour(STOPS, TERMS, now_s=0.0)
    tour.seen(Report(False, ROAD), now_s=0.0, still_s=None)
    wanted = tour.wants(now_s=0.0)
    assert wanted is not None
    assert wanted.name == "gate"
    tour.refused("the device will not go to gate", now_s=0.0)
    assert tour.detail == "the device will not go to gate"
    assert tour.wants(now_s=0.1) is None, "not in a tight loop"
    later = tour.wants(now_s=2.0)
    assert later is not None
    assert later.name == "road"


def test_a_single_preset_is_watched_without_a_break_where_the_device_says_where_it_is() -> None:
    rig = Rig(stops=STOPS[:1])
    rig.run_to(Phase.WATCH)
    rig.run(100)
    assert rig.orders == ["gate"]
    assert rig.log[-1][1] is Phase.WATCH
    silent = Rig(stops=[Stop("gate", 10.0)], tells=Tells(position=False))
    silent.run(100)
    assert len(silent.orders) > 3


def test_presets_whose_position_nobody_knows_are_learnt_by_going_there() -> None:
    rig = Rig(stops=[replace(s, position=None) for s in STOPS])
    rig.run_to(Phase.WATCH)
    assert rig.tour.position == GATE
    rig.head.drift(0.1, 0.0, 0.0, for_s=2.0)
    rig.poll()
    assert rig.poll() is Phase.PAUSED


def test_learning_keeps_the_station() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH, stop="road")
    rig.tour.learn(STOPS[1:])
    assert rig.tour.stop.name == "road"
    rig.tour.learn(STOPS[:1])
    assert rig.tour.stop.name == "gate"


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(STOPS[1:], id="the preset is gone"),
        pytest.param(
            [replace(STOPS[0], position=BRIDGE), *STOPS[1:]], id="the preset was saved anew elsewhere"
        ),
    ],
)
def test_a_station_that_is_another_one_after_a_loss_is_driven_to(known: list[Stop]) -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH, stop="gate")
    rig.tour.lost("it does not answer", now_s=rig.now_s + 100)
    rig.tour.learn(known)
    rig.tour.seen(Report(False, GATE), now_s=rig.now_s + 101, still_s=None)
    assert not rig.tour.is_reading
    assert rig.tour.phase is Phase.GOTO


def test_the_same_station_after_a_loss_goes_on() -> None:
    rig = Rig()
    rig.run_to(Phase.WATCH, stop="gate")
    rig.tour.lost("it does not answer", now_s=rig.now_s + 100)
    rig.tour.learn(STOPS)
    rig.tour.seen(Report(False, GATE), now_s=rig.now_s + 101, still_s=None)
    assert rig.tour.phase is Phase.WATCH


def test_positions_that_cannot_be_told_apart_are_not_believed() -> None:
    origin = Position(0.0, 0.0, 0.0)
    stops = [Stop("a", 1.0, origin), Stop("b", 1.0, origin), Stop("c", 1.0, ROAD)]
    assert [s.position for s in credible(stops, tolerance=0.005)] == [None, None, None]
    assert credible(STOPS, tolerance=0.005) == STOPS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Position(0.5, 0.0, 0.1), Position(0.504, 0.0, 0.1), True),
        (Position(0.5, 0.0, 0.1), Position(0.506, 0.0, 0.1), False),
        (Position(0.5, 0.0, 0.1), Position(0.5, 0.006, 0.1), False),
        (Position(0.5, 0.0, 0.1), Position(0.5, 0.0, 0.2), False),
        (Position(0.5, 0.0, None), Position(0.5, 0.0, 0.2), True),
        (Position(-1.0, 0.0, 0.1), Position(1.0, 0.0, 0.1), True),
        (Position(-179.0, 0.0, 0.1), Position(179.0, 0.0, 0.1), False),
        (Position(5.0, 0.0), Position(2.0, 0.0), False),
    ],
)
def test_near(one: Position, other: Position, same: bool) -> None:
    assert near(one, other, tolerance=0.005) is same
    assert near(other, one, tolerance=0.005) is same


def replace_tells(rig: Rig, tells: Tells) -> Rig:
    rig.tells = tells
    return rig
