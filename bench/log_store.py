"""The log store: CPU and bytes a record, and the time of a filter over everything. Run by scripts/bench log_store."""

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ota_stream.logs import groups, patterns
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.events import Wanted
from ota_stream.records import Action, RequestRecord
from ota_stream.stores import log_streams
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_writer import LogWriter

RATE = 7000  # records a second
BATCH = 500  # records a write of the journal
FILTERS = (
    '{ $.clientId = "thing-0007" }',
    '{ $.clientToken = "nobody" }',
    '{ $.status = "Failure" }',
    "nowhere",
)


class Clock:
    """The machine's time."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


def fill(data_dir: Path, records: int, things: int) -> None:
    """Write the journal of GetStream requests; every tenth has the token of the C agents, every hundredth fails."""
    journal, entries = Journal(data_dir, groups.REAL, "123456789012", Clock()), EntryWriter()
    for number in range(records):
        thing = f"thing-{number % things:04}"
        topic = f"$aws/things/{thing}/streams/AFR_OTA-app-1/get/cbor"
        token, failure = None if number % 10 else "rdy", None if number % 100 else "The stream is gone."
        at = 1.8e9 + number / RATE
        record = RequestRecord(at, Action.GET_STREAM, thing, topic, "AFR_OTA-app-1", token, failure)
        journal.append(entries.entry(record))
        if number % BATCH == 0:
            journal.flush()
    journal.close()


def timed(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the median of seconds."""
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def found(events: StoredEvents, text: str) -> int:
    """Return how many records a filter pattern finds."""
    pattern = patterns.compile(text)
    candidates = events.read(groups.REAL, Wanted(start=0, end=FOREVER, equal=patterns.equalities(pattern)))
    return sum(pattern(event.message, event.entry()) for event in candidates)


def measure(data_dir: Path, records: int, things: int) -> dict[str, float]:
    """Return what was measured, by what it is."""
    fill(data_dir, records, things)
    journal = sum(path.stat().st_size for path in data_dir.glob("logs/*/*.jsonl"))
    writer, cpu = LogWriter(data_dir, print), time.process_time()
    while writer.step():
        pass
    cpu = time.process_time() - cpu
    writer.close()
    rows = (log_streams.folder(data_dir, groups.REAL) / "events.db").stat().st_size
    with contextlib.closing(StoredEvents(data_dir)) as events:

        def everything() -> int:
            return sum(1 for _ in events.read(groups.REAL, Wanted(start=0, end=FOREVER)))

        def newest() -> object:
            return next(iter(events.read(groups.REAL, Wanted(start=0, end=FOREVER, newest_first=True))))

        if everything() != records:
            raise AssertionError(f"{records} records were written, {everything()} are there")
        return {
            "writer, CPU us a record": 1e6 * cpu / records,
            "journal, bytes a record": journal / records,
            "rows, bytes a record": rows / records,
            "read everything, s": timed(everything, 1),
            "read the newest, ms": 1e3 * timed(newest),
            **{f"filter {text}, s": timed(lambda text=text: found(events, text)) for text in FILTERS},
        }


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--things", type=int, default=500)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        numbers = measure(Path(folder) / "data", arguments.records, arguments.things)
    table = Table("what", f"with {arguments.records:,} records of {arguments.things} things")
    for name, value in numbers.items():
        table.add_row(name, f"{value:,.2f}")
    Console(width=100).print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
