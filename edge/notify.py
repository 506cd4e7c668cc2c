"""What systemd wants to hear of a service (sd_notify): that it is ready, that it lives, that it ends.

Datagrams to the socket that NOTIFY_SOCKET names; without one, under no service manager, nothing is said.
"""

import os
import socket
from collections.abc import Mapping


def tell(state: str, *, environment: Mapping[str, str] = os.environ) -> bool:
    """Send a state such as `READY=1`; whether somebody was told. A manager that does not listen is no fault."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    name = f"\0{address[1:]}" if address.startswith("@") else address  # Linux: a name in no file system
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.sendto(state.encode(), name)
    except OSError:
        return False
    return True


def watchdog_s(*, environment: Mapping[str, str] = os.environ) -> float | None:
    """How often WATCHDOG=1 is to be told, seconds: half of what the unit allows. None where nobody watches."""
    try:
        allowed_us = int(environment.get("WATCHDOG_USEC", ""))
        watched = int(environment.get("WATCHDOG_PID", "") or os.getpid())
    except ValueError:
        return None
    return allowed_us / 2_000_000 if allowed_us > 0 and watched == os.getpid() else None
