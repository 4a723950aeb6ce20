"""The way of a record: past the levels that hold for its client, into the log group it belongs to."""

from collections.abc import Callable
from typing import Final

from ota_broker.front.notices import Notices
from ota_broker.request_log import RequestLog
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.service import Gate, LoggingService
from ota_stream.logs.targets import Client
from ota_stream.records import JobCountRecord, JobEvent, JobRequestRecord, Record, RequestRecord

GATES_MAX: Final = 100_000  # clients whose levels are remembered


class Recorder:
    """Keeps records as entries. A setting that changes holds from the next record on, on every connection.

    `peer_of` gives `host:port` of a connected client, or None.
    """

    def __init__(
        self,
        log: RequestLog,
        entries: EntryWriter,
        settings: LoggingService,
        peer_of: Callable[[str], str | None],
        notices: Notices,
    ) -> None:
        self._log = log
        self._entries = entries
        self._settings = settings
        self._peer_of = peer_of
        self._notices = notices
        self._everybody = Gate(settings, None)  # as long as no target has a level of its own
        self._gates: dict[tuple[str, str | None], Gate] = {}
        self._looked: int | None = None  # generation of the settings whose refusal was looked at
        self._told: str | None = None

    def keep(self, record: Record) -> None:
        """Take one record."""
        if isinstance(record, RequestRecord):
            gate, kind = self._gate(record.client_id), record.action.value
        elif isinstance(record, JobRequestRecord):
            gate, kind = self._gate(record.client_id), record.event.value
        elif isinstance(record, JobCountRecord):
            gate, kind = self._everybody, JobEvent.FINAL_COUNT.value
        else:
            gate, kind = self._everybody, record.action.value  # LC-11: no client stands behind it
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

    def _gate(self, client_id: str) -> Gate:
        if not self._settings.is_personal:
            return self._everybody
        peer = self._peer_of(client_id)
        gate = self._gates.get((client_id, peer))
        if gate is None:
            if len(self._gates) >= GATES_MAX:
                self._gates.clear()
            address = None if peer is None else peer.rpartition(":")[0]
            gate = self._gates[client_id, peer] = Gate(self._settings, Client(client_id, client_id, None, address))
        return gate
