"""What was measured as rows of text, the same on a terminal and on a page."""

from edge.probe import judge
from edge.probe.facts import ClockFacts, Facts, PlateFacts, SceneFacts, StreamFacts
from edge.probe.words import Words

Row = tuple[str, str]


def sections(facts: Facts, words: Words) -> list[tuple[str, list[Row]]]:
    """Heading and rows of name and value."""
    return [
        (words["stream"], _stream(facts.stream, words)),
        (words["scene"], [*_scene(facts.scene, words), *_clock(facts.clock, words)]),
    ]


def plate_columns(words: Words) -> tuple[str, ...]:
    """Headings of `plate_row`."""
    names = ("plate", "read", "width", "letters", "angle", "sharp", "blur", "contrast", "views", "speed")
    return ("#", *(words[name] for name in names))


def plate_row(plate: PlateFacts, words: Words) -> tuple[str, ...]:
    """One plate, in the columns of `plate_columns`."""
    read = words["yes"] if plate.is_read else words["no"]
    if not plate.is_read and not plate.is_likely:
        read = words["doubtful"]
    elif not plate.is_read and not plate.is_whole:
        read = words["partly"]
    letters = (
        f"{plate.letter_height_px:.0f}x{plate.letter_width_px:.0f}"
        if plate.letter_height_px is not None and plate.letter_width_px is not None
        else "-"
    )
    angle = (
        f"{round(plate.rotation_deg)}/{round(plate.lean_deg)}"
        if plate.rotation_deg is not None and plate.lean_deg is not None
        else "-"
    )
    return (
        str(plate.number),
        plate.text or "-",
        read,
        f"{plate.width_px:.0f}",
        letters,
        angle,
        f"{plate.sharpness:.2f}",
        f"{plate.blur_across_px:.1f}/{plate.blur_down_px:.1f}",
        f"{plate.contrast:.0f}",
        f"{plate.pictures}",
        "-" if plate.speed_px_s is None else f"{plate.speed_px_s:.0f}",
    )


def legend(facts: Facts, words: Words) -> str:
    """What the columns mean, and how many plates they leave out."""
    more = words["not_kept"].format(n=facts.plates_not_kept) if facts.plates_not_kept else ""
    return f"{words['columns']} {more}".strip()


def wanted(words: Words) -> str:
    """What the reader wants of a plate."""
    return words["want"].format(
        letters=judge.LETTERS_PX,
        spare=judge.LETTERS_SPARE_PX,
        rotated=judge.ROTATED_DEG,
        leans=judge.LEANS_DEG,
        blur=judge.BLUR,
        contrast=judge.CONTRAST,
    )


def _stream(stream: StreamFacts, words: Words) -> list[Row]:
    told = words["unknown"] if stream.fps_told is None else f"{stream.fps_told:g}"
    profile = f" {stream.profile}" if stream.profile else ""
    is_strained = judge.is_strained(stream)

    def pace(value: float | None, form: str, unit: str = "") -> str:
        return words["strained"] if is_strained else _or(value, words, form, unit)

    return [
        (words["codec"], f"{stream.codec}{profile}"),
        (words["size"], f"{stream.width_px} x {stream.height_px}"),
        (words["fps"], f"{pace(stream.fps, '.1f')} ({words['told']} {told})"),
        (words["key"], _or(stream.key_frame_s, words, ".1f", " s")),
        (words["rate"], pace(stream.kbit_s, ".0f", " kbit/s")),
        (words["b_frames"], words["yes"] if stream.b_frames else words["no"]),
        (words["dozes"], words.dozes(stream.dozes_not)),
        (
            words["came"],
            f"{stream.pictures} ({words['damaged']} {stream.damaged}, {words['missing']} {stream.missing}, "
            f"{words['analysed']} {stream.analysed})",
        ),
        (words["jitter"], pace(stream.jitter_ms, ".0f", " ms")),
        (words["pause"], pace(stream.pause_s, ".2f", " s")),
        (words["first"], f"{stream.first_picture_s:.2f} s"),
        (words["transport"], stream.transport.upper()),
    ]


def _scene(scene: SceneFacts, words: Words) -> list[Row]:
    return [
        (words["light"], f"{scene.brightness:.0f} ({words['burnt']} {scene.burnt:.1%})"),
        (words["colour"], words["colour_no"] if scene.is_grey else words["yes"]),
        (words["moved"], f"{scene.motion_s:.1f} s"),
    ]


def _clock(clock: ClockFacts, words: Words) -> list[Row]:
    onvif = clock.onvif_fault or _or(clock.onvif_s, words, "+.1f", " s")
    return [
        (
            words["clock"],
            f"{words['by_stream']} {_or(clock.rtcp_s, words, '+.2f', ' s')}; {words['by_onvif']} {onvif}",
        )
    ]


def _or(value: float | None, words: Words, form: str, unit: str = "") -> str:
    return words["unknown"] if value is None else f"{value:{form}}{unit}"
