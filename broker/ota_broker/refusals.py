"""What the front door refused, as records: each refusal one, a flood of them bounded and summed up (MU-8, A15)."""

import uuid
from collections.abc import Callable, Mapping
from typing import Final

from ota_broker.front.access import Denial, Identity
from ota_broker.front.notices import Notices
from ota_stream.clock import Clock
from ota_stream.policies.actions import Action
from ota_stream.records import BrokerEvent, BrokerRecord, Record

EVERY: Final = 60.0  # seconds between two records of messages on one topic that one client may not receive
TOPICS_MAX: Final = 10_000  # of clients that may not receive, remembered
RECORDS_MAX: Final = 200  # records in a second

UNAUTHORIZED: Final = "AUTHORIZATION_FAILURE"  # LR-16
_UNAUTHORIZED: Final = "Authorization Failure"

EVENTS: Final[Mapping[str, BrokerEvent]] = {
    Action.CONNECT: BrokerEvent.CONNECT,
    Action.PUBLISH: BrokerEvent.PUBLISH_IN,
    Action.SUBSCRIBE: BrokerEvent.SUBSCRIBE,
    Action.RECEIVE: BrokerEvent.PUBLISH_OUT,
}
"""What is recorded about each action that was denied."""


def _new_id() -> str:
    return str(uuid.uuid4())


class RecordedRefusals:
    """Satisfies `front.access.Refusals`. `keep` takes a record, `new_id` makes the id of a trace."""

    def __init__(
        self, keep: Callable[[Record], None], clock: Clock, notices: Notices, new_id: Callable[[], str] = _new_id
    ) -> None:
        self._keep = keep
        self._clock = clock
        self._notices = notices
        self._new_id = new_id
        self._withheld: dict[tuple[str, str], float] = {}  # by client and topic: when it was last recorded
        self._second = 0
        self._recorded = 0  # in that second

    def denied(self, denial: Denial) -> None:
        """Record what a client may not do."""
        event = EVENTS[denial.action]
        if event is BrokerEvent.PUBLISH_OUT and self._is_known(denial.client_id, denial.resource):
            return
        topic = None if event is BrokerEvent.CONNECT else denial.resource.partition("/")[2]
        told = f"{_UNAUTHORIZED}: {denial.rule}"
        self._record(event, denial.client_id, topic, denial.peer, denial.identity, UNAUTHORIZED, told)

    def dismissed(self, client_id: str, peer: str, identity: Identity, cause: str, reason: str) -> None:
        """Record a connection that was ended for what its client did (LR-14)."""
        self._record(BrokerEvent.DISCONNECT, client_id, None, peer, identity, cause, reason)

    def _record(  # noqa: PLR0913, PLR0917 - the parts of a record
        self,
        event: BrokerEvent,
        client_id: str,
        topic: str | None,
        peer: str,
        identity: Identity,
        reason: str,
        failure: str,
    ) -> None:
        now = self._clock.wall()
        if not self._has_room(now):
            self._notices.say(
                "records", f"more than {RECORDS_MAX} refusals in a second: {client_id} at {peer}: {failure}"
            )
            return
        host, _, port = peer.rpartition(":")
        number = int(port) if port.isdecimal() else 0
        ended = reason if event is BrokerEvent.DISCONNECT else None
        certificate = identity.certificate_id
        trace = self._new_id()
        self._keep(BrokerRecord(now, event, trace, client_id, topic, certificate, host, number, reason, failure, ended))

    def _has_room(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._recorded = int(now), 0
        self._recorded += 1
        return self._recorded <= RECORDS_MAX

    def _is_known(self, client_id: str, topic: str) -> bool:
        """Tell whether it was recorded a short while ago that this client may not receive this."""
        now, asked = self._clock.monotonic(), (client_id, topic)
        last = self._withheld.get(asked)
        if last is not None and now - last < EVERY:
            return True
        if len(self._withheld) >= TOPICS_MAX:
            self._withheld.clear()
        self._withheld[asked] = now
        return False
