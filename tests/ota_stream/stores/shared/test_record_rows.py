"""Records in PostgreSQL: each once, whatever is written again."""

import asyncio

import pytest

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.postgres import Postgres
from ota_stream.stores.shared.records import KeptRecord
from shared_world import Cluster

ALL = "SELECT string_agg(source || number || part, ' ' ORDER BY source, number, part) FROM ota_records"


def record(number: int, source: str = "s", part: int = 0, entry: bytes = b'{"n":"\\u0000"}') -> KeptRecord:
    return KeptRecord(source, number, part, 1.5, entry)


async def test_a_batch_is_kept_and_one_that_comes_again_is_not_there_twice(
    database: Postgres, cluster: Cluster, address: str
):
    await database.records.put([record(1), record(2)])
    await database.records.put([record(2), record(3), record(3, part=1), record(3, source="t")])
    assert cluster.sql(ALL, address) == "s10 s20 s30 s31 t30"
    assert cluster.sql("SELECT min(at AT TIME ZONE 'UTC') || ' ' || min(entry::text) FROM ota_records", address) == (
        '1970-01-01 00:00:01.5 {"n":"\\u0000"}'
    )


async def test_two_workers_write_the_same_records_at_once(database: Postgres, cluster: Cluster, address: str):
    batches = [[record(number) for number in range(start, start + 50)] for start in (0, 25, 10, 0)]
    await asyncio.gather(*(database.records.put(batch) for batch in batches))
    assert cluster.sql("SELECT count(*), min(number), max(number) FROM ota_records", address) == "75|0|74"


async def test_a_damaged_entry_is_told_and_nothing_of_its_batch_is_kept(
    database: Postgres, cluster: Cluster, address: str
):
    with pytest.raises(StoreError, match="json"):
        await database.records.put([record(1), record(2, entry=b"{")])
    assert cluster.sql("SELECT count(*) FROM ota_records", address) == "0"


async def test_a_database_that_is_not_there_is_one_line():
    with pytest.raises(StoreError, match="the store cannot be opened"):
        await Postgres("postgresql://ota@/none?host=/nowhere").open()
