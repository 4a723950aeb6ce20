"""One stream file on its way to a device: blocks wanted, next request, deadlines, done or failed.

It knows no socket, no clock and no dice: messages and the time (monotonic seconds) come in, requests go out.
"""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

from msgspec import Struct

from ota_device.plan import PLANS, Mode, Plan, all_of
from ota_stream.streams import blocks
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DataBlock, GetStream, RejectedStream
from ota_stream.streams.topics import Format

REQUESTS_MAX: Final = 1024  # different requests for a file that are remembered: in a fleet most things ask the same
_FILES_MAX: Final = 16  # ... and of so many files

_Message = TypeVar("_Message", DataBlock, RejectedStream)


class State(StrEnum):
    """How far a download is."""

    FETCHING = "fetching"
    DONE = "done"
    FAILED = "failed"


class Event(StrEnum):
    """What can end a download."""

    COMPLETE = "complete"  # the last missing block arrived
    REJECTED = "rejected"  # the service refused a request
    UNANSWERED = "unanswered"  # too many requests in a row brought no new block


TRANSITIONS: Final = MappingProxyType(
    {
        (State.FETCHING, Event.COMPLETE): State.DONE,
        (State.FETCHING, Event.REJECTED): State.FAILED,
        (State.FETCHING, Event.UNANSWERED): State.FAILED,
    }
)
"""Every step there is. An end stays the end: what comes after it is counted as late."""


class Ignored(StrEnum):
    """Why a message did not count. None of these is an error: a network may do all of this."""

    GARBAGE = "not a message of this API"
    OTHER_TOKEN = "answers another client token"  # noqa: S105 - not a secret
    OTHER_FILE = "a block of another file"
    NO_SUCH_BLOCK = "a block the file does not have"
    WRONG_SIZE = "a block that is too short or too long for its place"
    DUPLICATE = "a block that is already here"
    LATE = "after the end"


class Failure(Struct, frozen=True):
    """Why a download failed. `code` is the service's, or None when the service stayed silent."""

    code: str | None
    message: str

    def __str__(self) -> str:
        return self.message if self.code is None else f"{self.code}: {self.message}"


class DownloadOptions(Struct, frozen=True):
    """How a device asks. The defaults are those of the FreeRTOS OTA agent (4096-byte blocks, 8 a request, 10 s, 32).

    `block_size` bytes, `block_count` blocks a request, `retry_after` seconds without a new block until the request is
    repeated, `unanswered_max` requests in a row. Only sizes no program could work with are refused here: the other
    limits are the service's to judge.
    """

    mode: Mode = Mode.BITMAP
    format: Format = Format.CBOR
    block_size: int = 4096
    block_count: int = 8
    client_token: str | None = None
    stream_version: int | None = None
    retry_after: float = 10.0
    unanswered_max: int = 32

    def __post_init__(self) -> None:
        if min(self.block_size, self.block_count, self.unanswered_max) < 1 or self.retry_after <= 0:
            raise ValueError("block size, number of blocks, retry time and number of requests are above zero")


class Manner(Struct, frozen=True):
    """How a program plans and writes block requests, and reads a block. `read` raises ValueError."""

    plan: Callable[[int, int, int, int], Plan]
    write: Callable[[GetStream], bytes]
    read: Callable[[bytes], DataBlock]


