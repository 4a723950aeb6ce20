"""A thing that downloads one file of a stream, once or again and again, and checks every byte by its hash."""

from functools import cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from ota_device.download import Download, DownloadOptions, State
from ota_device.fleet.shelf import BlockStore, Shelf
from ota_device.fleet.tally import Stage
from ota_device.fleet.thing import Verdict
from ota_device.fleet.traits import Fault
from ota_stream.streams import blocks
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DataBlock, DescribeStream
from ota_stream.streams.topics import Format

if TYPE_CHECKING:
    from ota_device.fleet.thing import Thing

DESCRIBE_RETRY: Final = 3.0  # seconds
DESCRIBE_REQUESTS: Final = 5
IMAGE_MAX: Final = 24 * 1024 * 1024  # bytes: the largest file a stream can carry
WRONG_BYTES: Final = "the image has the wrong hash"


class Errand(Struct):
    """Which file, its SHA-256 in hexadecimal, and until when (monotonic seconds) to do it again.

    Without a hash the first image sets it: then all things have to agree.
    """

    stream_id: str
    file_id: int = 0
    sha256: str | None = None
    again_until: float = 0.0


class SharedDownload(Download):
    """A `Download` whose blocks go to a store of shared ones."""

    received: int
    received_bytes: int

    def __init__(self, file_id: int, size: int, options: DownloadOptions, store: BlockStore, shelf: Shelf) -> None:
        super().__init__(file_id, size, options)
        self._read = shelf.reading(self._read)
        self._store = store

    def _keep(self, block: DataBlock) -> None:
        self._store.put(block.block_id, block.payload)
        self._missing ^= 1 << block.block_id
        self.received += 1
        self.received_bytes += len(block.payload)


