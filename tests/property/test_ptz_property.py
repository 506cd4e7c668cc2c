"""The guard tour under whatever devices, operators and networks may do."""

from hypothesis import given, settings
from hypothesis import strategies as st
from ptz import BRIDGE, POLL_S, STOPS, TERMS, Rig, Tells

from edge.capture.ptz.tour import Phase, Stop
from edge.types import Position

POSITIONS = st.builds(
    Position,
    st.floats(-1, 1, allow_nan=False),
    st.floats(-1, 1, allow_nan=False),
    st.floats(0, 1, allow_nan=False),
)
TELLS = st.sampled_from([Tells(), Tells(motion=False), Tells(position=False)])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 30)),
        st.tuples(st.just("operator"), POSITIONS),
        st.tuples(st.just("drift"), st.floats(-0.5, 0.5, allow_nan=False)),
        st.tuples(st.just("reach"), st.booleans()),
        st.tuples(st.just("still"), st.sampled_from([None, 0.0, 0.5, 10.0])),
    ),
    max_size=40,
)


def play(rig: Rig, events: list[tuple[str, object]], check: "list[object]") -> None:
    for what, how in events:
        if what == "operator":
            assert isinstance(how, Position)
            rig.head.go(how)
        elif what == "drift":
            assert isinstance(how, float)
            rig.head.drift(how, 0.0, 0.0, for_s=2.0)
        elif what == "reach":
            rig.reachable = bool(how)
        elif what == "still":
            rig.still_s = how  # type: ignore[assignment]
        polls = how if what == "wait" and isinstance(how, int) else 1
        for _ in range(polls):
            asked = rig.report() if rig.reachable else None
            check.append((rig.now_s, asked, rig.poll()))


@settings(max_examples=200, deadline=None)
@given(TELLS, EVENTS, st.floats(0.2, 11.0))
def test_no_frame_is_let_through_that_is_known_to_be_of_a_moving_camera(
    tells: Tells, events: list[tuple[str, object]], travel_s: float
) -> None:
    rig, seen = Rig(tells=tells, travel_s=travel_s), []
    play(rig, events, seen)
    for now_s, asked, phase in seen:
        if phase is Phase.WATCH and asked is not None:
            assert not asked.moving, f"reads at {now_s} while the device says that it moves"


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.floats(0.2, 11.0))
def test_a_watch_is_of_the_very_preset(events: list[tuple[str, object]], travel_s: float) -> None:
    """Whoever meddles: where the device tells all, frames claim a preset only while the head is there."""
    rig = Rig(travel_s=travel_s)
    seen: list[object] = []
    for event in events:
        play(rig, [event], seen)
        if rig.tour.phase is Phase.WATCH and rig.reachable and rig.log[-1][0] == rig.now_s - POLL_S:
            assert rig.tour.position is not None
            place = rig.places[rig.tour.stop.name]
            assert abs(rig.tour.position.pan - place.pan) <= TERMS.tolerance


@settings(max_examples=200, deadline=None)
@given(TELLS, EVENTS, st.floats(0.2, 11.0))
def test_every_watch_ends(tells: Tells, events: list[tuple[str, object]], travel_s: float) -> None:
    rig = Rig(tells=tells, travel_s=travel_s)
    play(rig, events, [])
    rig.reachable = True
    rig.run(2 * TERMS.resume_after_s)
    longest = {s.name: s.dwell_s for s in STOPS}
    began: tuple[float, str] | None = None
    for at_s, phase, stop in rig.log:
        if began is not None:
            assert at_s - began[0] <= longest[began[1]] + TERMS.stale_s + 2 * POLL_S
        began = (at_s, stop) if phase is Phase.WATCH else None


@settings(max_examples=200, deadline=None)
@given(TELLS, st.floats(0.02, 0.5), st.sampled_from([-1, 1]), st.integers(0, 60))
def test_an_operator_s_move_always_pauses(tells: Tells, speed: float, way: int, after: int) -> None:
    """Whenever it comes: while it is watched, two polls later nothing is read."""
    rig = Rig(tells=tells)
    rig.run_to(Phase.WATCH)
    rig.run(after * POLL_S)
    rig.run_to(Phase.WATCH)
    watched = rig.tour.stop.name
    rig.head.drift(speed * way, 0.0, 0.0, for_s=2.0)
    assert rig.poll() is not Phase.WATCH or rig.poll() is not Phase.WATCH
    if rig.log[-1][1:] != (Phase.MOVING, watched):
        assert rig.tour.phase in {Phase.PAUSED, Phase.MOVING}
    # A watch that was over anyway turned into our own journey; every other one into a pause.
    assert rig.tour.phase is Phase.PAUSED or rig.tour.stop.name != watched


@settings(max_examples=100, deadline=None)
@given(TELLS, EVENTS)
def test_left_alone_it_always_gets_back_to_its_tour(tells: Tells, events: list[tuple[str, object]]) -> None:
    rig = Rig(tells=tells)
    play(rig, events, [])
    rig.reachable, rig.still_s = True, None
    rig.run_to(Phase.WATCH, within_s=TERMS.resume_after_s + 6 * TERMS.travel_s)


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_out_of_reach_nothing_claims_a_preset_for_long(events: list[tuple[str, object]]) -> None:
    rig = Rig(stops=[*STOPS[:2], Stop("bridge", 5.0, BRIDGE)])
    play(rig, events, [])
    rig.reachable = False
    rig.run(TERMS.stale_s + POLL_S)
    assert rig.tour.phase is Phase.LOST
    assert not rig.tour.is_reading
