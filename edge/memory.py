"""How the box's process holds memory, where glibc hands it out.

Every thread gets an arena of its own there, up to eight a core, and what one lets go of no other can use: a box with
two cameras held 10 to 25 MiB more than with two arenas.

And glibc maps what is large apart only until the first such piece is let go of: from then on pieces of that size come
from the heap, where those that stay lie between those that go. A box with six cameras held 50 to 80 MiB more than with
a fixed size.
"""

import ctypes
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX of <malloc.h>
_ARENAS: Final = 2
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
_MAPPED_BYTES: Final = 1_300_000
"""What is as large is mapped apart: planes of frames of 1080p, and the pictures of reads that wait; but not the nets'
inputs, which are made of each frame, for mapping takes longer than making them."""


def spare() -> bool:
    """Let all threads share two arenas, and keep large pieces out of them; those that are there already stay.

    Returns:
        Whether this is glibc and it agreed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all([mallopt(_ARENA_MAX, _ARENAS) == 1, mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES) == 1])


def give_back() -> bool:
    """Give the system what was let go of, as after nets were loaded.

    Returns:
        Whether anything was given back.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return malloc_trim is not None and malloc_trim(ctypes.c_size_t(0)) == 1
