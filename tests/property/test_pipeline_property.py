"""What holds of a pipeline's emissions whatever passes its camera."""

from collections import Counter
from datetime import timedelta

from fakes import FakeDetector, FakeReader, FakeVote, at, frame, reading
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.emission import Emission, Kind
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box

CAMERA = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam")
PLACES = [Box(20.0 + 200 * k, 40.0 + 100 * row, 100, 50) for k in range(3) for row in range(3)]

# A frame: what stands at each of nine places (0: nothing, else the mark of a plate), after how long, and how
# sure the reader is of which string for each mark.
says = st.builds(
    reading,
    st.sampled_from(["KAB123", "KAB128", "XYZ987", "AAA000"]),
    sure=st.sampled_from([0.3, 0.7, 0.9, 0.99]),
)
steps = st.tuples(
    st.sampled_from([0.125, 0.25, 1.0, 2.0, 15.0]),
    st.dictionaries(st.integers(1, 4), st.sampled_from(range(9)), max_size=3),
    st.dictionaries(st.integers(1, 4), says),
    st.sampled_from([None, None, None, "north"]),
)


def run(film: list[tuple[float, dict, dict, str | None]]) -> tuple[Pipeline, list[Emission]]:
    reader = FakeReader({mark: reading("KAB123", sure=0.9) for mark in range(1, 5)})
    pipeline = Pipeline(
        camera=CAMERA,
        vote=VoteSettings(),
        new_vote=FakeVote,  # type: ignore[arg-type]
        detector=FakeDetector(),
        reader=reader,
    )
    now, emissions = 0.0, []
    for gap_s, places, changes, preset in film:
        now += gap_s
        reader.says.update(changes)
        plates = {mark: PLACES[place] for mark, place in places.items()}
        if len(set(places.values())) == len(places):
            emissions += pipeline.feed(frame(now, plates, preset=preset), now=at(now + 0.1))
        emissions += pipeline.tick(now=at(now + 0.2))
    return pipeline, emissions + pipeline.flush(now=at(now + 1))


@settings(max_examples=60, deadline=timedelta(seconds=5))
@given(st.lists(steps, max_size=14))
def test_every_passage_is_read_once_and_then_at_most_bettered(film) -> None:
    pipeline, emissions = run(film)
    said: Counter[int] = Counter()
    for emission in emissions:
        assert (emission.kind is Kind.READ) == (said[emission.track_id] == 0)
        said[emission.track_id] += 1
        assert emission.first_at <= emission.shot.captured_at <= emission.last_at < emission.emitted_at
        assert emission.first_at <= emission.due_at <= emission.emitted_at
        assert emission.shot.crop.size > 0
        assert emission.verdict.likelihood >= VoteSettings().legible
    assert all(times <= 4 for times in said.values())
    counts = pipeline.counts
    kinds = Counter(e.kind for e in emissions)
    assert (counts.reads, counts.updates) == (kinds[Kind.READ], kinds[Kind.UPDATE])


@settings(max_examples=60, deadline=timedelta(seconds=5))
@given(st.lists(steps, max_size=14))
def test_every_track_is_accounted_for(film) -> None:
    pipeline, _ = run(film)
    counts = pipeline.counts
    joined = counts.rejoined + counts.paired + counts.handed_over
    assert counts.tracks == counts.reads + joined + counts.illegible + counts.unread


doubtful = st.lists(
    st.tuples(st.sampled_from(["KAB123", "KAB128"]), st.sampled_from([0.4, 0.6, 0.9])), max_size=15
)


@settings(max_examples=40, deadline=timedelta(seconds=5))
@given(first=doubtful, second=doubtful, away=st.sampled_from([0.125, 2.0, 5.0, 30.0]), beside=st.booleans())
def test_two_vehicles_that_are_read_surely_in_the_end_are_two_reads(first, second, away, beside) -> None:
    film: list[tuple[float, dict, dict, str | None]] = []
    for mark, plate, doubts in ((1, "KAB123", first), (2, "KAB128", second)):
        for text, sure in [*doubts, *[(plate, 0.99)] * 12]:
            shown = {1: 0, 2: 8} if beside and mark == 2 else {mark: 0}
            film.append((0.125, shown, {mark: reading(text, sure=sure)}, None))
        film += [(0.125, {}, {}, None)] * (0 if beside else 14)
        film.append((away, {}, {}, None))
    _, emissions = run(film)
    last = {e.track_id: e.verdict.plate for e in emissions}
    assert sorted(last.values()) == ["KAB123", "KAB128"]
