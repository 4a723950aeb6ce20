import os
import subprocess
import sys
from pathlib import Path

import pytest

from ota_stream.stores.datadir import DataDir
from ota_stream.stores.errors import StoreError

pytestmark = pytest.mark.usefixtures("descriptors")


def test_a_new_data_directory_is_its_owners_alone(data_dir):
    old = os.umask(0)
    try:
        with DataDir(data_dir / "deep") as opened:
            assert opened.path == data_dir / "deep"
            assert opened.path.stat().st_mode & 0o777 == 0o700
            assert (opened.path / "lock").stat().st_mode & 0o777 == 0o600
            assert (opened.path / "lock").read_text() == f"{os.getpid()}\n"
    finally:
        os.umask(old)


def test_an_existing_directory_keeps_its_mode(data_dir):
    data_dir.mkdir(mode=0o755)
    with DataDir(data_dir):
        assert data_dir.stat().st_mode & 0o777 == 0o755


def test_a_second_start_is_refused_and_told_who_is_there(data_dir):  # R6
    with (
        DataDir(data_dir),
        pytest.raises(StoreError, match=f"data directory {data_dir} is in use by process {os.getpid()}: stop it"),
    ):
        DataDir(data_dir)
    DataDir(data_dir).close()


def test_closing_twice_lets_go_once(data_dir):
    opened = DataDir(data_dir)
    opened.close()
    with DataDir(data_dir):
        opened.close()
        with pytest.raises(StoreError):
            DataDir(data_dir)


def test_a_holder_that_has_not_said_who_it_is_still_holds(data_dir):
    with DataDir(data_dir):
        (data_dir / "lock").write_bytes(b"\xff\n\x1b[2J")
        with pytest.raises(StoreError, match="in use by another process"):
            DataDir(data_dir)


HOLDER = """
import sys
from pathlib import Path
from ota_stream.stores.datadir import DataDir
held = DataDir(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_holder_holds_no_more(data_dir):  # R6
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=f"in use by process {holder.pid}:"):
            DataDir(data_dir)
        holder.kill()
        holder.wait(timeout=30)
        with DataDir(data_dir):
            assert (data_dir / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_a_directory_is_told_in_one_line(tmp_path: Path, place: str):  # R7
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used: Not a directory; choose another directory") as caught:
        DataDir(tmp_path / place)
    assert "\n" not in str(caught.value)


def test_a_lock_that_cannot_be_written_is_told(data_dir):  # R7
    data_dir.mkdir()
    (data_dir / "lock").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="cannot be used"):
        DataDir(data_dir)


def test_a_lock_that_cannot_be_opened_is_told(data_dir):
    (data_dir / "lock").mkdir(parents=True)
    with pytest.raises(StoreError, match="Is a directory"):
        DataDir(data_dir)
