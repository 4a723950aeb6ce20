"""Watches the served firmware files: a changed one is refused with the spec's error, and said aloud once."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from ota_stream.stores.files import FirmwareFile
from ota_stream.streams.catalog import ImageError

log: Final = logging.getLogger("ota_broker")


class FirmwareWatch:
    """Looks at each file at every tick: one system call. Reading and hashing happen on another thread (R26)."""

    def __init__(self, images: Iterable[FirmwareFile]) -> None:
        self._images = tuple(images)
        self._reading: dict[FirmwareFile, asyncio.Future[None]] = {}

    def tick(self) -> None:
        """Start reading what looks different."""
        for image in self._images:
            reading = self._reading.get(image)
            if (reading is None or reading.done()) and image.changed():
                self._reading[image] = asyncio.get_running_loop().run_in_executor(None, _reread, image)

    async def close(self) -> None:
        """Wait for what is being read."""
        await asyncio.gather(*self._reading.values())


def _reread(image: FirmwareFile) -> None:
    before = _state(image)
    image.reread()
    after = _state(image)
    if after != before:
        log.warning("firmware: %s %s", image.path, after)


def _state(image: FirmwareFile) -> str:
    try:
        same = image.etag() == image.sha256
    except ImageError as error:
        return f"is not served any more: {error}"
    return (
        "is as it was: requests are answered"
        if same
        else (
            "has changed: requests are refused with ETagMismatch until it is as it was; restart to serve the new image"
        )
    )
