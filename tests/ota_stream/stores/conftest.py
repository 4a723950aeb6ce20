"""A clock that stands still until told, and a disk that can be made to fail."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


class StillClock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Disk:
    """Writes as `plan` says: a number of bytes, or an error; once the plan is used up, everything."""

    def __init__(self, *plan: int | OSError) -> None:
        self.plan = list(plan)
        self.writes = 0

    def write(self, fd: int, data: bytearray) -> int:
        self.writes += 1
        step = self.plan.pop(0) if self.plan else len(data)
        if isinstance(step, OSError):
            raise step
        return os.write(fd, data[:step])


@pytest.fixture(scope="session")
def disk_that() -> type[Disk]:
    """For tests that need more disks than one."""
    return Disk


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Fail the test when it leaves a descriptor open."""
    gc.collect()  # what earlier tests left to the collector is closed now, not in the middle of this test
    before = open_now()
    yield
    assert open_now() <= before


def open_now() -> int:
    return len(list(Path("/dev/fd").iterdir()))
