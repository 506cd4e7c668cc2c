"""How the box's process holds memory, where glibc hands it out.

Every thread gets an arena of its own there, up to eight a core, and what one lets go of no other can use: a box with
two cameras held 10 to 25 MiB more than with two arenas.
"""

import ctypes
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX of <malloc.h>
_ARENAS: Final = 2


def spare() -> bool:
    """Let all threads share two arenas; those that are there already stay.

    Returns:
        Whether this is glibc and it agreed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_ARENA_MAX, _ARENAS) == 1


def give_back() -> bool:
    """Give the system what was let go of, as after nets were loaded.

    Returns:
        Whether anything was given back.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return malloc_trim is not None and malloc_trim(ctypes.c_size_t(0)) == 1
