"""Log records as a file: JSON Lines, or Parquet for DuckDB and its kind. Parquet needs the extra `parquet`."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ota_stream.errors import OtaStreamError
from ota_stream.logs.events import LogEvent

PROPERTIES: Final = (
    "logLevel", "accountId", "status", "actionType", "eventType", "protocol", "clientId", "thingName", "topicName",
    "streamId", "otaUpdateId", "awsJobId", "jobId", "versionNumber", "clientToken", "details",
)  # fmt: skip
"""The columns of text in a Parquet file; what else a record has, its column `message` has."""

_ROWS: Final = 50_000  # in a row group

Found = Iterable[tuple[LogEvent, Mapping[str, Any]]]
"""Records, as stored and decoded."""


class ExportError(OtaStreamError):
    """The records cannot be written to a file."""


def to_json_lines(found: Found, path: Path) -> int:
    """Write records as they are stored, a line each, and return how many. The file is there when it is whole.

    Raises:
        ExportError: it cannot be written.
    """

    def write(aside: Path) -> int:
        count = 0
        with aside.open("wb") as file:
            for event, _ in found:
                file.write(event.message.encode() + b"\n")
                count += 1
        return count

    return _whole(path, write)


def to_parquet(found: Found, path: Path) -> int:
    """Write records as a table, and return how many. The file is there when it is whole.

    Raises:
        ExportError: pyarrow is not installed, or the file cannot be written.
    """
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ExportError("Parquet needs pyarrow: pip install 'ota-stream[parquet]', or export --jsonl") from None
    types = {"time": pyarrow.timestamp("ms", "UTC"), "logStream": pyarrow.string(), "position": pyarrow.int64()}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in columns([])])

    def write(aside: Path) -> int:
        count, rest = 0, iter(found)
        with parquet.ParquetWriter(aside, schema, compression="zstd") as writer:
            while some := list(islice(rest, _ROWS)):
                writer.write_table(pyarrow.table(columns(some), schema))
                count += len(some)
        return count

    return _whole(path, write)


def columns(found: Sequence[tuple[LogEvent, Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """Return records by column: time (milliseconds since the epoch), logStream, position, properties, message."""
    return {
        "time": [event.timestamp for event, _ in found],
        "logStream": [event.log_stream for event, _ in found],
        "position": [event.position for event, _ in found],
        **{name: [_text(entry.get(name)) for _, entry in found] for name in PROPERTIES},
        "message": [event.message for event, _ in found],
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _whole(path: Path, write: Callable[[Path], int]) -> int:
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        count = write(aside)
        aside.replace(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            aside.unlink()
    return count
