import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ota_stream.logs.events import Wanted
from ota_stream.stores import journal as journal_module
from ota_stream.stores import log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents

GROUP, ACCOUNT = "AWSIotLogsV2", "123456789012"
FULL = OSError(errno.ENOSPC, "No space left on device")
pytestmark = pytest.mark.usefixtures("descriptors")


@pytest.fixture
def journal(data_dir, clock, disk):
    journal = Journal(data_dir, GROUP, ACCOUNT, clock, rotate_at=100, buffer_max=1000, write=disk.write)
    yield journal
    journal.close()


def lines(data_dir: Path) -> list[bytes]:
    return [event.message.encode() for event in StoredEvents(data_dir).read(GROUP, Wanted(start=0, end=FOREVER))]


def files(data_dir: Path) -> list[Path]:
    return sorted(log_streams.folder(data_dir, GROUP).iterdir())


def test_a_flushed_line_is_in_the_file_and_an_appended_one_is_not(journal, data_dir):  # R2
    journal.append(b"one")
    assert (lines(data_dir), journal.waiting) == ([], 4)
    journal.flush()
    assert (lines(data_dir), journal.waiting) == ([b"one"], 0)
    assert files(data_dir)[0].read_bytes() == b"one\n"


def test_a_batch_is_one_write(journal, disk):
    for number in range(20):
        journal.append(b"%d" % number)
    journal.flush()
    journal.flush()
    assert disk.writes == 1


def test_a_short_write_is_completed_at_once(journal, disk, data_dir):
    disk.plan = [1, 3]
    journal.append(b"one")
    journal.append(b"two")
    journal.flush()
    assert lines(data_dir) == [b"one", b"two"]


def test_only_the_owner_may_look(clock, data_dir):
    old = os.umask(0)
    try:
        journal = Journal(data_dir, GROUP, ACCOUNT, clock)
    finally:
        os.umask(old)
    journal.append(b"x")
    journal.close()
    assert [path.stat().st_mode & 0o777 for path in (data_dir, data_dir / "logs", data_dir / "logs" / GROUP)] == [
        0o700,
        0o700,
        0o700,
    ]
    assert files(data_dir)[0].stat().st_mode & 0o777 == 0o600


def test_a_new_log_stream_begins_at_the_named_size(journal, data_dir):  # LG-5
    for number in range(10):
        journal.append(b"%d" % number * 60)
        journal.flush()
    assert len(files(data_dir)) == 5
    assert lines(data_dir) == [b"%d" % number * 60 for number in range(10)]


def test_a_start_never_writes_to_an_old_file(clock, data_dir):  # R4, LG-5
    for word in (b"first", b"second"):
        journal = Journal(data_dir, GROUP, ACCOUNT, clock)
        journal.append(word)
        journal.close()
    assert [path.read_bytes() for path in files(data_dir)] == [b"first\n", b"second\n"]


def test_order_survives_a_clock_that_jumps_back_a_day(journal, clock, data_dir):  # R12
    for number in range(6):
        journal.append(b"%d" % number * 101)
        journal.flush()
        clock.now -= 86_400
    assert lines(data_dir) == [b"%d" % number * 101 for number in range(6)]


def test_a_log_stream_nobody_wrote_to_leaves_no_trace(clock, data_dir):  # LG-4
    journal = Journal(data_dir, GROUP, ACCOUNT, clock)
    journal.close()
    journal.close()
    assert files(data_dir) == []


def test_what_waits_is_written_at_close_and_nothing_after_it(clock, data_dir):
    journal = Journal(data_dir, GROUP, ACCOUNT, clock)
    journal.append(b"last")
    journal.close()
    assert lines(data_dir) == [b"last"]
    journal.append(b"too late")
    with pytest.raises(StoreError, match="it is closed"):
        journal.flush()


# Disks that fail


@pytest.mark.parametrize("failing", range(8))
@pytest.mark.parametrize("written", [0, 1, 5, 6, 20])
def test_when_the_nth_write_fails_readers_see_the_state_before_or_after(journal, disk, data_dir, failing, written):
    # R8, R11
    disk.plan = [1000] * failing + ([written] if written else []) + [FULL, FULL]
    expected = [b"%04d" % number for number in range(16)]
    for start in range(0, 16, 2):
        for line in expected[start : start + 2]:
            journal.append(line)
        with suppress(StoreError):
            journal.flush()
        seen = lines(data_dir)
        assert seen == expected[: len(seen)]
    disk.plan = []
    journal.flush()
    assert lines(data_dir) == expected
    assert (journal.waiting, journal.lost) == (0, 0)


def test_a_real_full_disk_costs_nothing_once_there_is_room(clock, data_dir):  # R8
    journal = Journal(data_dir, GROUP, ACCOUNT, clock)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
    try:
        for number in range(20):
            journal.append(b"%07d" % number)
        with pytest.raises(StoreError, match="110 bytes wait in memory, 0 records are lost: make room"):
            journal.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(lines(data_dir)) == 6  # and two bytes of the seventh, which nobody sees
    journal.close()
    assert lines(data_dir) == [b"%07d" % number for number in range(20)]


def test_a_disk_that_takes_nothing_is_no_endless_loop(journal, disk):
    disk.plan = [0]
    journal.append(b"x")
    with pytest.raises(StoreError, match="nothing was written"):
        journal.flush()


