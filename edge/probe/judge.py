"""From facts to advice, the most important first. Pure.

Every limit was measured with the reader and the detector of this repository, or stands in another stage's code; where
from, and what is read beyond it, is said in docs/probe.md. Plates are judged at their best picture. What fewer than a
quarter of them have wrong is no matter of the camera's.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Final

from edge.probe.facts import (
    Advice,
    ClockFacts,
    Code,
    Facts,
    PlateFacts,
    SceneFacts,
    Settings,
    Severity,
    StreamFacts,
    Verdict,
)

# What is read within each and beyond stands in docs/probe.md, as measured on rendered plates.
LETTERS_PX: Final = 10.0
LETTERS_SPARE_PX: Final = 14.0  # ours: room for night, dirt and a dull day
# From dark to light, the worse way, as a share of a character's height. Sharpness as evidence pictures are chosen by
# does not see what is smeared downwards, as most traffic is.
BLUR: Final = 0.3
ROTATED_DEG: Final = 18.0
LEANS_DEG: Final = 20.0
CONTRAST: Final = 25.0  # grey levels
FOUND_SHARE: Final = 55 / 1920  # of the picture's width: of narrower plates too many are never found
FPS: Final = 7.5  # 8 are asked for (edge/track.py), and no camera sends just what it says

_BRIGHT: Final = 200.0
_DARK: Final = 50.0
_BURNT: Final = 0.5  # edge/evidence.py: whiter plates make bad pictures
_NIGHT: Final = 25.0
_SMEAR: Final = 2.0  # times as long one way as the other: it moved; what is out of focus has no direction
_LETTER: Final = 0.45  # of a plate's height, where its characters cannot be told apart
_STILL_PX_S: Final = 100.0
_SMEAR_SHARE: Final = 0.15  # of a character's height: such a smear costs no reads
_FEW: Final = 0.25
_READ: Final = 0.8
_VIEWS: Final = 2
_LEAST_MOTION_S: Final = 0.5
_MOTION_S: Final = 3.0  # more than one vehicle or person
_DAMAGED: Final = 0.005
_MISSING: Final = 0.02
_PAUSE_S: Final = 1.0  # a fast vehicle comes and goes meanwhile
_LEFT_OUT: Final = 0.2
_IDLE: Final = 0.1
_DIFFERS: Final = 0.2
_JITTER_MS: Final = 500.0
_RTCP_S: Final = 1.5
_ONVIF_S: Final = 2.5  # it tells whole seconds
_UNSET_S: Final = 86_400.0

_Numbers = dict[str, float | str]


def judged(plates: Sequence[PlateFacts]) -> list[PlateFacts]:
    """Those that prove something: read, or surely plates that were seen whole and more than once."""
    return [p for p in plates if p.is_read or (p.is_likely and p.is_whole and p.pictures >= _VIEWS)]


def advise(facts: Facts) -> tuple[Advice, ...]:
    """What to better, without words yet: those that cost reads first, then in the order of `Code`."""
    found = [
        *_stream(facts.stream),
        *_cost(facts.stream),
        *_clock(facts.clock),
        *_traffic(facts),
        *_plates(facts),
    ]
    order = list(Code)
    return tuple(sorted(found, key=lambda a: (a.severity is not Severity.SHORT, order.index(a.code))))


def is_strained(stream: StreamFacts) -> bool:
    """Whether this machine fell behind the camera, so that nothing it measured of the camera's pace is the camera's."""
    return stream.left_out > _LEFT_OUT * (stream.analysed + stream.left_out) or stream.idle < _IDLE


def conclude(facts: Facts, advice: Sequence[Advice]) -> Verdict:
    """What it comes to."""
    if any(a.severity is Severity.SHORT for a in advice):
        return Verdict.SHORT
    return Verdict.FIT if judged(facts.plates) else Verdict.UNKNOWN


def _short(code: Code, **numbers: float | str) -> Advice:
    return Advice(code=code, severity=Severity.SHORT, numbers=numbers)


def _hint(code: Code, **numbers: float | str) -> Advice:
    return Advice(code=code, severity=Severity.HINT, numbers=numbers)


def _stream(stream: StreamFacts) -> Iterator[Advice]:
    if stream.broke:
        yield _short(Code.BROKE, seconds=stream.watched_s, reason=stream.broke)
    pictures = max(stream.pictures, 1)
    if stream.damaged > _DAMAGED * pictures:
        yield _short(Code.DAMAGED, damaged=stream.damaged, pictures=pictures, transport=stream.transport)
    if stream.missing > _MISSING * pictures:
        yield _short(Code.MISSING, missing=stream.missing, pictures=pictures)
    if stream.pause_s > _PAUSE_S:
        yield _short(Code.PAUSES, seconds=stream.pause_s)
    if is_strained(stream):
        due = stream.analysed + stream.left_out
        yield _hint(Code.MACHINE_SLOW, left_out=stream.left_out, due=due)
    else:
        yield from _rates(stream)


def _rates(stream: StreamFacts) -> Iterator[Advice]:
    """What only a machine that keeps up can say."""
    told, fps = stream.fps_told, stream.fps
    if fps is not None and fps < FPS:
        yield _short(Code.LOW_FPS, fps=fps, least=8)
    if told and fps is not None and abs(told - fps) > _DIFFERS * told:
        yield _hint(Code.FPS_DIFFERS, told=told, fps=fps)
    if stream.time_rate is not None:
        yield _hint(Code.TIMES_LIE, rate=stream.time_rate)
    if stream.jitter_ms is not None and stream.jitter_ms > _JITTER_MS:
        yield _hint(Code.JITTER, ms=stream.jitter_ms)


def _cost(stream: StreamFacts) -> Iterator[Advice]:
    """What keeps a box from decoding on demand only."""
    if stream.dozes_not == "reordered":
        yield _hint(Code.B_FRAMES)
    elif stream.dozes_not == "interval" and stream.key_frame_s is not None:
        yield _hint(Code.KEY_FRAMES_FAR, seconds=stream.key_frame_s)
    elif stream.dozes_not == "interval":
        yield _hint(Code.KEY_FRAMES_FAR, seconds=stream.watched_s)
    elif stream.dozes_not == "stays":
        yield _hint(Code.STAYS_SHORT, seconds=stream.key_frame_s or 0.0)


def _clock(clock: ClockFacts) -> Iterator[Advice]:
    off_s, least_s = (clock.rtcp_s, _RTCP_S) if clock.rtcp_s is not None else (clock.onvif_s, _ONVIF_S)
    if off_s is not None and abs(off_s) > _UNSET_S:
        yield _hint(Code.CLOCK_UNSET, days=abs(off_s) / _UNSET_S)
    elif off_s is not None and abs(off_s) > least_s:
        yield _hint(Code.CLOCK_OFF, seconds=abs(off_s), way="fast" if off_s > 0 else "slow")
    if clock.onvif_by_hand:
        yield _hint(Code.CLOCK_BY_HAND)


def _traffic(facts: Facts) -> Iterator[Advice]:
    """Whether there was anything to be read at all."""
    scene, plates = facts.scene, judged(facts.plates)
    seconds = facts.stream.watched_s
    if not plates:
        if facts.plates or scene.motion_s < _LEAST_MOTION_S:
            yield _hint(Code.NO_VEHICLE, seconds=seconds, partly=len(facts.plates))
        else:
            say = _short if scene.motion_s >= _MOTION_S else _hint
            yield say(Code.NO_PLATE_FOUND, motion_s=scene.motion_s, seconds=seconds)
            if scene.brightness < _NIGHT:
                yield _short(Code.TOO_DARK, n=0, of=0, level=scene.brightness)
        return
    read = sum(p.is_read for p in plates)
    if read < _READ * len(plates):
        yield _short(Code.UNREAD, read=read, of=len(plates))


def _plates(facts: Facts) -> Iterator[Advice]:
    plates = judged(facts.plates)
    settings, stream, scene = facts.settings, facts.stream, facts.scene
    yield from _narrow(plates, settings, stream)
    yield from _small(plates)
    yield from _blurred(plates)
    yield from _light(plates, scene)
    yield from _angles(plates)
    yield from _views(plates)


def _many(
    plates: Sequence[PlateFacts], wrong: Callable[[PlateFacts], bool]
) -> tuple[list[PlateFacts], _Numbers]:
    """Those of which it is true, where they are many enough to matter, and how many they are."""
    found = [p for p in plates if wrong(p)]
    if len(found) < _FEW * len(plates):
        found = []
    return found, {"n": len(found), "of": len(plates)}


def _narrow(plates: Sequence[PlateFacts], settings: Settings, stream: StreamFacts) -> Iterator[Advice]:
    least = max(float(settings.min_plate_px), FOUND_SHARE * stream.width_px)
    found, many = _many(plates, lambda p: p.width_px < least)
    if found:
        width = median(p.width_px for p in found)
        yield _short(Code.PLATES_NARROW, **many, px=width, least=least, min_plate_px=settings.min_plate_px)


def _small(plates: Sequence[PlateFacts]) -> Iterator[Advice]:
    """A motorcycle's two lines are as high as one line of a wider plate: height decides, not width."""
    for code, least, say in (
        (Code.LETTERS_SMALL, LETTERS_PX, _short),
        (Code.LETTERS_SPARE, LETTERS_SPARE_PX, _hint),
    ):
        found, many = _many(plates, lambda p, least=least: _height(p) < least)  # type: ignore[misc]
        if found:
            yield say(code, **many, px=median(_height(p) for p in found), least=least)
            return


