"""What holds of a probe's advice whatever was measured."""

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from probed import PLATE, facts

from edge.probe.facts import Code, PlateFacts, Severity, Verdict
from edge.probe.judge import advise, conclude, judged
from edge.probe.words import Words

SHORT, HINT = Severity.SHORT, Severity.HINT


def said(seen: list[PlateFacts]) -> set[Code]:
    return {advice.code for advice in advise(facts(seen=seen))}


numbers = st.floats(0, 1e6, allow_nan=False)
shares = st.floats(0, 1, allow_nan=False)
counts = st.integers(0, 10_000)
any_plate = st.builds(
    lambda **changes: PlateFacts(**{**PLATE, **changes}),
    is_read=st.booleans(),
    is_whole=st.booleans(),
    is_likely=st.booleans(),
    pictures=counts,
    width_px=numbers,
    height_px=numbers,
    letter_height_px=st.none() | numbers,
    rotation_deg=st.none() | st.floats(-90, 90),
    lean_deg=st.none() | st.floats(-40, 40),
    sharpness=shares,
    blur_across_px=numbers,
    blur_down_px=numbers,
    contrast=numbers,
    brightness=st.floats(0, 255),
    burnt=shares,
    is_cut=st.booleans(),
    speed_px_s=st.none() | numbers,
)
any_stream = st.fixed_dictionaries(
    {
        "fps": st.none() | numbers,
        "fps_told": st.none() | numbers,
        "key_frame_s": st.none() | numbers,
        "pictures": counts,
        "damaged": counts,
        "missing": counts,
        "pause_s": numbers,
        "idle": shares,
        "jitter_ms": st.none() | numbers,
        "analysed": counts,
        "left_out": counts,
        "dozes_not": st.sampled_from(["reordered", "interval", "stays", "turns", "gate_off", None]),
        "broke": st.sampled_from(["", "it ended"]),
    }
)
any_clock = st.fixed_dictionaries(
    {
        "rtcp_s": st.none() | st.floats(-1e9, 1e9),
        "onvif_s": st.none() | st.floats(-1e9, 1e9),
        "onvif_by_hand": st.none() | st.booleans(),
    }
)
any_scene = st.fixed_dictionaries({"brightness": st.floats(0, 255), "motion_s": numbers})


class TestWhateverIsMeasured:
    @settings(max_examples=200, deadline=None)
    @given(any_stream, any_clock, any_scene, st.lists(any_plate, max_size=12))
    def test_the_advice_is_sound(
        self,
        stream: dict[str, Any],
        clock: dict[str, Any],
        scene: dict[str, Any],
        seen: list[PlateFacts],
    ) -> None:
        found = facts(stream=stream, clock=clock, scene=scene, seen=seen)
        advice = advise(found)
        codes = [a.code for a in advice]
        assert len(codes) == len(set(codes)), "nothing is said twice"
        severities = [a.severity for a in advice]
        assert severities == sorted(severities, key=[SHORT, HINT].index)
        for a in advice:
            assert all(isinstance(n, str) or math.isfinite(n) for n in a.numbers.values())
            for lang in ("es", "en"):
                assert Words(lang).advice(a).text  # type: ignore[arg-type]
        verdict = conclude(found, advice)
        assert (verdict is Verdict.SHORT) == (SHORT in severities)
        if verdict is Verdict.FIT:
            proven = judged(found.plates)
            assert sum(p.is_read for p in proven) >= 0.8 * len(proven) > 0
        if not judged(found.plates):
            assert {Code.NO_VEHICLE, Code.NO_PLATE_FOUND} & set(codes)

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(any_plate, min_size=1, max_size=8),
        st.sampled_from(
            [
                ("letter_height_px", 0.5, {Code.LETTERS_SMALL}),
                ("blur_across_px", 2.0, {Code.MOTION_BLUR, Code.UNSHARP}),
                ("width_px", 0.5, {Code.PLATES_NARROW}),
            ]
        ),
    )
    def test_what_was_said_of_a_plate_is_said_of_a_worse_one(
        self, seen: list[PlateFacts], worse: tuple[str, float, set[Code]]
    ) -> None:
        name, factor, codes = worse
        spoilt = [
            p if getattr(p, name) is None else p.model_copy(update={name: factor * getattr(p, name)})
            for p in seen
        ]
        before, after = said(seen), said(spoilt)
        if codes & before:
            assert codes & after
