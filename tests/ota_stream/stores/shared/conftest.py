"""A PostgreSQL cluster for the tests of this folder."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ota_stream.stores.shared.postgres import Postgres
from shared_world import Cluster, postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with postgres() as cluster:
        yield cluster


@pytest.fixture
def address(cluster: Cluster) -> str:
    return cluster.database()


@pytest.fixture
async def database(address: str) -> AsyncIterator[Postgres]:
    database = Postgres(address)
    await database.open()
    yield database
    await database.close()
