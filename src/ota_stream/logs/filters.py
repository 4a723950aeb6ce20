"""Which log entries a reader wants to see."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from ota_stream.errors import OtaStreamError
from ota_stream.logs.entries import timestamp

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Final = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86_400})
_TOPIC_OF_THING: Final = re.compile(r"\$aws/things/([^/]+)/")


class QueryError(OtaStreamError):
    """A question about the logs that cannot be read."""


class Query(Struct, frozen=True):
    """What an entry must be; None asks for nothing. `since` is epoch seconds."""

    action: str | None = None
    status: str | None = None
    thing: str | None = None
    since: float | None = None

    def matches(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether the entry is wanted. An entry without the property asked for is not."""
        return (
            (self.action is None or action_of(entry) == self.action)
            and (self.status is None or entry.get("status") == self.status)
            and (self.thing is None or thing_of(entry) == self.thing)
            # As text, which sorts as time does: an entry's timestamp may be damaged, and then it is only strange.
            and (self.since is None or str(entry.get("timestamp", "")) >= timestamp(self.since))
        )


def action_of(entry: Mapping[str, Any]) -> str | None:
    """Return what was done: actionType of streams and updates, eventType of jobs."""
    action = entry.get("actionType", entry.get("eventType"))
    return None if action is None else str(action)


def thing_of(entry: Mapping[str, Any]) -> str | None:
    """Return the thing whose topic the request was sent to, or None. The client id need not be its name.

    A request over HTTP has no topic, and its client is known by its thing.
    """
    if entry.get("protocol") == "HTTP" and "topicName" not in entry:
        return str(entry.get("clientId"))
    match = _TOPIC_OF_THING.match(str(entry.get("topicName", "")))
    return match[1] if match else None


def seconds(ago: str) -> int:
    """Return how long `30s`, `5m`, `2h` or `1d` is.

    Raises:
        QueryError: it is none of these.
    """
    match = _AGO.fullmatch(ago)
    if match is None:
        raise QueryError(f"{ago!r} is no length of time: say 30s, 5m, 2h or 1d")
    return int(match[1]) * _SECONDS[match[2]]