class Download:
    """A file of `size` bytes, put together from blocks that may come lost, twice, late or in any order.

    `start`, `resume`, `on_data` and `on_time` return the GetStream payload to publish, or None. Without a `manner` it
    asks as the options say.
    """

    def __init__(
        self, file_id: int, size: int, options: DownloadOptions | None = None, manner: Manner | None = None
    ) -> None:
        self.file_id = file_id
        self.size = size
        self.state = State.FETCHING
        self.failure: Failure | None = None
        self.deadline: float | None = None  # when to call on_time
        self.requests = 0
        self.ignored: Counter[Ignored] = Counter()
        self.useless: Ignored | None = None  # why the last message did not count, if it did not
        self._options = options = options or DownloadOptions()
        self._codec = codec = CODECS[options.format]
        manner = manner or Manner(PLANS[options.mode], codec.encode_get, codec.decode_block)
        self._read = manner.read
        self.total = blocks.total(size, options.block_size)
        self._request = _requests(manner, options, file_id, self.total)
        self.received = 0  # blocks
        self.received_bytes = 0
        self._image: bytearray | None = None  # from the first block on: a slot or a shelf may have it instead
        self._missing = all_of(self.total)
        self._awaited = 0  # of the last request, a bit a block: a set would take more room than the rest
        self._unanswered = 0

    @property
    def image(self) -> bytes:
        """The file. Blocks that are still missing are zeros."""
        return bytes(self.size if self._image is None else self._image)

    def start(self, now: float) -> bytes | None:
        """Return the first request."""
        return self._ask(now)

    def resume(self, now: float) -> bytes | None:
        """Return the request for what is missing, at once: the connection was lost and what was under way with it."""
        return self._ask(now)

    def on_time(self, now: float) -> bytes | None:
        """Return the request again when its deadline has passed."""
        if self.deadline is None or now < self.deadline:
            return None
        return self._ask(now)

    def on_data(self, payload: bytes, now: float) -> bytes | None:
        """Take a message of the data topic; return the next request when it was the last block of its batch."""
        block = self._take(self._read, payload)
        if block is None:
            return None
        fault = self._fault(block)
        if fault is not None:
            self._ignore(fault)
            return None
        self._keep(block)
        self._unanswered = 0
        self.deadline = now + self._options.retry_after
        if not self._missing:
            self._end(Event.COMPLETE)
            return None
        # Only a new block gets here, so a duplicate never asks for more: that is what prevents request storms.
        if not self._awaited >> block.block_id & 1:
            return None
        self._awaited ^= 1 << block.block_id
        return None if self._awaited else self._ask(now)

    def on_rejected(self, payload: bytes) -> None:
        """Take a message of the rejected topic. The service would refuse the same request again: this is the end."""
        rejected = self._take(self._codec.decode_rejected, payload)
        if rejected is not None:
            self._end(Event.REJECTED, Failure(rejected.code, rejected.message))

    def _ask(self, now: float) -> bytes | None:
        if self.state is not State.FETCHING:
            return None
        if not self._missing:  # an empty file
            self._end(Event.COMPLETE)
            return None
        options = self._options
        if self._unanswered == options.unanswered_max:
            self._end(Event.UNANSWERED, Failure(None, f"no answer to {self._unanswered} requests in a row"))
            return None
        payload, self._awaited = self._request(self._missing)
        self._unanswered += 1
        self.requests += 1
        self.deadline = now + options.retry_after
        return payload

    def _take(self, decode: Callable[[bytes], _Message], payload: bytes) -> _Message | None:
        self.useless = None
        if self.state is not State.FETCHING:
            self._ignore(Ignored.LATE)
            return None
        try:
            message = decode(payload)
        except ValueError:
            self._ignore(Ignored.GARBAGE)
            return None
        # Another token: somebody else asks in this thing's name, perhaps for blocks of another size.
        # None is no sign of that: a rejection may have lost the token (EC-3).
        token = message.client_token
        if token is not None and token != self._options.client_token:
            self._ignore(Ignored.OTHER_TOKEN)
            return None
        return message

    def _ignore(self, why: Ignored) -> None:
        self.ignored[why] += 1
        self.useless = why

    def _fault(self, block: DataBlock) -> Ignored | None:
        if block.file_id != self.file_id:
            return Ignored.OTHER_FILE
        block_id, size = block.block_id, self._options.block_size
        if not 0 <= block_id < self.total:
            return Ignored.NO_SUCH_BLOCK
        if block_id == self.total - 1:
            size = self.size - block_id * size
        if len(block.payload) != size:  # SB-1: only the last block may be short, and by how much is known
            return Ignored.WRONG_SIZE
        return None if self._missing >> block_id & 1 else Ignored.DUPLICATE

    def _keep(self, block: DataBlock) -> None:
        if self._image is None:
            self._image = bytearray(self.size)
        start, end = blocks.span(block.block_id, self._options.block_size, self.size)
        self._image[start:end] = block.payload
        self._missing ^= 1 << block.block_id
        self.received += 1
        self.received_bytes += len(block.payload)

    def _end(self, event: Event, failure: Failure | None = None) -> None:
        self.state = TRANSITIONS[self.state, event]
        self.failure = failure
        self.deadline = None


@lru_cache(maxsize=_FILES_MAX)
def _requests(manner: Manner, options: DownloadOptions, file_id: int, total: int) -> Callable[[int], tuple[bytes, int]]:
    """Return what gives the request for missing blocks, and the blocks its answer can bring, a bit each."""

    @lru_cache(maxsize=REQUESTS_MAX)
    def request(missing: int) -> tuple[bytes, int]:
        planned = manner.plan(missing, total, options.block_count, options.block_size)
        asked = GetStream(
            client_token=options.client_token,
            stream_version=options.stream_version,
            file_id=file_id,
            block_size=options.block_size,
            block_offset=planned.block_offset,
            block_count=planned.block_count,
            bitmap=planned.bitmap,
        )
        return manner.write(asked), sum(1 << block_id for block_id in planned.awaited)

    return request
