"""From which addresses of this machine a fleet connects: each has some 28,000 ports to one address of a broker."""

import errno
import sys
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0."
SOURCES_MAX: Final = 64  # of the loopback addresses: more things than a machine holds
_NO_PORT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EADDRINUSE})
_PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL: Final = 28_232  # ports, where the file cannot be read


class Sources:
    """Gives the address to connect from, or None when the system chooses; the next one when its ports are used up.

    `others` are taken in this order after the system's choice.
    """

    def __init__(self, others: tuple[str, ...] = ()) -> None:
        self.current: str | None = None
        self._others = list(others)

    def leave(self, used: str | None, error: OSError) -> bool:
        """Tell whether to try again, because the error says that `used` has no port left and there is another."""
        if error.errno not in _NO_PORT:
            return False
        if used != self.current:  # others have found out before
            return True
        if not self._others:
            return False
        self.current = self._others.pop(0)
        return True


def of(host: str) -> Sources:
    """Return the sources for a target: on Linux all of 127.0.0.0/8 is this machine, so the loopback has plenty."""
    if sys.platform != "linux" or not host.startswith("127."):
        return Sources()
    return Sources(tuple(f"{LOOPBACK}{number}" for number in range(2, SOURCES_MAX + 2)))


def no_port(error: OSError) -> str | None:
    """Return in words that the ports are used up, and how many connections fit, when that is what an error says."""
    if error.errno not in _NO_PORT:
        return None
    return f"no port is left: from one address of this machine {ports():,} connections fit"


def ports() -> int:
    """Return how many ports the system gives to connections of one address."""
    try:
        first, last = _PORTS.read_text(encoding="ascii").split()
        return int(last) - int(first) + 1
    except (OSError, ValueError):
        return _USUAL
