"""Whether bytes are a whole JPEG picture, by its markers alone: the centre decodes nothing that it is sent."""

from typing import Final

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_fault(data: bytes) -> str | None:
    """What keeps these bytes from being a JPEG picture; None where they are one.

    It has a start, segments that follow one another up to the scan, a frame header among them, and an end.
    """
    if data[:2] != bytes((0xFF, _START)):
        return "does not begin as a JPEG"
    if data[-2:] != bytes((0xFF, _END)):
        return "does not end as a JPEG: cut off"
    at, has_frame = 2, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return f"no JPEG marker at byte {at}"
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker == _SCAN:
            return None if has_frame else "no frame before the scan"
        else:
            has_frame = has_frame or marker in _FRAMES
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return "no scan: cut off"