def _height(plate: PlateFacts) -> float:
    """Of its characters, px; those that cannot be told apart say nothing of it."""
    return plate.letter_height_px if plate.letter_height_px is not None else float("inf")


def _blurred(plates: Sequence[PlateFacts]) -> Iterator[Advice]:
    """Of characters large enough: of small ones, edges are no narrower than the lens and the encoder make them."""
    found, _ = _many(plates, lambda p: _height(p) >= LETTERS_PX and blur(p) > BLUR)
    moved = [p for p in found if _is_smeared(p)]
    still = [p for p in found if not _is_smeared(p)]
    of = len(plates)
    if moved and (len(moved) >= _FEW * of or len(moved) >= len(still)):
        speed = median(p.speed_px_s or 0.0 for p in moved)
        heights = [p.letter_height_px for p in moved if p.letter_height_px] or [LETTERS_SPARE_PX]
        yield _short(
            Code.MOTION_BLUR,
            n=len(moved),
            of=of,
            px=median(max(p.blur_across_px, p.blur_down_px) for p in moved),
            speed=speed,
            shutter=speed / (_SMEAR_SHARE * max(median(heights), 1.0)),
        )
    if still and (len(still) >= _FEW * of or len(still) > len(moved)):
        px = median(max(p.blur_across_px, p.blur_down_px) for p in still)
        yield _short(
            Code.UNSHARP,
            n=len(still),
            of=of,
            px=px,
            share=median(map(blur, still)),
            most=BLUR,
        )


