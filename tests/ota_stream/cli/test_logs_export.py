import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from ota_stream.cli.logs import Verb, logs
from ota_stream.cli.logs_export import PROPERTIES, ExportError, columns, to_json_lines, to_parquet
from ota_stream.logs.entries import Entry, EntryWriter
from ota_stream.logs.events import LogEvent
from ota_stream.records import (
    UNKNOWN_CLIENT,
    Action,
    JobCountRecord,
    JobEvent,
    JobRequestRecord,
    RequestRecord,
    UpdateRecord,
)
from ota_stream.stores.journal import Journal

RECORDS = (
    RequestRecord(1.8e9, Action.GET_STREAM, "d", "$aws/things/d/streams/s/get/json", "s", "token", "no"),
    JobRequestRecord(1.8e9, JobEvent.UPDATE, "d", "$aws/things/d/jobs/j-1/update", "j-1", None, 3, "SUCCEEDED"),
    UpdateRecord(1.8e9, Action.CREATE_AWS_JOB, "u-1", "j-1", "s"),
    JobCountRecord(1.8e9, "j-1", {}),
    RequestRecord(1.8e9, Action.GET_STREAM, UNKNOWN_CLIENT, "$aws/things/d/streams/s/get/json", "s"),
)
LINES = [EntryWriter().entry(record).decode() for record in RECORDS]


def found() -> Iterator[tuple[LogEvent, dict[str, Any]]]:
    for position, line in enumerate(LINES):
        yield LogEvent(1_800_000_000_000, "ls", position, line, 0), json.loads(line)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    class Clock:
        def wall(self) -> float:
            return 1.8e9

        monotonic = wall

    journal = Journal(tmp_path / "data", "AWSIotLogsV2", "123456789012", Clock())
    for line in LINES:
        journal.append(line.encode())
    journal.close()
    return tmp_path / "data"


def test_json_lines_are_the_records_as_stored(data_dir, tmp_path, capfd):
    path = tmp_path / "out.jsonl"
    logs(data_dir=data_dir, verb=Verb.EXPORT, jsonl=path)
    assert path.read_text().splitlines() == LINES
    assert capfd.readouterr() == ("", f"5 records are in {path}\n")


def test_only_what_was_asked_for_is_exported(data_dir, tmp_path, capfd):
    path = tmp_path / "out.jsonl"
    logs(data_dir=data_dir, verb=Verb.EXPORT, jsonl=path, action="GetStream")
    assert path.read_text().splitlines() == [LINES[0], LINES[4]]
    logs(data_dir=data_dir, verb=Verb.EXPORT, jsonl=path, thing="nobody")
    assert path.read_text() == ""
    assert "none of the records is like that" in capfd.readouterr().err


def test_a_place_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    for path in (tmp_path / "none" / "out.jsonl", tmp_path / "taken"):
        with pytest.raises(ExportError, match="cannot be written"):
            to_json_lines(found(), path)
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_what_breaks_off_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("before")

    def broken() -> Iterator[tuple[LogEvent, dict[str, Any]]]:
        yield next(found())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_json_lines(broken(), path)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("before", [path])


def test_a_table_has_a_column_for_everything_a_record_says():
    table = columns(list(found()))
    assert {len(column) for column in table.values()} == {5}
    assert table["time"] == [1_800_000_000_000] * 5
    assert (table["logStream"], table["position"], table["message"]) == (["ls"] * 5, [0, 1, 2, 3, 4], LINES)
    said = {name for line in LINES for name in json.loads(line)}
    assert said - {"timestamp"} == set(PROPERTIES)
    assert set(Entry.__struct_encode_fields__) - {"timestamp"} <= set(PROPERTIES)
    for name in PROPERTIES:
        assert table[name] == [json.loads(line).get(name) for line in LINES]


def test_without_pyarrow_it_says_what_to_install(data_dir, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"pip install 'ota-stream\[parquet\]', or export --jsonl"):
        logs(data_dir=data_dir, verb=Verb.EXPORT, parquet=tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == [data_dir]


class Writer:
    """Writes a table as JSON, where pyarrow would write Parquet: pyarrow is too large for a test environment."""

    def __init__(self, path: Path, schema: object, **how: str) -> None:
        self._file = path.open("w")
        assert how == {"compression": "zstd"}
        self._schema = schema

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write_table(self, table: dict[str, list[Any]]) -> None:
        self._file.write(json.dumps(table) + "\n")


def test_parquet_is_written_a_group_of_rows_at_a_time(tmp_path, monkeypatch):
    schemas: list[Any] = []

    def schema(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
        schemas.append(fields)
        return fields

    def table(content: dict[str, list[Any]], fields: list[tuple[str, str]]) -> dict[str, list[Any]]:
        assert [name for name, _ in fields] == list(content)
        return content

    pyarrow = SimpleNamespace(
        timestamp=lambda unit, zone: f"timestamp {unit} {zone}",
        string=lambda: "string", int64=lambda: "int64", schema=schema, table=table,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pyarrow", pyarrow)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", SimpleNamespace(ParquetWriter=Writer))
    monkeypatch.setattr("ota_stream.cli.logs_export._ROWS", 3)
    path = tmp_path / "out.parquet"
    assert to_parquet(found(), path) == 5
    tables = [json.loads(line) for line in path.read_text().splitlines()]
    assert [table["position"] for table in tables] == [[0, 1, 2], [3, 4]]
    assert dict(schemas[0]) == {
        "time": "timestamp ms UTC",
        "logStream": "string",
        "position": "int64",
        **dict.fromkeys([*PROPERTIES, "message"], "string"),
    }
