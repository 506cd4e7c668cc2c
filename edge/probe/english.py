"""In English: every advice with its numbers, and the names of what was measured."""

from typing import Final

from edge.probe.facts import Code, Verdict

ADVICE: Final[dict[Code, str]] = {
    Code.BROKE: (
        "The stream broke off after {seconds:.0f} s ({reason}): look at the cable, the power and the switch."
    ),
    Code.NO_VEHICLE: (
        "No vehicle passed while I looked ({seconds:.0f} s; plates seen in part: {partly:.0f}): nothing "
        "can be said of its plates. Look again while vehicles pass, or park one where they will pass."
    ),
    Code.NO_PLATE_FOUND: (
        "Something as large as a vehicle moved for {motion_s:.0f} s of {seconds:.0f} s, and no plate was "
        "found: zoom in, turn the camera towards plates, or bring it nearer."
    ),
    Code.UNREAD: "Only {read:.0f} of {of:.0f} plates were read.",
    Code.PLATES_NARROW: (
        "{n:.0f} of {of:.0f} plates are {px:.0f} px wide at best; below {least:.0f} px many are not "
        "found, and below {min_plate_px:.0f} px (min_plate_px) none is read: zoom in or bring the camera "
        "nearer."
    ),
    Code.LETTERS_SMALL: (
        "Characters are {px:.0f} px high on {n:.0f} of {of:.0f} plates; below {least:.0f} px letters are "
        "mixed up: zoom in, bring the camera nearer, or send a larger picture."
    ),
    Code.MOTION_BLUR: (
        "{n:.0f} of {of:.0f} plates are smeared over {px:.0f} px, at {speed:.0f} px/s: set the shutter to"
        " 1/{shutter:.0f} s or shorter, with more light or gain."
    ),
    Code.UNSHARP: (
        "{n:.0f} of {of:.0f} plates are not sharp (edges {px:.0f} px wide, {share:.2f} of a character's "
        "height; at most {most:.1f}): focus on the place where plates pass, clean the glass, raise the bit rate."
    ),
    Code.WASHED_OUT: (
        "{n:.0f} of {of:.0f} plates are over-exposed (grey level {level:.0f} of 255, {share:.0%} burnt): "
        "shorten the shutter, lower the gain or the infrared light, or expose for the plates' place."
    ),
    Code.TOO_DARK: (
        "It is too dark (grey level {level:.0f} of 255; plates: {n:.0f} of {of:.0f}): add infrared or "
        "other light."
    ),
    Code.LOW_CONTRAST: (
        "{n:.0f} of {of:.0f} plates have {contrast:.0f} grey levels between dark and light; below "
        "{least:.0f} they are misread: look for haze, a dirty glass, or light behind the vehicles (WDR)."
    ),
    Code.ROTATED: (
        "{n:.0f} of {of:.0f} plates are turned by {degrees:.0f} degrees; beyond {most:.0f} reads are "
        "lost: turn the camera about its axis until plates lie level."
    ),
    Code.LEANS: (
        "Characters lean by {degrees:.0f} degrees on {n:.0f} of {of:.0f} plates; beyond {most:.0f} reads "
        "are lost: the camera looks too much from aside or from above; move it nearer to the vehicles' "
        "line."
    ),
    Code.CUT: (
        "{n:.0f} of {of:.0f} plates touch the picture's border at best: aim so that plates pass well inside."
    ),
    Code.FEW_VIEWS: (
        "{n:.0f} of {of:.0f} plates were in view for {pictures:.0f} pictures or fewer: show more of the "
        "road, or raise analyse_fps."
    ),
    Code.DAMAGED: (
        "{damaged:.0f} of {pictures:.0f} pictures came damaged over {transport}: use TCP, a better cable "
        "or link."
    ),
    Code.MISSING: (
        "{missing:.0f} pictures are missing beside {pictures:.0f} that came: the camera or the link "
        "cannot keep up."
    ),
    Code.PAUSES: (
        "Nothing came for {seconds:.1f} s: a fast vehicle passes unseen meanwhile. Look at the link."
    ),
    Code.LOW_FPS: (
        "{fps:.1f} pictures a second come; at fewer than {least:.0f} vehicles are mixed up: raise the "
        "camera's rate."
    ),
    Code.MACHINE_SLOW: (
        "This machine had no time for {left_out:.0f} of {due:.0f} pictures. A look takes more than a box "
        "that runs, which leaves out still pictures; but look again while nothing else runs here."
    ),
    Code.LETTERS_SPARE: (
        "Characters are {px:.0f} px high on {n:.0f} of {of:.0f} plates: enough by day; {least:.0f} px or "
        "more leave room for night, dirt and rain."
    ),
    Code.FPS_DIFFERS: "The camera says {told:.0f} pictures a second and sends {fps:.1f}.",
    Code.TIMES_LIE: (
        "The camera's timestamps run at {rate:.2f} of true time: a box goes by the time of arrival instead, "
        "which is less exact. Look for new firmware."
    ),
    Code.JITTER: "1 in 20 pictures comes {ms:.0f} ms late or later: the network is busy, or this machine is.",
    Code.B_FRAMES: (
        "The camera sends B-frames, so that everything must be decoded: choose a profile without them "
        "(Baseline, or B-frames 0), which costs a box a fraction."
    ),
    Code.KEY_FRAMES_FAR: (
        "Key frames come every {seconds:.0f} s or more seldom, so that everything must be decoded: set "
        "the I-frame interval to 1 or 2 s, which costs a box a fraction, or give it a trigger "
        "(docs/triggers.md)."
    ),
    Code.STAYS_SHORT: (
        "Vehicles leave the picture before the next key frame (every {seconds:.1f} s), so that everything"
        " must be decoded: halve the I-frame interval, or give it a trigger (docs/triggers.md)."
    ),
    Code.CLOCK_UNSET: (
        "The camera's clock is {days:.0f} days wrong: it was never set. Give it a time server (NTP)."
    ),
    Code.CLOCK_OFF: (
        "The camera's clock is {seconds:.1f} s {way}. Reads have the box's time, but what is written into"
        " the picture has not: give the camera the box's time server (NTP)."
    ),
    Code.CLOCK_BY_HAND: "The camera's clock is set by hand and will run away: give it a time server (NTP).",
}
"""Templates; their numbers are those that `judge` gives."""

