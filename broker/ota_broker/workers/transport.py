"""What lies between a worker and the broker that devices connect to: requests come in batches, replies go out."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from ota_stream.answers import Reply
from ota_stream.errors import OtaStreamError

IN_FLIGHT_MAX: Final = 256  # requests a worker has taken and not answered; what a hung worker can hold up
PING: Final = 2  # seconds between two signs of life to the broker: a cut cable is noticed after two


class TransportError(OtaStreamError):
    """A worker cannot reach its broker, or the broker does not do what is asked of it."""


class Kind(StrEnum):
    """The families of requests a worker may take."""

    STREAMS = "streams"
    JOBS = "jobs"


FILTERS: Final = {
    Kind.STREAMS: ("$aws/things/+/streams/+/get/+", "$aws/things/+/streams/+/describe/+"),  # ST-1, ST-3
    Kind.JOBS: (
        "$aws/things/+/jobs/get",
        "$aws/things/+/jobs/start-next",
        "$aws/things/+/jobs/+/get",
        "$aws/things/+/jobs/+/update",
    ),
}
"""What is subscribed to for each, as MQTT filters; no two of them overlap."""


class Request(Struct, frozen=True):
    """One message of a device. `number` is its own within `source` for ever: a message that comes twice keeps it."""

    topic: str
    payload: bytes
    source: str
    number: int
    ticket: object = None  # what the transport needs to say that it is done
    client_id: str | None = None  # who has published it, where the broker tells


class Addressed(Reply, frozen=True, gc=False):
    """A reply whose requester the broker knows: it gets it, subscribed or not (JT-9, SR-9)."""

    client_id: str = ""


class Transport(Protocol):
    """A way to share requests between workers. Every method may raise TransportError. `url` is where the broker is."""

    url: str

    async def open(self, kinds: Iterable[Kind]) -> None:
        """Connect and ask for a share of the requests."""
        ...

    async def take(self) -> list[Request]:
        """Wait for requests and return all there are, at least one. Several callers get different ones."""
        ...

    async def send(self, replies: Iterable[Reply]) -> None:
        """Hand replies to the broker."""
        ...

    async def done(self, requests: Sequence[Request]) -> None:
        """Say that these are answered: until then the broker may give them to another worker."""
        ...

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        """Publish an empty request as a device would; tell whether it is answered, on one of `answers`, in time.

        Where a worker can be left out of what the others share, it has to come to this one too.
        """
        ...

    async def close(self) -> None:
        """Leave the broker; requests that are not done are somebody else's."""
        ...
