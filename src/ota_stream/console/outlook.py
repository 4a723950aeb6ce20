"""What the pages look at: the services and what the process knows beside them, all in memory."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.logging_account import AwsAccount
from ota_stream.api.moving_time import Movable
from ota_stream.console.conversations import Conversations
from ota_stream.console.fleets import Fleets
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.faults.desk import FaultDesk
from ota_stream.transfers.service import Transfers


class Presence(Struct, frozen=True):
    """A client id with a session: where it is connected from, None when it is not, and what it subscribed to.

    `certificate_id` is that of its connection. `expiry` is how many seconds its session outlives the connection.
    `granted` has the QoS of each filter.
    """

    client_id: str
    peer: str | None
    certificate_id: str | None
    expiry: float
    granted: dict[str, int]


class Clients(Protocol):
    """The clients that the broker knows."""

    def find(self, client_id: str) -> Presence | None:
        """Return a client, None when it has no session."""
        ...

    def names(self) -> Iterator[str]:
        """Give the ids of all clients with a session."""
        ...

    @property
    def connected(self) -> int:
        """How many are connected."""
        ...


class Outlook(Struct, frozen=True):
    """All a page may read.

    `look` is asked at each look at block maps, `listen` at conversations: both are kept while somebody looks.
    `diagnosis` and `time` are None where the simulator was started without them. `fleets` are those that have told
    how they stand. `endpoint` is our own address for AWS's clients.
    """

    cloud: AwsOperated
    clients: Clients
    look: Callable[[], Transfers]
    faults: FaultDesk
    fleets: Fleets
    diagnosis: Diagnosis | None
    time: Movable | None
    endpoint: str
    listen: Callable[[], Conversations]

    def account(self) -> AwsAccount:
        """Return what changes the account's logging settings; it waits, so call it in a thread."""
        return AwsAccount.at(self.endpoint)