class StreamWork:
    """What one thing does for an errand."""

    __slots__ = ("_began", "_deadline", "_described", "_download", "_errand", "_store", "_thing", "reboots",
                 "verdict")  # fmt: skip

    def __init__(self, thing: "Thing", errand: Errand) -> None:
        self.verdict: Verdict | None = None
        self.reboots = False
        self._thing = thing
        self._errand = errand
        self._download: SharedDownload | None = None
        self._store: BlockStore | None = None
        self._described = 0  # how often that was asked
        self._deadline: float | None = None
        self._began = 0.0

    @property
    def deadline(self) -> float | None:
        """When `on_time` is due."""
        return self._deadline if self._download is None else self._download.deadline

    def start(self, now: float) -> None:
        """Subscribe; ask what there is, or for what is missing."""
        wire_format = self._thing.traits.download.format
        self._thing.subscribe({f"{self._base}{kind}/{wire_format}": 0 for kind in _HEARD})
        if self._download is None:
            self._describe(now)
        else:
            self._ask(self._download.resume(now), now)

    def on_message(self, topic: bytes, payload: bytes, now: float) -> None:
        """Take a block, a description or a rejection."""
        data, description, rejected = _tails(self._errand.stream_id, self._thing.traits.download.format)
        if topic.endswith(data):
            if self._download is not None:
                self._on_data(self._download, payload, now)
        elif topic.endswith(rejected):
            self._on_rejected(payload)
        elif topic.endswith(description) and self._download is None:
            self._on_description(payload, now)

    def on_acknowledged(self, packet_id: int, now: float) -> None:
        """Nothing is sent with QoS 1."""

    def on_time(self, now: float) -> None:
        """Ask again when it is time."""
        if self._download is not None:
            self._ask(self._download.on_time(now), now)
        elif self._deadline is not None and now >= self._deadline:
            self._describe(now)

    def lose_power(self) -> None:
        """There is no flash: the next attempt begins with the first block."""
        self._forget()

    def hang_up(self) -> None:
        """There is no connection of its own."""

    @property
    def _base(self) -> str:
        return f"$aws/things/{self._thing.name}/streams/{self._errand.stream_id}/"

    def _describe(self, now: float) -> None:
        if self._described == DESCRIBE_REQUESTS:
            self._fail("no answer to DescribeStream")
            return
        self._described += 1
        options = self._thing.traits.download
        self._deadline = now + min(DESCRIBE_RETRY, options.retry_after)
        request = CODECS[options.format].encode_describe(DescribeStream(options.client_token))
        self._thing.request(f"{self._base}describe/{options.format}", request, now)

    def _on_description(self, payload: bytes, now: float) -> None:
        options, errand = self._thing.traits.download, self._errand
        try:
            described = CODECS[options.format].decode_description(payload)
        except ValueError:
            return
        size = next((file.size for file in described.files if file.file_id == errand.file_id), None)
        if size is None or not 0 <= size <= IMAGE_MAX:
            self._fail(f"the stream has no file {errand.file_id}" if size is None else f"a file of {size} bytes")
            return
        self._begin(size, _of_version(options, described.stream_version), now)

    def _begin(self, size: int, options: DownloadOptions, now: float) -> None:
        shelf = self._thing.site.shelf
        self._store = BlockStore(blocks.total(size, options.block_size), shelf)
        self._download = SharedDownload(self._errand.file_id, size, options, self._store, shelf)
        self._began = now
        self._thing.enter(Stage.DOWNLOADING)
        self._ask(self._download.start(now), now)

    def _on_data(self, download: SharedDownload, payload: bytes, now: float) -> None:
        before = download.received_bytes
        request = download.on_data(payload, now)
        size = download.received_bytes - before
        if size:
            self._thing.count_block(size, now)
        self._ask(request, now)

    def _on_rejected(self, payload: bytes) -> None:
        download = self._download
        options = self._thing.traits.download
        if download is not None:
            download.on_rejected(payload)
            if download.failure is not None:
                self._fail(str(download.failure))
            return
        try:
            rejected = CODECS[options.format].decode_rejected(payload)
        except ValueError:
            return
        if rejected.client_token in {None, options.client_token}:
            self._fail(f"{rejected.code}: {rejected.message}")

    def _ask(self, request: bytes | None, now: float) -> None:
        """Send a request, or see that the download is at its end."""
        download = self._download
        if request is not None:
            self._thing.request(f"{self._base}get/{self._thing.traits.download.format}", request, now)
        elif download is not None and download.state is not State.FETCHING:
            self._over(download, now)

    def _over(self, download: SharedDownload, now: float) -> None:
        if download.state is State.FAILED or self._store is None:
            self._fail(str(download.failure))
            return
        if self._hash(self._store) != self._expected(self._store):
            self._fail(WRONG_BYTES)
            return
        tally = self._thing.site.tally
        tally.verified += 1
        tally.images += 1
        tally.image_time.add(now - self._began)
        self._thing.enter(Stage.VERIFIED)
        if now < self._errand.again_until:
            self._forget()
            self._describe(now)
        else:
            self.verdict = Verdict(succeeded=True)

    def _hash(self, store: BlockStore) -> str:
        found = store.sha256()
        if self._thing.fault is Fault.FLASH:
            return f"not {found}"
        return found

    def _expected(self, store: BlockStore) -> str:
        if self._errand.sha256 is None:
            self._errand.sha256 = store.sha256()
        return self._errand.sha256

    def _forget(self) -> None:
        self._download = self._store = None
        self._described = 0

    def _fail(self, reason: str) -> None:
        self.verdict = Verdict(succeeded=False, reason=reason)


_HEARD: Final = ("data", "description", "rejected")


@cache
def _tails(stream_id: str, wire_format: Format) -> tuple[bytes, ...]:
    """Return how the topics of the three kinds of answers end."""
    return tuple(f"/streams/{stream_id}/{kind}/{wire_format}".encode() for kind in _HEARD)


@cache
def _of_version(options: DownloadOptions, stream_version: int) -> DownloadOptions:
    """Return the options for the version that was described: one object for all things of a class."""
    return replace(options, stream_version=stream_version)
