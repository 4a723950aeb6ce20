"""The broker's own log lines about what it refused, dropped or closed: one line says why, a flood is summed up."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import Struct

_EVERY: Final = 1.0  # seconds between two lines of one cause (A15)
_CAUSES_MAX: Final = 256

log: Final = logging.getLogger("ota_broker")

Later = Callable[[float, Callable[[], object]], object]
"""Calls something so many seconds from now."""


class _Spell(Struct, gc=False):
    """When a cause spoke, how often it would have spoken since, and its last words."""

    spoke: float
    left_out: int = 0
    last: str = ""


class Notices:
    """Writes at most one line a second for each cause, and tells the last one that it left out, and how many.

    `now`: seconds of the machine, not of a clock that somebody may stop. `later` brings what was left out when nothing
    follows it; without it that waits for the next line. `text` may carry what a client sent: it is escaped, so a line
    stays a line (A14).
    """

    def __init__(self, now: Callable[[], float], later: Later | None = None) -> None:
        self._now = now
        self._later = later
        self._causes: dict[str, _Spell] = {}

    def say(self, cause: str, text: str) -> None:
        """Write one line, or keep it when the cause has just spoken."""
        now = self._now()
        spell = self._causes.get(cause)
        if spell is not None and now - spell.spoke < _EVERY:
            spell.left_out += 1
            spell.last = text
            if spell.left_out == 1 and self._later is not None:
                self._later(spell.spoke + _EVERY - now, partial(self._tell, cause))
            return
        if len(self._causes) >= _CAUSES_MAX:
            self.tell_all()
            self._causes.clear()
        self._causes[cause] = _Spell(now)
        _write(cause, text, 0 if spell is None else spell.left_out)

    def tell_all(self) -> None:
        """Tell what was left out, when nothing more will be said."""
        for cause in list(self._causes):
            self._tell(cause)

    def _tell(self, cause: str) -> None:
        spell = self._causes.get(cause)
        if spell is not None and spell.left_out:
            self._causes[cause] = _Spell(self._now())
            _write(cause, spell.last, spell.left_out - 1)


def call_later(seconds: float, call: Callable[[], object]) -> None:
    """Call in so many seconds, by the loop that runs now."""
    asyncio.get_running_loop().call_later(seconds, call)


def _write(cause: str, text: str, left_out: int) -> None:
    more = f" (and {left_out} more like it)" if left_out else ""
    log.warning("%s: %s%s", cause, escaped(text), more)


def escaped(text: str) -> str:
    """Return text on one line, every character printable."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
