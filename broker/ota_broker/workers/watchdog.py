"""Ends a worker whose event loop stands still: whoever runs it starts another, and its requests go elsewhere."""

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

LIMIT: Final = 10.0  # seconds a loop may stand still
EXIT_CODE: Final = 70  # "internal software error" of sysexits.h
_LOOKS: Final = 5  # within the limit


class Watchdog:
    """Looks from a thread of its own, several times within the limit.

    Every look must miss the loop: a process that the system had stopped and lets go on is not ended for that.
    """

    def __init__(self, limit: float = LIMIT, end: Callable[[], None] | None = None) -> None:
        self._pause = limit / _LOOKS
        self._end = end or _end
        self._beats = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._beats += 1
        self._timer = asyncio.get_running_loop().call_later(self._pause / 2, self._beat)

    def _watch(self) -> None:
        seen, missed = -1, 0
        while not self._stopped.wait(self._pause):
            missed = missed + 1 if self._beats == seen else 0
            seen = self._beats
            if missed >= _LOOKS:
                self._end()
                return


def _end() -> None:
    sys.stderr.write("error: the worker's event loop stands still; it ends here:\n")
    faulthandler.dump_traceback(sys.stderr)
    os._exit(EXIT_CODE)
