"""The state survives, whatever happens between two flushes."""

import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.stores.errors import StoreError
from ota_stream.stores.sqlite import Database


class Thing(msgspec.Struct, frozen=True):
    name: str
    count: int = 0


keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
steps = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "flush", "reopen", "die"]), keys, st.integers()), max_size=25
)


@given(steps)
def test_what_was_flushed_is_there_after_any_restart(steps: list[tuple[str, str, int]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        database = Database(path)
        table, kept = database.table("things", Thing), dict[str, Thing]()
        for step, key, count in steps:
            if step == "put":
                table[key] = Thing(key, count % 1000)
            elif step == "delete":
                table.pop(key, None)
            elif step == "flush":
                database.flush()
                kept = dict(table)
            else:
                if step == "reopen":
                    database.close()
                    kept = dict(table)
                else:
                    database._connection.close()  # no last words: what was not flushed is gone
                database = Database(path)
                table = database.table("things", Thing)
                assert dict(table) == kept
        database._connection.close()


def test_kinds_do_not_mix_and_a_table_is_a_mapping(tmp_path: Path):
    database = Database(tmp_path / "state.db")
    one, two = database.table("one", Thing), database.table("two", Thing)
    one["a"] = Thing("a", 1)
    two["a"] = Thing("a", 2)
    assert database.waiting
    assert (one["a"].count, two["a"].count, len(one), "a" in one, list(one)) == (1, 2, 1, True, ["a"])
    del one["a"]
    database.close()
    database = Database(tmp_path / "state.db")
    assert dict(database.table("one", Thing)) == {}
    assert dict(database.table("two", Thing)) == {"a": Thing("a", 2)}
    assert not database.waiting
    database.flush()
    database.close()
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_a_killed_process_keeps_what_it_had_flushed(tmp_path: Path):  # R1
    program = f"""
import os, signal
from pathlib import Path
import msgspec
from ota_stream.stores.sqlite import Database
class Thing(msgspec.Struct, frozen=True):
    name: str
    count: int = 0
database = Database(Path({str(tmp_path / "state.db")!r}))
table = database.table("things", Thing)
for number in range(100):
    table[str(number)] = Thing("x", number)
    database.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    result = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert result.returncode == -signal.SIGKILL
    database = Database(tmp_path / "state.db")
    assert len(database.table("things", Thing)) == 100
    database.close()


def test_a_write_that_fails_is_told_and_waits(tmp_path: Path):  # R8, R11
    database = Database(tmp_path / "state.db")
    table = database.table("things", Thing)
    table["a"] = Thing("a")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # somebody else holds the file
    database._connection.execute("PRAGMA busy_timeout = 0")
    with pytest.raises(StoreError, match="waits in memory"):
        database.flush()
    assert database.waiting
    other.execute("ROLLBACK")
    other.close()
    database.close()
    database = Database(tmp_path / "state.db")
    assert dict(database.table("things", Thing)) == {"a": Thing("a")}
    database.close()


def test_a_file_that_is_not_ours_is_refused_and_left_as_it_was(tmp_path: Path):  # R10
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database, but long enough to look at" * 50)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(path)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused(tmp_path: Path):  # R10
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer ota-stream"):
        Database(path)


def test_a_damaged_value_is_named(tmp_path: Path):  # R10
    database = Database(tmp_path / "state.db")
    database._connection.execute("INSERT INTO state VALUES ('things', 'a', '{')")
    with pytest.raises(StoreError, match="kind things is damaged"):
        database.table("things", Thing)
    database.close()


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(tmp_path / "none" / "state.db")


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])  # FULL, NORMAL
def test_a_durable_commit_waits_for_the_disk(tmp_path: Path, durable: bool, synchronous: int):  # R3
    database = Database(tmp_path / "state.db", durable=durable)
    assert database._connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    database.close()