def blur(plate: PlateFacts) -> float:
    """How wide its edges are, as a share of a character's height."""
    high = plate.letter_height_px or _LETTER * plate.height_px
    return max(plate.blur_across_px, plate.blur_down_px) / max(high, 1.0)


def _is_smeared(plate: PlateFacts) -> bool:
    """Whether its blur has a direction, and it moved."""
    one, other = sorted((plate.blur_across_px, plate.blur_down_px))
    return (plate.speed_px_s or 0.0) >= _STILL_PX_S and other >= _SMEAR * one


def _light(plates: Sequence[PlateFacts], scene: SceneFacts) -> Iterator[Advice]:
    burnt, many = _many(plates, lambda p: p.burnt > _BURNT or (_is_pale(p) and p.brightness > _BRIGHT))
    if burnt:
        yield _short(Code.WASHED_OUT, **many, share=median(p.burnt for p in burnt), level=_level(burnt))
        return
    dark, many = _many(plates, lambda p: _is_pale(p) and p.brightness < _DARK)
    if dark:
        yield _short(Code.TOO_DARK, **many, level=_level(dark))
        return
    pale, many = _many(plates, _is_pale)
    if pale:
        contrast = median(p.contrast for p in pale)
        yield _short(Code.LOW_CONTRAST, **many, contrast=contrast, least=CONTRAST, scene=scene.brightness)


def _is_pale(plate: PlateFacts) -> bool:
    return plate.contrast < CONTRAST


def _level(plates: Sequence[PlateFacts]) -> float:
    return median(p.brightness for p in plates)


def _angles(plates: Sequence[PlateFacts]) -> Iterator[Advice]:
    found, many = _many(plates, lambda p: abs(p.rotation_deg or 0.0) > ROTATED_DEG)
    if found:
        degrees = median(abs(p.rotation_deg or 0.0) for p in found)
        yield _short(Code.ROTATED, **many, degrees=degrees, most=ROTATED_DEG)
    found, many = _many(plates, lambda p: abs(p.lean_deg or 0.0) > LEANS_DEG)
    if found:
        degrees = median(abs(p.lean_deg or 0.0) for p in found)
        yield _short(Code.LEANS, **many, degrees=degrees, most=LEANS_DEG)


def _views(plates: Sequence[PlateFacts]) -> Iterator[Advice]:
    found, many = _many(plates, lambda p: p.is_cut)
    if found:
        yield _short(Code.CUT, **many)
    found, many = _many(plates, lambda p: not p.is_read and p.pictures <= _VIEWS)
    if found:
        yield _short(Code.FEW_VIEWS, **many, pictures=_VIEWS)
