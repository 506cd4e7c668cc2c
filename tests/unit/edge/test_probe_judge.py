"""From facts to advice: a table of what is wrong and what is said of it, and what holds whatever was measured."""

from collections.abc import Callable
from string import Formatter
from typing import Any

import pytest
from probed import facts, plates

from edge.probe import english, judge, spanish
from edge.probe.facts import (
    Code,
    Facts,
    Severity,
    Verdict,
)
from edge.probe.judge import advise, conclude
from edge.probe.words import Words


def said(found: Facts) -> dict[Code, Severity]:
    return {advice.code: advice.severity for advice in advise(found)}


SHORT, HINT = Severity.SHORT, Severity.HINT

TABLE = [
    # The plates: the height that is just enough, and what is not.
    (facts(), {}, Verdict.FIT),
    (facts(seen=plates(8, letter_height_px=9.9)), {Code.LETTERS_SMALL: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8, letter_height_px=10.0)), {Code.LETTERS_SPARE: HINT}, Verdict.FIT),
    (facts(seen=plates(8, letter_height_px=14.0)), {}, Verdict.FIT),
    (facts(seen=plates(8, letter_height_px=None)), {}, Verdict.FIT),
    (facts(seen=[*plates(7), *plates(1, letter_height_px=5.0)]), {}, Verdict.FIT),
    (facts(seen=[*plates(6), *plates(2, letter_height_px=5.0)]), {Code.LETTERS_SMALL: SHORT}, Verdict.SHORT),
    (facts(seen=plates(4, width_px=54.9)), {Code.PLATES_NARROW: SHORT}, Verdict.SHORT),
    (facts(seen=plates(4, width_px=54.9), stream={"width_px": 1280}), {}, Verdict.FIT),
    (
        facts(seen=plates(4, width_px=39.0), stream={"width_px": 704}),
        {Code.PLATES_NARROW: SHORT},
        Verdict.SHORT,
    ),
    (
        facts(seen=plates(8, blur_down_px=10.0, blur_across_px=3.0, speed_px_s=800.0)),
        {Code.MOTION_BLUR: SHORT},
        Verdict.SHORT,
    ),
    (
        facts(seen=plates(8, blur_down_px=10.0, blur_across_px=9.0, speed_px_s=800.0)),
        {Code.UNSHARP: SHORT},
        Verdict.SHORT,
    ),
    (
        facts(seen=plates(8, blur_down_px=10.0, blur_across_px=3.0, speed_px_s=None)),
        {Code.UNSHARP: SHORT},
        Verdict.SHORT,
    ),
    # Characters that cannot be told apart are taken for 0.45 of the plate's height.
    (facts(seen=plates(8, letter_height_px=None, blur_down_px=8.0)), {}, Verdict.FIT),
    (
        facts(seen=plates(8, letter_height_px=None, blur_down_px=8.2, blur_across_px=8.0)),
        {Code.UNSHARP: SHORT},
        Verdict.SHORT,
    ),
    # A third is blurred, half of it by motion: neither half is a quarter, and yet it must be said.
    (
        facts(
            seen=[
                *plates(8),
                *plates(2, blur_down_px=10.0, blur_across_px=3.0, speed_px_s=800.0),
                *plates(2, blur_down_px=10.0, blur_across_px=9.0),
            ]
        ),
        {Code.MOTION_BLUR: SHORT},
        Verdict.SHORT,
    ),
    (facts(seen=plates(8, contrast=20.0, brightness=230.0)), {Code.WASHED_OUT: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8, burnt=0.6)), {Code.WASHED_OUT: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8, contrast=20.0, brightness=20.0)), {Code.TOO_DARK: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8, contrast=20.0)), {Code.LOW_CONTRAST: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8), scene={"brightness": 12.0}), {}, Verdict.FIT),  # by infrared light
    (facts(seen=plates(8, rotation_deg=-17.0)), {}, Verdict.FIT),
    (facts(seen=plates(8, rotation_deg=-19.0)), {Code.ROTATED: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8, lean_deg=22.0)), {Code.LEANS: SHORT}, Verdict.SHORT),
    (facts(seen=plates(8, is_cut=True)), {Code.CUT: SHORT}, Verdict.SHORT),
    (facts(seen=[*plates(7), *plates(1, is_read=False)]), {}, Verdict.FIT),
    (facts(seen=[*plates(6), *plates(2, is_read=False)]), {Code.UNREAD: SHORT}, Verdict.SHORT),
    (
        facts(seen=[*plates(2), *plates(2, is_read=False, pictures=2)]),
        {Code.UNREAD: SHORT, Code.FEW_VIEWS: SHORT},
        Verdict.SHORT,
    ),
    # What proves nothing: seen once, in part, or scenery.
    (facts(seen=[*plates(2), *plates(5, is_read=False, is_likely=False)]), {}, Verdict.FIT),
    (facts(seen=[*plates(2), *plates(5, is_read=False, is_whole=False)]), {}, Verdict.FIT),
    (facts(seen=[*plates(2), *plates(5, is_read=False, pictures=1)]), {}, Verdict.FIT),
    # No plates.
    (facts(seen=[], scene={"motion_s": 0.0}), {Code.NO_VEHICLE: HINT}, Verdict.UNKNOWN),
    (facts(seen=plates(2, is_read=False, is_whole=False)), {Code.NO_VEHICLE: HINT}, Verdict.UNKNOWN),
    (facts(seen=[], scene={"motion_s": 1.0}), {Code.NO_PLATE_FOUND: HINT}, Verdict.UNKNOWN),
    (facts(seen=[], scene={"motion_s": 8.0}), {Code.NO_PLATE_FOUND: SHORT}, Verdict.SHORT),
    (
        facts(seen=[], scene={"motion_s": 8.0, "brightness": 10.0}),
        {Code.NO_PLATE_FOUND: SHORT, Code.TOO_DARK: SHORT},
        Verdict.SHORT,
    ),
    # The stream.
    (facts(stream={"broke": "it ended"}), {Code.BROKE: SHORT}, Verdict.SHORT),
    (facts(stream={"damaged": 3}), {Code.DAMAGED: SHORT}, Verdict.SHORT),
    (facts(stream={"damaged": 2}), {}, Verdict.FIT),
    (facts(stream={"missing": 11}), {Code.MISSING: SHORT}, Verdict.SHORT),
    (facts(stream={"pause_s": 1.4}), {Code.PAUSES: SHORT}, Verdict.SHORT),
    (facts(stream={"fps": 6.0, "fps_told": 6.0}), {Code.LOW_FPS: SHORT}, Verdict.SHORT),
    (facts(stream={"fps": 12.5}), {Code.FPS_DIFFERS: HINT}, Verdict.FIT),
    (facts(stream={"fps": None, "fps_told": None}), {}, Verdict.FIT),
    (facts(stream={"time_rate": 2.0}), {Code.TIMES_LIE: HINT}, Verdict.FIT),
    (facts(stream={"jitter_ms": 800.0}), {Code.JITTER: HINT}, Verdict.FIT),
    (facts(stream={"left_out": 80}), {Code.MACHINE_SLOW: HINT}, Verdict.FIT),
    # Where the machine is the slow one, nothing is said of the camera's pace.
    (facts(stream={"idle": 0.02, "fps": 5.0, "jitter_ms": 3000.0}), {Code.MACHINE_SLOW: HINT}, Verdict.FIT),
    # What decoding on demand wants.
    (facts(stream={"dozes_not": "reordered", "b_frames": True}), {Code.B_FRAMES: HINT}, Verdict.FIT),
    (facts(stream={"dozes_not": "interval", "key_frame_s": 8.0}), {Code.KEY_FRAMES_FAR: HINT}, Verdict.FIT),
    (facts(stream={"dozes_not": "interval", "key_frame_s": None}), {Code.KEY_FRAMES_FAR: HINT}, Verdict.FIT),
    (facts(stream={"dozes_not": "stays"}), {Code.STAYS_SHORT: HINT}, Verdict.FIT),
    (facts(stream={"dozes_not": "turns"}), {}, Verdict.FIT),
    (facts(stream={"dozes_not": "unknown", "key_frame_s": None}), {}, Verdict.FIT),
    # The clock.
    (facts(clock={"rtcp_s": 1.6}), {Code.CLOCK_OFF: HINT}, Verdict.FIT),
    (facts(clock={"rtcp_s": -90_000.0}), {Code.CLOCK_UNSET: HINT}, Verdict.FIT),
    (facts(clock={"rtcp_s": None, "onvif_s": 2.0}), {}, Verdict.FIT),
    (facts(clock={"rtcp_s": None, "onvif_s": -3.0}), {Code.CLOCK_OFF: HINT}, Verdict.FIT),
    (facts(clock={"rtcp_s": None}), {}, Verdict.FIT),
    (facts(clock={"onvif_by_hand": True}), {Code.CLOCK_BY_HAND: HINT}, Verdict.FIT),
]


