"""The broker's own log lines about what it refused, dropped or closed: one line says why, a flood is summed up."""

import logging
from collections.abc import Callable
from typing import Final

_EVERY: Final = 1.0  # seconds between two lines of one cause (A15)
_CAUSES_MAX: Final = 256

log: Final = logging.getLogger("ota_broker")


class Notices:
    """Writes at most one line a second for each cause, and says how many it left out.

    `text` may carry what a client sent: it is escaped, so a line stays a line (A14).
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._causes: dict[str, tuple[float, int]] = {}

    def say(self, cause: str, text: str) -> None:
        """Write one line, or count it when the cause has just spoken."""
        now = self._now()
        last, left_out = self._causes.get(cause, (-_EVERY, 0))
        if now - last < _EVERY:
            self._causes[cause] = (last, left_out + 1)
            return
        if len(self._causes) >= _CAUSES_MAX:
            self._causes.clear()
        self._causes[cause] = (now, 0)
        more = f" (and {left_out} more like it)" if left_out else ""
        log.warning("%s: %s%s", cause, escaped(text), more)


def escaped(text: str) -> str:
    """Return text on one line, every character printable."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
