"""What a log group holds, for those who read it: log events, log streams, and the door to a store of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

from msgspec import DecodeError, Struct, json

OVERHEAD: Final = 26  # bytes the service counts for an event beside its message

_decode: Final = json.Decoder(dict[str, Any]).decode


class LogEvent(Struct, frozen=True, gc=False):
    """One event. Times are milliseconds since the epoch; `position` grows within the log stream, with gaps or not."""

    timestamp: int
    log_stream: str
    position: int
    message: str
    ingestion: int

    def entry(self) -> Mapping[str, Any] | None:
        """Return the entry in the message, or None when the message is no JSON object."""
        return decoded(self.message)


class LogStream(Struct, frozen=True, gc=False):
    """One log stream. Times are milliseconds since the epoch; `size` is bytes.

    `end` lies beyond the position of every event that is there: what is written later has `end` or more. `unordered`
    tells that an event may still come that is older than `last`. Without events (`end` is 0) all times are `created`.
    """

    name: str
    created: int
    first: int
    last: int
    last_ingestion: int
    size: int
    end: int
    unordered: bool = False


class LogGroup(Struct, frozen=True, gc=False):
    """One log group that something was written to (LG-4). `created` is milliseconds since the epoch, `size` bytes."""

    name: str
    created: int
    size: int


class Wanted(Struct, frozen=True, gc=False):
    """Which events: start <= timestamp <= end, of `streams` when given, in which order.

    Events without the texts in `equal` may be left out, and those before the position in `beyond` of their log stream:
    hints for an index.
    """

    start: int
    end: int
    streams: Collection[str] | None = None
    newest_first: bool = False
    equal: Mapping[str, str] | None = None
    beyond: Mapping[str, int] | None = None

    def has(self, timestamp: int, log_stream: str) -> bool:
        """Tell whether an event of this time and log stream is wanted."""
        return self.start <= timestamp <= self.end and (self.streams is None or log_stream in self.streams)


class Events(Protocol):
    """A store of log events. Groups go by the name `groups.resolve` gives. May raise OtaStreamError."""

    def groups(self) -> Iterable[LogGroup]:
        """Return the groups that something was written to, in any order."""
        ...

    def streams(self, group: str) -> Sequence[LogStream]:
        """Return a group's log streams, in any order; none when there is no such group."""
        ...

    def read(self, group: str, wanted: Wanted) -> Iterable[LogEvent]:
        """Return the wanted events, ordered by (timestamp, log stream, position)."""
        ...


def counted(message: str) -> int:
    """Return the bytes the service counts for an event: its message, and some for the event itself."""
    return len(message.encode(errors="replace")) + OVERHEAD


def key(event: LogEvent) -> tuple[int, str, int]:
    """Return the place of an event among all events of its group."""
    return event.timestamp, event.log_stream, event.position


@lru_cache(maxsize=1)  # a filter and its successor ask for the same event one after the other
def decoded(message: str) -> Mapping[str, Any] | None:
    """Return the JSON object in a message, or None."""
    try:
        return _decode(message)
    except (DecodeError, UnicodeError, RecursionError):
        return None