@pytest.mark.parametrize(("found", "expected", "verdict"), TABLE)
def test_what_is_said_and_what_it_comes_to(
    found: Facts, expected: dict[Code, Severity], verdict: Verdict
) -> None:
    assert said(found) == expected
    assert conclude(found, advise(found)) is verdict


def test_the_table_says_everything_that_can_be_said() -> None:
    assert {code for _, expected, _ in TABLE for code in expected} == set(Code)


def test_what_costs_reads_comes_first() -> None:
    found = facts(
        stream={"dozes_not": "reordered", "damaged": 50},
        clock={"rtcp_s": 20.0},
        seen=plates(4, letter_height_px=8.0, is_read=False),
    )
    assert [a.code for a in advise(found)] == [
        Code.UNREAD,
        Code.LETTERS_SMALL,
        Code.DAMAGED,
        Code.B_FRAMES,
        Code.CLOCK_OFF,
    ]


def test_the_shutter_is_short_enough_for_the_smear_that_costs_no_reads() -> None:
    moved = plates(4, blur_down_px=12.0, blur_across_px=3.0, speed_px_s=900.0, letter_height_px=20.0)
    advice = next(a for a in advise(facts(seen=moved)) if a.code is Code.MOTION_BLUR)
    assert advice.numbers["shutter"] == pytest.approx(300.0)  # 900 px/s over 0.15 of 20 px


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_has_an_exit_status_of_its_own(verdict: Verdict) -> None:
    assert [v.exit_status for v in Verdict].count(verdict.exit_status) == 1


