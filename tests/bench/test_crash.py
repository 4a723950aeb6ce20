"""SIGKILL during 200 transfers, in short: scripts/crash goes on longer. And what is looked for would be found."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crash import Broken, check_records, check_stores, run
from crash_device import Tally
from live import RawClient
from processes import serve


def test_a_simulator_that_is_killed_during_200_transfers_loses_nothing(tmp_path: Path):  # R1, R2
    seen = asyncio.run(run(tmp_path, 200, kills=2, seed=7))
    assert seen.startswith("200 devices complete in 3 lives: ")
    assert not seen.endswith("0 databases whole")


def test_a_lost_and_a_doubled_record_would_be_found(tmp_path: Path):
    firmware = tmp_path / "app.bin"
    firmware.write_bytes(b"x" * 1000)
    with serve(firmware, tmp_path / "data") as process, RawClient(process.address) as client:
        client.connect("d")
        for token in (b"one", b"two", b"two"):
            client.publish("$aws/things/d/streams/fw/get/json", b'{"f":0,"l":256,"n":1,"c":"%b"}' % token)
            client.receive()
        assert process.stop() == 0
    with pytest.raises(Broken, match="1 answered requests have no record, such as three"):
        check_records(tmp_path / "data", Tally(answered={"one", "three"}))
    with pytest.raises(Broken, match="1 requests have several records, such as two"):
        check_records(tmp_path / "data", Tally(answered={"one", "two"}))
    with pytest.raises(Broken, match="1 acknowledged updates have no record"):
        check_records(tmp_path / "data", Tally(updated={("d", 2)}))


def test_a_damaged_database_would_be_found(tmp_path: Path):
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a)")
        database.executemany("INSERT INTO t VALUES (?)", [(f"{number:0100d}",) for number in range(1000)])
        database.commit()
    assert check_stores(tmp_path) == 1
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises((Broken, sqlite3.DatabaseError)):
        check_stores(tmp_path)
