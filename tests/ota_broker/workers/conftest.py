"""Real engines for the tests of workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared_world import Cluster, Nats, nats, postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with postgres() as cluster:
        yield cluster


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Nats]:
    with nats(tmp_path / "nats") as server:
        yield server
