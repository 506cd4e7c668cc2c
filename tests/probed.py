"""What a probe may have measured: a good camera's, and ways to make it worse."""

from typing import Any

from edge.probe.facts import ClockFacts, Facts, PlateFacts, SceneFacts, Settings, StreamFacts

STREAM: dict[str, Any] = {
    "codec": "h264",
    "profile": "High",
    "width_px": 1920,
    "height_px": 1080,
    "transport": "tcp",
    "fps_told": 25.0,
    "fps": 25.0,
    "key_frame_s": 2.0,
    "b_frames": False,
    "kbit_s": 4000.0,
    "pictures": 500,
    "damaged": 0,
    "missing": 0,
    "jitter_ms": 15.0,
    "pause_s": 0.1,
    "idle": 0.9,
    "connect_s": 0.2,
    "time_rate": None,
    "first_picture_s": 0.3,
    "watched_s": 20.0,
    "broke": "",
    "dozes_not": None,
    "analysed": 160,
    "left_out": 0,
}
PLATE: dict[str, Any] = {
    "number": 1,
    "text": "ABC123",
    "likelihood": 0.99,
    "country": "CO",
    "is_read": True,
    "is_whole": True,
    "is_likely": True,
    "pictures": 12,
    "seen_s": 1.5,
    "width_px": 120.0,
    "height_px": 60.0,
    "letter_height_px": 30.0,
    "letter_width_px": 13.0,
    "rotation_deg": 1.0,
    "lean_deg": 0.0,
    "sharpness": 0.9,
    "blur_across_px": 2.0,
    "blur_down_px": 2.1,
    "contrast": 120.0,
    "brightness": 110.0,
    "burnt": 0.0,
    "is_cut": False,
    "speed_px_s": 150.0,
}
CLOCK: dict[str, Any] = {"rtcp_s": -0.05, "onvif_s": None, "onvif_by_hand": None, "onvif_fault": ""}
SCENE: dict[str, Any] = {"brightness": 100.0, "burnt": 0.0, "is_grey": False, "motion_s": 12.0}


def plates(number: int, **changes: Any) -> list[PlateFacts]:
    return [PlateFacts(**{**PLATE, "number": n, **changes}) for n in range(1, number + 1)]


def facts(
    *,
    stream: dict[str, Any] | None = None,
    clock: dict[str, Any] | None = None,
    scene: dict[str, Any] | None = None,
    seen: list[PlateFacts] | None = None,
) -> Facts:
    return Facts(
        settings=Settings(min_plate_px=40, analyse_fps=8.0),
        stream=StreamFacts(**{**STREAM, **(stream or {})}),
        clock=ClockFacts(**{**CLOCK, **(clock or {})}),
        scene=SceneFacts(**{**SCENE, **(scene or {})}),
        plates=tuple(plates(8) if seen is None else seen),
        plates_not_kept=0,
    )