def test_memory_is_bounded_and_what_does_not_fit_is_counted(journal, disk, data_dir):  # R8
    disk.plan = [FULL] * 1000
    for number in range(250):
        journal.append(b"%04d" % number)
    assert (journal.waiting, journal.lost) == (1000, 50)
    disk.plan = []
    journal.append(b"late")
    journal.flush()
    assert lines(data_dir) == [*(b"%04d" % number for number in range(200)), b"late"]
    assert journal.lost == 50


def test_a_batch_larger_than_the_bound_is_written_in_parts(journal, data_dir):
    for number in range(500):
        journal.append(b"%04d" % number)
    journal.flush()
    assert (len(lines(data_dir)), journal.lost) == (500, 0)


def test_a_line_larger_than_the_bound_is_lost(journal, data_dir):
    journal.append(b"x" * 1000)
    journal.flush()
    assert (lines(data_dir), journal.lost) == ([], 1)


def test_close_tells_what_could_not_be_written(clock, data_dir, disk):
    journal = Journal(data_dir, GROUP, ACCOUNT, clock, write=disk.write)
    journal.append(b"one")
    journal.flush()
    journal.append(b"two")
    disk.plan = [1, FULL]
    with pytest.raises(StoreError, match="3 bytes wait"):
        journal.close()
    assert lines(data_dir) == [b"one"]
    assert not journal.unsynced


def test_without_room_for_a_new_file_the_old_one_takes_on(journal, data_dir, monkeypatch):
    journal.append(b"x" * 101)
    journal.flush()
    real = os.open

    def no_descriptors(path, flags, *rest):
        if flags & os.O_EXCL:
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_descriptors)
        journal.append(b"y")
        journal.flush()
    assert len(files(data_dir)) == 1
    journal.append(b"z")
    journal.flush()
    assert len(files(data_dir)) == 2
    assert lines(data_dir) == [b"x" * 101, b"y", b"z"]


def test_a_log_removed_by_hand_begins_anew(journal, data_dir):
    journal.append(b"one")
    journal.flush()
    for path in files(data_dir):
        path.unlink()
    log_streams.folder(data_dir, GROUP).rmdir()
    journal.append(b"into nothing")
    journal.flush()
    journal.sync()
    journal.append(b"two")
    journal.flush()
    journal.sync()
    assert lines(data_dir) == [b"two"]


@pytest.mark.parametrize("blocked", ["logs", "logs/AWSIotLogsV2"])
def test_a_place_that_cannot_be_used_is_told_at_the_start(data_dir, clock, blocked):  # R7
    (data_dir / blocked).parent.mkdir(parents=True)
    (data_dir / blocked).touch()
    with pytest.raises(StoreError, match="no log stream can be made in") as caught:
        Journal(data_dir, GROUP, ACCOUNT, clock)
    assert "\n" not in str(caught.value)


# Power loss and kill


def test_sync_does_something_only_after_a_flush(journal, monkeypatch):  # R3
    synced = []
    real = journal_module._sync_data
    monkeypatch.setattr(journal_module, "_sync_data", lambda fd: (synced.append(fd), real(fd)))
    journal.sync()
    journal.append(b"one")
    journal.sync()
    assert (synced, journal.unsynced) == ([], False)
    journal.flush()
    assert journal.unsynced
    journal.sync()
    journal.sync()
    assert (len(synced), journal.unsynced) == (1, False)


def test_files_that_are_full_are_synced_too(journal, monkeypatch):  # R3
    synced = []
    monkeypatch.setattr(journal_module, "_sync_data", lambda fd: synced.append(os.fstat(fd).st_ino))
    for _ in range(3):
        journal.append(b"x" * 100)
        journal.flush()
    journal.sync()
    assert len(set(synced)) == 3


def test_a_sync_that_fails_is_told_and_tried_again(journal, monkeypatch):  # R11
    journal.append(b"one")
    journal.flush()

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "_sync_data", broken)
        with pytest.raises(StoreError, match="may not survive a power loss: Input/output error"):
            journal.sync()
    assert journal.unsynced
    journal.sync()
    assert not journal.unsynced


def test_a_sync_that_comes_after_close_does_nothing(journal):
    journal.append(b"one")
    journal.flush()
    journal._unsynced = True  # as a thread sees it that was overtaken by close
    journal.close()
    journal._unsynced = True
    journal.sync()


def test_sync_on_another_thread_disturbs_nothing(journal, data_dir):
    done = threading.Event()
    failures: list[BaseException] = []

    def syncing() -> None:
        while not done.is_set():
            try:
                journal.sync()
            except BaseException as error:  # noqa: BLE001 - the test asks for any
                failures.append(error)
                return

    thread = threading.Thread(target=syncing)
    thread.start()
    for number in range(300):
        journal.append(b"%050d" % number)
        journal.flush()
    done.set()
    thread.join()
    assert failures == []
    assert lines(data_dir) == [b"%050d" % number for number in range(300)]


KILLED = """
import os, signal, sys
from pathlib import Path
from ota_stream.stores.journal import Journal

class Clock:
    wall = monotonic = lambda self: 1.8e9

journal = Journal(Path(sys.argv[1]), "AWSIotLogsV2", "123456789012", Clock(), rotate_at=5000)
for number in range(1000):
    journal.append(b"%d" % number)
    if number % 7 == 0 or number == 999:
        journal.flush()
journal.append(b"never flushed")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_has_kept_every_flushed_line(data_dir):  # R2
    killed = subprocess.run([sys.executable, "-c", KILLED, data_dir], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert lines(data_dir) == [b"%d" % number for number in range(1000)]
