"""What is used of all quotas in the second at hand: one begins when `turn` says so, and what is idle costs nothing.

Fixed seconds, not buckets: a client may use twice its second across the border of two. No clock is read on the way of
a message.
"""

from typing import Any, Final, Protocol

from ota_broker.front.metering import quotas
from ota_broker.front.metering.quotas import Mode, Quotas, Setting
from ota_broker.front.metering.usage import Usage
from ota_broker.front.notices import Notices

_SECOND: Final = 0.9  # it is asked a few times a second; a bit less than one keeps the mean at one
_COUNTED: Final = Setting()


class Metered(Protocol):
    """A connection that counts for itself what it receives and sends in a second."""

    @property
    def who(self) -> str:
        """Who it is, for people."""
        ...

    def begin_second(self, octets_max: int) -> tuple[int, int, int]:
        """Return the messages that came in and went out, and bytes both ways, and count anew.

        Bytes beyond `octets_max` count for the new second.
        """
        ...


class Meter:
    """All quotas of one front door. `now` is when the second at hand began."""

    def __init__(self, kept: Quotas, notices: Notices) -> None:
        self._usages = {quota: Usage(quota, kept.get(quota.name, _COUNTED), notices.say) for quota in quotas.TABLE}
        self.publishes = self._usages[quotas.PUBLISHES]
        self.octets = self._usages[quotas.OCTETS]
        self.incoming = self._usages[quotas.PUBLISHES_IN]
        self.outgoing = self._usages[quotas.PUBLISHES_OUT]
        self.replays = self._usages[quotas.REPLAYS]
        self.now = 0.0
        self.came = self.went = 0  # messages in and out, up to this second, since the start
        self.transferred = 0  # and bytes
        self.touched: dict[Metered, None] = {}  # connections that have counted something in this second
        self._ends = 0.0
        self._clients: dict[str, int] = {}  # CONNECTs of this second
        self._calls: dict[str, int] = {}

    @property
    def is_off(self) -> bool:
        """Whether nothing is counted."""
        return all(usage.mode is Mode.OFF for usage in self._usages.values())

    @property
    def judges_messages(self) -> bool:
        """Whether messages and bytes are held to a quota as they come."""
        return any(usage.mode is Mode.ENFORCE for usage in (self.publishes, self.octets, self.incoming, self.outgoing))

    def shown(self) -> list[dict[str, Any]]:
        """Return every quota for people."""
        return [usage.shown() for usage in self._usages.values()]

    def turn(self, now: float) -> None:
        """Begin another second when one is over."""
        if now < self._ends:
            return
        self.now, self._ends = now, now + _SECOND
        received = sent = 0
        touched, self.touched = self.touched, {}
        for connection in touched:
            came, went = self._judge(connection)
            received += came
            sent += went
        self.came += received
        self.went += sent
        for usage, number in ((self.incoming, received), (self.outgoing, sent)):
            if number > usage.limit_if(Mode.COUNT):
                usage.over(number - usage.limit, "all devices", now)
        for usage in self._usages.values():
            usage.used = 0
        self._clients.clear()
        self._calls.clear()

    def _judge(self, connection: Metered) -> tuple[int, int]:
        """Count what a connection had too much of. What is enforced was judged when it happened."""
        held_to = self.octets.limit_if(Mode.ENFORCE)
        came, went, octets = connection.begin_second(held_to)
        self.transferred += min(octets, held_to)  # what is beyond comes again with its next second
        publishes_max, octets_max = self.publishes.limit_if(Mode.COUNT), self.octets.limit_if(Mode.COUNT)
        if came + went > publishes_max:
            self.publishes.over(came + went - publishes_max, connection.who, self.now)
        if octets > octets_max:
            self.octets.over(octets - octets_max, connection.who, self.now)
        return came, went

    def connect(self, client_id: str, others: int) -> None:
        """Count a CONNECT beside `others` that are connected. Raises Violation when it is refused (Q-23)."""
        who, usages, now = f"client {client_id}", self._usages, self.now
        before = self._clients.get(client_id, 0)
        self._clients[client_id] = before + 1
        if not usages[quotas.CLIENT_CONNECTS].allows(before, 1, who, now):
            raise usages[quotas.CLIENT_CONNECTS].violation()
        if not usages[quotas.CONNECTIONS].allows(others, 1, who, now):
            raise usages[quotas.CONNECTIONS].violation()
        if not usages[quotas.CONNECTS].spend(1, who, now):
            raise usages[quotas.CONNECTS].violation()

    def subscribe(self, filters: int, subscriptions: int, who: str) -> None:
        """Count a SUBSCRIBE and the subscriptions it leads to. Raises Violation when it is refused (Q-24)."""
        usages, now = self._usages, self.now
        for quota, number in ((quotas.FILTERS, filters), (quotas.SUBSCRIPTIONS, subscriptions)):
            if not usages[quota].allows(0, number, who, now):
                raise usages[quota].violation()
        if not usages[quotas.SUBSCRIBES].spend(filters, who, now):
            raise usages[quotas.SUBSCRIBES].violation()

    def call(self, operation: str) -> bool:
        """Count a call of the AWS API. False when it is refused (Q-9, Q-13)."""
        quota = quotas.CALLS.get(operation)
        if quota is None:
            return True
        before = self._calls.get(operation, 0)
        self._calls[operation] = before + 1
        return self._usages[quota].allows(before, 1, operation, self.now)
