"""A place in a log group: gives every event once, those that are there and those that come."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ota_stream.logs.events import LogEvent, Wanted
from ota_stream.stores.log_events import FOREVER, StoredEvents


class Cursor:
    """Gives events by (timestamp, log stream, position), from `since` (milliseconds since the epoch) on.

    Events without the texts in `equal` may be left out. It holds no transaction open, so it may wait for hours.
    `warn` is told once when half a line had to be skipped (R4).
    """

    def __init__(
        self,
        data_dir: Path,
        group: str,
        *,
        since: int = 0,
        equal: Mapping[str, str] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._events = StoredEvents(data_dir)
        self._group = group
        self._since = since
        self._equal = equal
        self._warn = warn
        self._next: dict[str, int] = {}  # log stream -> position of the next line

    def poll(self) -> Iterator[LogEvent]:
        """Give the events since the last poll. A line still being written is left for a later one.

        Raises:
            StoreError: something cannot be read.
        """
        beyond = dict(self._next)
        for event in self._events.read(
            self._group, Wanted(start=self._since, end=FOREVER, equal=self._equal, beyond=beyond)
        ):
            self._next[event.log_stream] = event.position + 1
            yield event

    def anything(self) -> bool:
        """Tell whether the log group has any event."""
        return bool(self._events.streams(self._group))

    def skip_torn_lines(self) -> None:
        """Give up the half lines there are."""
        torn = self._events.torn(self._group)
        if torn and self._warn is not None:
            self._warn(f"log stream {torn[0]} ends in half a line, skipped: its writer was stopped in the middle")
            self._warn = None

    def close(self) -> None:
        """Let go of the files."""
        self._events.close()
