"""Rows of a log that are none: another file in their place, a newer program's, a writer killed in the making."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ota_stream.logs import groups
from ota_stream.logs.events import LogEvent, Wanted
from ota_stream.stores import log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.log_events import FOREVER, StoredEvents


def read(data_dir: Path) -> list[LogEvent]:
    return list(StoredEvents(data_dir).read(groups.REAL, Wanted(0, FOREVER)))


def test_rows_that_cannot_be_read_are_told_and_left_alone(data_dir):  # R10
    folder = log_streams.folder(data_dir, groups.REAL)
    folder.mkdir(parents=True)
    path = folder / "events.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"events\.db cannot be read: file is not a database"):
        read(data_dir)
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="written by a newer ota-stream"):
        read(data_dir)
    path.write_bytes(b"")  # its writer is just making it
    assert read(data_dir) == []


DIES_IN_THE_MAKING = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # so that the file is written before it is committed
connection.execute("CREATE TABLE unfinished (bytes)")
connection.execute("BEGIN")
for _ in range(50):
    connection.execute("INSERT INTO unfinished VALUES (randomblob(1000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_rows_whose_writer_was_killed_while_it_made_them_are_none_yet(data_dir):  # R2
    folder = log_streams.folder(data_dir, groups.REAL)
    folder.mkdir(parents=True)
    path = folder / "events.db"
    made = subprocess.run([sys.executable, "-c", DIES_IN_THE_MAKING, path], check=False)
    assert made.returncode == -signal.SIGKILL
    assert path.with_name("events.db-journal").is_file()
    assert read(data_dir) == []