VERDICT: Final[dict[Verdict, str]] = {
    Verdict.FIT: "Fit to read plates",
    Verdict.SHORT: "Works, but falls short",
    Verdict.UNUSABLE: "Cannot be used",
    Verdict.UNKNOWN: "Cannot tell: no vehicle passed while I looked",
}

WAYS: Final[dict[str, str]] = {"fast": "fast", "slow": "slow"}

DOZES_NOT: Final[dict[str, str]] = {
    "reordered": "no: it sends B-frames",
    "interval": "no: key frames are too far apart",
    "stays": "no: vehicles leave before the next key frame",
    "turns": "no: the camera turns",
    "gate_off": "no: motion_gate is off",
    "triggers": "when its triggers have proved true",
    "unknown": "not known: the look was too short",
}

LABELS: Final[dict[str, str]] = {
    "refused": "The camera refused the user or the password. Several wrong tries may lock the account.",
    "lost": "No picture came. Check the address, the cable and that the camera is switched on.",
    "title": "Camera look",
    "camera": "camera",
    "looked_at": "looked at",
    "minutes": "for",
    "advice": "What to better, the most important first",
    "hints": "hint",
    "shorts": "falls short",
    "nothing": "Nothing to better was measured.",
    "stream": "Stream",
    "scene": "Light and clock",
    "plates": "Plates",
    "picture": "The picture that shows most",
    "codec": "codec",
    "size": "picture",
    "fps": "pictures a second",
    "told": "told",
    "unknown": "unknown",
    "strained": "unknown: this machine fell behind",
    "key": "key frames every",
    "rate": "bit rate",
    "b_frames": "B-frames",
    "yes": "yes",
    "no": "no",
    "came": "pictures that came",
    "damaged": "damaged",
    "missing": "missing",
    "jitter": "jitter (1 in 20)",
    "pause": "longest pause",
    "first": "first picture after",
    "transport": "transport",
    "dozes": "decoding on demand works",
    "analysed": "analysed",
    "light": "brightness of the picture (of 255)",
    "burnt": "burnt",
    "colour": "colour",
    "colour_no": "none: night mode or infrared",
    "moved": "large things moved for",
    "clock": "camera's clock less this machine's",
    "by_stream": "by the stream",
    "by_onvif": "by ONVIF",
    "plate": "plate",
    "read": "read",
    "letters": "chars px",
    "width": "plate px",
    "angle": "turn/ lean °",
    "sharp": "sharp",
    "blur": "edges px",
    "contrast": "grey levels",
    "views": "seen",
    "speed": "px/s",
    "want": (
        "What the reader wants: characters at least {letters:.0f} px high (better {spare:.0f}), edges at most "
        "{blur:.1f} of that wide, turned at most {rotated:.0f} degrees, leaning at most {leans:.0f}, at least "
        "{contrast:.0f} grey levels between dark and light."
    ),
    "partly": "part",
    "doubtful": "plate?",
    "secret": "Shows plates: keep it as safe as reads.",
    "not_kept": "{n} further plates were only counted.",
    "columns": (
        "Chars: height x width. Turn and lean: of the row and of its strokes, clockwise. Sharp: 0 to 1. Edges: from "
        'dark to light, across / down. Seen: in so many pictures. "plate?": perhaps scenery.'
    ),
}