class TestWords:
    @pytest.mark.parametrize("lang", ["es", "en"])
    @pytest.mark.parametrize(("found", "expected", "verdict"), TABLE)
    def test_every_advice_can_be_said_with_its_numbers(
        self, found: Facts, expected: dict[Code, Severity], verdict: Verdict, lang: Any
    ) -> None:
        for advice in advise(found):
            text = Words(lang).advice(advice).text
            assert text.endswith((".", ")."))
            assert "{" not in text

    @pytest.mark.parametrize("code", Code)
    def test_both_languages_say_the_same_numbers(self, code: Code) -> None:
        def names(template: str) -> set[tuple[str | None, str | None]]:
            return {(name, form) for _, name, form, _ in Formatter().parse(template) if name}

        assert names(english.ADVICE[code]) == names(spanish.ADVICE[code])

    def test_both_languages_name_the_same_things(self) -> None:
        assert set(english.LABELS) == set(spanish.LABELS)
        assert set(english.DOZES_NOT) == set(spanish.DOZES_NOT)
        assert set(english.VERDICT) == set(spanish.VERDICT) == set(Verdict)
        assert set(english.WAYS) == set(spanish.WAYS)

    def test_an_advice_says_the_numbers_that_it_comes_from(self) -> None:
        (advice,) = advise(facts(seen=plates(4, letter_height_px=9.0)))
        assert (
            Words("en")
            .advice(advice)
            .text.startswith(
                "Characters are 9 px high on 4 of 4 plates; below 10 px letters are mixed up: zoom in"
            )
        )
        assert (
            Words("es")
            .advice(advice)
            .text.startswith(
                "Los caracteres miden 9 px de alto en 4 de 4 placas; por debajo de 10 px se confunden las letras"
            )
        )

    def test_which_way_a_clock_is_wrong_is_said_in_its_language(self) -> None:
        (advice,) = advise(facts(clock={"rtcp_s": -7.25}))
        assert "7.2 s slow" in Words("en").advice(advice).text
        assert "7.2 s atrasado" in Words("es").advice(advice).text


def test_the_limits_are_told_to_whoever_reads_the_table() -> None:
    """The page says what the reader wants; it must be what is judged by."""
    from edge.probe.rows import wanted

    said_limits: Callable[[Any], str] = lambda lang: wanted(Words(lang))  # noqa: E731
    for lang in ("es", "en"):
        for limit in (judge.LETTERS_PX, judge.LETTERS_SPARE_PX, judge.ROTATED_DEG, judge.CONTRAST):
            assert f"{limit:.0f}" in said_limits(lang)
