"""The streams that workers share: rows in a store, and in each worker a catalog that follows them."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.images import Images, MissingImage
from ota_stream.stores.shared.rows import SharedStream
from ota_stream.streams.catalog import Catalog, CatalogError, Stream, StreamFile

FOLLOW_EVERY: Final = 1.0  # seconds between two looks at the store


class StreamStore(Protocol):
    """Where streams are kept. Every method may raise StoreError."""

    async def revision(self) -> object:
        """Return something that is another after every change; cheap."""
        ...

    async def streams(self) -> list[SharedStream]:
        """Return all streams."""
        ...

    async def put(self, stream: SharedStream) -> None:
        """Keep a stream, new or in place of the one with its id."""
        ...

    async def delete(self, stream_id: str) -> bool:
        """Forget a stream; tell whether there was one."""
        ...


class Follower:
    """Keeps a catalog as the store has it. `say` is told of a stream that cannot be served as it should."""

    def __init__(self, store: StreamStore, catalog: Catalog, say: Callable[[str], None]) -> None:
        self._store = store
        self._catalog = catalog
        self._images = Images()
        self._say = say
        self._revision: object = None
        self._shown: dict[str, SharedStream] = {}

    async def follow(self) -> None:
        """Look once. Raises StoreError."""
        revision = await self._store.revision()
        if revision == self._revision:
            return
        kept = {stream.stream_id: stream for stream in await self._store.streams()}
        for stream_id in {stream.stream_id for stream in self._catalog} - kept.keys():
            self._catalog.delete(stream_id)
            self._shown.pop(stream_id, None)
        for stream in kept.values():
            if self._shown.get(stream.stream_id) != stream:
                await self._show(stream)
        self._images.keep_only({file.sha256 for stream in kept.values() for file in stream.files})
        self._revision = revision if self._shown == kept else None  # what is missing may come: look again

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_EVERY)
            try:
                await self.follow()
            except StoreError as error:
                self._say(str(error))

    async def _show(self, stream: SharedStream) -> None:
        self._shown.pop(stream.stream_id, None)
        found = [await self._images.load(file) for file in stream.files]
        files = {
            file.file_id: StreamFile(file.file_id, image, file.size, file.sha256)
            for file, image in zip(stream.files, found, strict=True)
        }
        try:
            self._catalog.keep(Stream(stream.stream_id, stream.version, files, stream.description))
        except CatalogError as error:
            self._say(f"stream {stream.stream_id} is not served: {error}")
            return
        missing = [image for image in found if isinstance(image, MissingImage)]
        for image in missing:
            self._say(f"stream {stream.stream_id}: {image.why}")
        if not missing:
            self._shown[stream.stream_id] = stream
