"""The process that moves log records from the journal into SQLite: `python -m ota_stream.stores.log_writer DATA_DIR`.

It ends when its standard input does, after all that is in the journal by then: so it outlives a server that was killed
just long enough. Settings come in as JSON lines, what a person should know goes out on standard error, a line each.
"""

import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import DecodeError, Struct, field, json

from ota_stream.stores import log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.log_intake import Intake

SIZE_MAX: Final = 4 * 1024**3  # bytes of one log group: some 200 million records
PAUSE: Final = 0.2  # seconds between two looks at the journal
AGAIN: Final = 60.0  # seconds until the same trouble is told again
_LOOK_FOR_OLD: Final = 10.0  # seconds between two looks for what is to be dropped
_DAY: Final = 86_400_000  # milliseconds
LOCK: Final = "log-writer.lock"


class WriterSettings(Struct, frozen=True, rename="camel"):
    """How long records are kept: days by the group's resolved name (for good without), and `size_max` bytes a group.

    `ahead`: seconds that the time of the records is later than the machine's.
    """

    retention_days: dict[str, int] = field(default_factory=dict[str, int])
    size_max: int = SIZE_MAX
    ahead: float = 0.0


class LogWriter:
    """Moves and drops records of all log groups in a data directory, a portion of each with every step."""

    def __init__(self, data_dir: Path, tell: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        self.settings = WriterSettings()
        self._data_dir = data_dir
        self._tell = tell
        self._clock = clock
        self._intakes: dict[str, Intake] = {}
        self._troubles: dict[str, tuple[str, float]] = {}  # group -> what was told, and when
        self._looked = 0.0  # when old records were last looked for

    def step(self) -> bool:
        """Move a portion of each group; tell whether there is more to do at once. Trouble is told, never raised."""
        now = self._clock()
        look = abs(now - self._looked) >= _LOOK_FOR_OLD
        more = [self._step(group, now, look=look) for group in log_streams.found(self._data_dir)]
        if look and not any(more):
            self._looked = now
        return any(more)

    def look_for_old(self) -> None:
        """Look for old records at the next step: the settings have changed."""
        self._looked = 0.0

    def close(self) -> None:
        """Close the files."""
        for intake in self._intakes.values():
            intake.close()

    def _step(self, group: str, now: float, *, look: bool) -> bool:
        try:
            intake = self._intakes.get(group)
            if intake is None:
                intake = self._intakes[group] = Intake(self._data_dir, group, self._tell)
            more = intake.take()
            if look:
                days = self.settings.retention_days.get(group)
                oldest = 0 if days is None else int((now + self.settings.ahead) * 1000) - days * _DAY
                more = intake.drop(oldest, self.settings.size_max) or more
        except StoreError as error:
            self._complain(group, str(error), now)
            return False
        if self._troubles.pop(group, None) is not None:
            self._tell(f"log store of {group} works again")
        return more

    def _complain(self, group: str, text: str, now: float) -> None:
        told, when = self._troubles.get(group, ("", 0.0))
        if text != told or abs(now - when) >= AGAIN:
            self._tell(text)
            self._troubles[group] = text, now


def main() -> None:
    """Run until standard input ends."""
    data_dir = Path(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server; its end is ours
    lock = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    writer = LogWriter(data_dir, _tell)
    heard = bytearray()
    ended = more = locked = False
    while not ended or more:
        if not ended and select.select([0], [], [], 0.0 if more else PAUSE)[0]:
            ended = _hear(writer, heard)
        # One whose server was killed may still be at its last records.
        locked = locked or _locked(lock)
        more = locked and writer.step()
    writer.close()


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())  # for people
    return True


def _hear(writer: LogWriter, heard: bytearray) -> bool:
    """Read settings, of which the newest count; tell whether standard input has ended."""
    read = os.read(0, 65_536)
    heard += read
    *lines, rest = heard.split(b"\n")
    heard[:] = rest
    try:
        for line in lines:
            writer.settings = json.decode(line, type=WriterSettings)
            writer.look_for_old()
    except DecodeError as error:
        _tell(f"settings of the log store are not understood: {error}")
    return not read


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody listens any more
        sys.stderr.write(f"{' '.join(text.split())}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
