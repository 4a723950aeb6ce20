"""The way of a record: past the levels that hold for its client, into the log group it belongs to."""

from collections.abc import Callable
from typing import Final

from ota_broker.front.notices import Notices
from ota_broker.request_log import RequestLog
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.service import Gate, LoggingService
from ota_stream.logs.targets import Client
from ota_stream.records import (
    FAULT_EVENT,
    BrokerRecord,
    FaultRecord,
    JobCountRecord,
    JobEvent,
    JobRequestRecord,
    Record,
    RequestRecord,
)

GATES_MAX: Final = 100_000  # clients whose levels are remembered


class Recorder:
    """Keeps records as entries. A setting that changes holds from the next record on, on every connection.

    `peer_of` gives `host:port` of a connected client and the id of its certificate, each None where there is none.
    """

    def __init__(
        self,
        log: RequestLog,
        entries: EntryWriter,
        settings: LoggingService,
        peer_of: Callable[[str], tuple[str | None, str | None]],
        notices: Notices,
    ) -> None:
        self._log = log
        self._entries = entries
        self._settings = settings
        self._peer_of = peer_of
        self._notices = notices
        self._everybody = Gate(settings, None)  # as long as no target has a level of its own
        self._gates: dict[tuple[str, str | None, str | None], Gate] = {}
        self._looked: int | None = None  # generation of the settings whose refusal was looked at
        self._told: str | None = None

    def keep(self, record: Record) -> None:
        """Take one record."""
        if isinstance(record, RequestRecord):
            gate = self._gate(record.client_id) if self._settings.is_personal else self._everybody
            kind: str = record.action
        elif isinstance(record, JobRequestRecord):
            gate, kind = self._gate(record.client_id), record.event
        elif isinstance(record, BrokerRecord):
            gate, kind = self._gate_of_refused(record), record.event
        elif isinstance(record, FaultRecord):
            gate, kind = self._gate(record.client_id), FAULT_EVENT
        elif isinstance(record, JobCountRecord):
            gate, kind = self._everybody, JobEvent.FINAL_COUNT
        else:
            gate, kind = self._everybody, record.action  # LC-11: no client stands behind it
        group = gate.effective(kind, self._entries.level(record))  # LC-1, LC-2
        if group is not None:
            self._log.append(group, self._entries.entry(record))

    def tick(self) -> None:
        """Say why nothing is written although it should be: once, however much else changes."""
        if self._looked == self._settings.generation:
            return
        self._looked = self._settings.generation
        why = self._settings.refusal()
        if why is not None and why != self._told:
            self._notices.say("logging", f"no records are written: {why}; give the role the right, or set another role")
        self._told = why

    def _gate_of_refused(self, record: BrokerRecord) -> Gate:
        """Return a gate for somebody who may not be connected: the record itself says who it is. It is not kept."""
        if not self._settings.is_personal:
            return self._everybody
        client_id, principal_id = record.client_id, record.principal_id
        return Gate(self._settings, Client(client_id, client_id, principal_id, record.source_ip))

    def _gate(self, client_id: str) -> Gate:
        if not self._settings.is_personal:
            return self._everybody
        peer, principal = self._peer_of(client_id)
        gate = self._gates.get((client_id, peer, principal))
        if gate is None:
            if len(self._gates) >= GATES_MAX:
                self._gates.clear()
            address = None if peer is None else peer.rpartition(":")[0]
            gate = Gate(self._settings, Client(client_id, client_id, principal, address))
            self._gates[client_id, peer, principal] = gate
        return gate
