"""A data directory with log records: for tests of the commands that show them, and as a process has left it."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.events import Wanted
from ota_stream.records import Action, RequestRecord
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_intake import Intake

GET_STREAM = RequestRecord(
    1532556542.678,
    Action.GET_STREAM,
    "b9d2e49c-94fe-4ed1-9b07-286afed7e4c8",
    "$aws/things/b9d2e49c-94fe-4ed1-9b07-286afed7e4c8/streams/1e51e9a8-9a4c-4c50-b005-d38452a956af/get/json",
    "1e51e9a8-9a4c-4c50-b005-d38452a956af",
)
DESCRIBE_STREAM = RequestRecord(
    1532556612.690,
    Action.DESCRIBE_STREAM,
    "581075e0-4639-48ee-8b94-2cf304168e43",
    "$aws/things/581075e0-4639-48ee-8b94-2cf304168e43/streams/71c101a8-bcc5-4929-9fe2-af563af0c139/describe/json",
    "71c101a8-bcc5-4929-9fe2-af563af0c139",
    "clientToken",
)
HOSTILE = RequestRecord(
    1532556700.0,
    Action.GET_STREAM,
    "\x1b]0;owned\x07[red]\x7f",
    "$aws/things/thing-1/streams/s/get/cbor",
    "s",
    '"\n\u202e\U000e0001 :boom:',
    "no",
)


def entries(data_dir: Path) -> list[dict[str, Any]]:
    """Return the stored entries, of complete lines only."""
    with contextlib.closing(StoredEvents(data_dir)) as events:
        return [json.loads(event.message) for event in events.read("AWSIotLogsV2", Wanted(start=0, end=FOREVER))]


class Clock:
    wall = monotonic = staticmethod(time.time)


class Kept:
    """A data directory with records in it, and what they look like as lines."""

    def __init__(self, data_dir: Path, group: str = "AWSIotLogsV2") -> None:
        self.data_dir = data_dir
        self.lines: list[bytes] = []
        self._journal = Journal(data_dir, group, "123456789012", Clock())

    def add(self, *records: RequestRecord) -> None:
        for record in records:
            self.lines.append(EntryWriter().entry(record))
            self._journal.append(self.lines[-1])
        self._journal.flush()

    def damage(self, garbage: bytes) -> None:
        self._journal.append(garbage)
        self._journal.flush()

    def move(self) -> None:
        """Move all there is into rows."""
        with contextlib.closing(Intake(self.data_dir, "AWSIotLogsV2", print)) as intake:
            while intake.take():
                pass

    def close(self) -> None:
        self._journal.close()
