"""A device that fetches one stream file: it asks what there is, then downloads over its link to the end."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ota_device.download import Download, DownloadOptions, State
from ota_device.errors import DeviceError, LinkError
from ota_device.link import Event, Link, Message
from ota_stream.names import is_stream_id, is_thing_name
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DescribeStream, Description
from ota_stream.streams.topics import Operation, StreamTopic, build

__all__ = ["DESCRIBE_REQUESTS", "DESCRIBE_RETRY", "SLOT_SIZE", "Device", "DeviceError", "Fetched", "LinkError"]

SLOT_SIZE: Final = 24 * 1024 * 1024  # bytes of flash for an image: the largest file a stream can carry
DESCRIBE_RETRY: Final = 3.0  # seconds without a description until it is asked for again
DESCRIBE_REQUESTS: Final = 5

ProgressSeen = Callable[[int, int], None]
"""Called with bytes received so far and bytes in all: at the start, and after every message."""


class Fetched(Struct, frozen=True):
    """A file that arrived whole. `elapsed` seconds; `blocks` and `requests` are counts."""

    image: bytes
    sha256: str
    stream_version: int
    elapsed: float
    blocks: int
    requests: int
    ignored: int


class Device:
    """Simulated hardware: a thing with a link to the broker and room for one image."""

    def __init__(self, link: Link, thing: str) -> None:
        if not is_thing_name(thing):
            raise DeviceError(f"thing name {thing!r}: use 1 to 128 of a-z A-Z 0-9 : _ -")
        self._link = link
        self._thing = thing

    def fetch(
        self,
        stream_id: str,
        file_id: int = 0,
        options: DownloadOptions | None = None,
        on_progress: ProgressSeen | None = None,
    ) -> Fetched:
        """Describe a stream and download one of its files.

        The version that was described is the one that is downloaded: when the stream is updated meanwhile, the service
        refuses the next request instead of mixing two images (SG-2).

        Raises:
            DeviceError: the file cannot be had, or the connection cannot be kept (LinkError); one line.
        """
        options = options or DownloadOptions()
        if not is_stream_id(stream_id):
            raise DeviceError(f"stream id {stream_id!r}: use 1 to 128 of a-z A-Z 0-9 _ -")
        describe = build(self._thing, stream_id, Operation.DESCRIBE, options.format)
        get = build(self._thing, stream_id, Operation.GET, options.format)
        # Most agents leave out `rejected` and wait for ever (ST-8).
        self._link.subscribe(get.answer, describe.answer, get.rejected)
        began = time.monotonic()
        description = self._describe(describe, options.client_token)
        size = _size_of(file_id, stream_id, description)
        download = Download(file_id, size, replace(options, stream_version=description.stream_version))
        self._run(get, download, on_progress or _unseen)
        if download.state is State.FAILED:
            raise DeviceError(f"stream {stream_id}, file {file_id}: {download.failure}")
        image = download.image
        return Fetched(
            image=image,
            sha256=hashlib.sha256(image).hexdigest(),
            stream_version=description.stream_version,
            elapsed=time.monotonic() - began,
            blocks=download.received,
            requests=download.requests,
            ignored=download.ignored.total(),
        )

    def _describe(self, topic: StreamTopic, client_token: str | None) -> Description:
        request = CODECS[topic.format].encode_describe(DescribeStream(client_token))
        for _ in range(DESCRIBE_REQUESTS):
            self._link.publish(topic.text, request)
            until = time.monotonic() + DESCRIBE_RETRY
            while (left := until - time.monotonic()) > 0:
                event = self._link.receive(left)
                if event is Event.RECONNECTED:
                    break
                description = _description(event, topic, client_token) if isinstance(event, Message) else None
                if description is not None:
                    return description
        silence = f"no answer to {DESCRIBE_REQUESTS} DescribeStream requests in a row"
        raise DeviceError(f"stream {topic.stream_id}: {silence}: is this broker the simulator?")

    def _run(self, topic: StreamTopic, download: Download, on_progress: ProgressSeen) -> None:
        request = download.start(time.monotonic())
        while (deadline := download.deadline) is not None:
            if request is not None:
                self._link.publish(topic.text, request)
            on_progress(download.received_bytes, download.size)
            event = self._link.receive(deadline - time.monotonic())
            now = time.monotonic()
            # The deadline counts, however many useless messages keep coming.
            request = _next_request(download, topic, event, now) or download.on_time(now)
        on_progress(download.received_bytes, download.size)


def _description(message: Message, topic: StreamTopic, client_token: str | None) -> Description | None:
    """Return the description when the message is one and ours. Raises DeviceError when it is our rejection."""
    codec = CODECS[topic.format]
    try:
        if message.topic == topic.answer:
            description = codec.decode_description(message.payload)
            return description if description.client_token in {None, client_token} else None
        if message.topic != topic.rejected:
            return None
        rejected = codec.decode_rejected(message.payload)
    except ValueError:
        return None
    if rejected.client_token not in {None, client_token}:
        return None
    raise DeviceError(f"stream {topic.stream_id}: {rejected.code}: {rejected.message}")


def _size_of(file_id: int, stream_id: str, description: Description) -> int:
    sizes = {file.file_id: file.size for file in description.files}
    size = sizes.get(file_id)
    if size is None:
        there = ", ".join(map(str, sizes)) or "none"
        raise DeviceError(f"stream {stream_id} has no file {file_id}: choose one of its file ids ({there})")
    if not 0 <= size <= SLOT_SIZE:
        raise DeviceError(f"stream {stream_id}, file {file_id}: {size} bytes do not fit a slot of {SLOT_SIZE}")
    return size


def _next_request(download: Download, topic: StreamTopic, event: Message | Event, now: float) -> bytes | None:
    if event is Event.RECONNECTED:
        return download.resume(now)
    if isinstance(event, Event):
        return None
    if event.topic == topic.answer:
        return download.on_data(event.payload, now)
    if event.topic == topic.rejected:
        download.on_rejected(event.payload)
    return None


def _unseen(_received: int, _size: int) -> None:
    """Show nothing."""
