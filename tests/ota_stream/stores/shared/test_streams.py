"""Shared streams: two stores of one behaviour, and a catalog that follows them with images in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.images import described
from ota_stream.stores.shared.rows import SharedStream, next_version
from ota_stream.stores.shared.stores import opened
from ota_stream.stores.shared.streams import Follower, StreamStore
from ota_stream.streams.catalog import Catalog, CatalogError, ImageGone


@pytest.fixture(params=["file", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StreamStore]:
    address = str(tmp_path / "streams.json") if request.param == "file" else request.getfixturevalue("address")
    async with opened(address) as store:
        yield store


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(image_bytes(5000))
    return path


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def move(path: Path, there: Path) -> None:
    path.rename(there)


async def stream(path: Path, version: int = 1, stream_id: str = "fw") -> SharedStream:
    return SharedStream(stream_id, version, (await described(0, str(path)),), "a description")


async def test_a_store_keeps_what_is_put(store: StreamStore, firmware: Path):
    assert await store.streams() == []
    before = await store.revision()
    one, other = await stream(firmware), await stream(firmware, stream_id="other")
    await store.put(one)
    await store.put(other)
    assert await store.streams() == [one, other]
    assert await store.revision() not in {before, None}
    newer = await stream(firmware, version=2)
    await store.put(newer)
    assert sorted(await store.streams(), key=lambda found: found.stream_id) == [newer, other]
    assert await store.delete("fw")
    assert not await store.delete("fw")
    assert await store.streams() == [other]


async def test_a_catalog_follows(store: StreamStore, firmware: Path):
    said: list[str] = []
    catalog = Catalog()
    follower = Follower(store, catalog, said.append)
    await follower.follow()
    assert list(catalog) == []
    await store.put(await stream(firmware))
    await follower.follow()
    found = catalog.find("fw")
    assert found is not None
    assert found.files[0].image.read(4096, 5000) == image_bytes(5000)[4096:]
    assert (found.version, found.files[0].size, found.description) == (1, 5000, "a description")
    write(firmware, image_bytes(6000))
    await store.put(await stream(firmware, version=2))
    await follower.follow()
    newer = catalog.find("fw")
    assert newer is not None
    assert (newer.version, newer.files[0].image.read(0, 6000)) == (2, image_bytes(6000))
    await store.delete("fw")
    await follower.follow()
    assert list(catalog) == []
    assert said == []


async def test_a_file_that_is_gone_is_told_and_served_when_it_is_back(store: StreamStore, firmware: Path):
    said: list[str] = []
    catalog = Catalog()
    follower = Follower(store, catalog, said.append)
    await store.put(await stream(firmware))
    move(firmware, firmware.with_name("elsewhere"))
    await follower.follow()
    assert said == [f"stream fw: there is no file {firmware}"]
    found = catalog.find("fw")
    assert found is not None
    with pytest.raises(ImageGone):
        found.files[0].image.etag()
    write(firmware, b"something else")
    await follower.follow()
    assert said[1] == f"stream fw: {firmware} is not what it was when its stream was made"
    move(firmware.with_name("elsewhere"), firmware)
    await follower.follow()
    found = catalog.find("fw")
    assert found is not None
    assert found.files[0].image.etag() == found.files[0].etag


async def test_a_stream_that_cannot_be_is_told(store: StreamStore):
    said: list[str] = []
    await store.put(SharedStream("fw", 1, ()))
    await Follower(store, Catalog(), said.append).follow()
    assert said == ["stream fw is not served: a stream has 1 to 10 files, not 0"]


@pytest.mark.parametrize("content", [b"{", b'{"streams": [{"streamId": "s"}]}', b'{"else": 1}'])
async def test_a_damaged_file_is_one_line_with_an_example(tmp_path: Path, content: bytes):
    path = tmp_path / "streams.json"
    write(path, content)
    async with opened(str(path)) as store:
        with pytest.raises(StoreError, match="it is to be"):
            await store.streams()


async def test_files_that_cannot_be_served_are_refused(tmp_path: Path):
    empty = tmp_path / "empty"
    write(empty, b"")
    with pytest.raises(StoreError, match="is empty"):
        await described(0, str(empty))
    with pytest.raises(ImageGone):
        await described(0, str(tmp_path / "none"))
    with pytest.raises(StoreError, match="write it as s3://BUCKET/KEY"):
        await described(0, "s3://bucket")
    large = tmp_path / "large"
    write(large, bytes(24 * 1024 * 1024 + 1))
    with pytest.raises(StoreError, match="24 MiB"):
        await described(0, str(large))


def test_versions_rise():  # SC-2, SC-6
    assert (next_version("s", None), next_version("s", 1)) == (1, 2)
    with pytest.raises(CatalogError, match="all its 65535 versions"):
        next_version("s", 65_535)
    with pytest.raises(CatalogError, match="stream id 'a b'"):
        next_version("a b", None)
