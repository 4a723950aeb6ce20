"""Every way the streams service says no: code and message (docs/wire.md)."""

from enum import Enum, StrEnum

from ota_stream.errors import OtaStreamError


class RejectionCode(StrEnum):
    """The full documented list (EC-5): there is no Throttled and no FileNotFound in this API."""

    INVALID_TOPIC = "InvalidTopic"
    INVALID_JSON = "InvalidJson"
    INVALID_CBOR = "InvalidCbor"
    INVALID_REQUEST = "InvalidRequest"
    UNAUTHORIZED = "Unauthorized"
    BLOCK_SIZE = "BlockSizeOutOfBounds"
    OFFSET = "OffsetOutOfBounds"
    BLOCK_COUNT = "BlockCountLimitExceeded"
    BITMAP = "BlockBitmapLimitExceeded"
    NOT_FOUND = "ResourceNotFound"
    VERSION = "VersionMismatch"
    ETAG = "ETagMismatch"
    INTERNAL = "InternalError"


class Why(Enum):
    """Each reason with its code and its text. Texts without a source are ours (G-6)."""

    TOPIC = RejectionCode.INVALID_TOPIC, "The topic is invalid"  # ST-9
    JSON = RejectionCode.INVALID_JSON, "Invalid JSON message"  # SG-11
    CBOR = RejectionCode.INVALID_CBOR, "Invalid CBOR message"  # SG-11, text seen live
    TOKEN_TOO_LONG = RejectionCode.INVALID_REQUEST, "The client token is longer than 64 bytes"  # SG-1
    FILE_ID_MISSING = RejectionCode.INVALID_REQUEST, "The required field f is missing"  # SG-3
    BLOCK_SIZE_MISSING = RejectionCode.INVALID_REQUEST, "The required field l is missing"  # SG-4
    NOTHING_REQUESTED = RejectionCode.INVALID_REQUEST, "The request asks for no block"  # G-3, option
    OUT_OF_RANGE = (  # SB-4, text seen live
        RejectionCode.INVALID_REQUEST,
        "The data requested is out of the range of data available.",
    )
    STREAM_NOT_FOUND = RejectionCode.NOT_FOUND, "The requested stream was not found"
    FILE_NOT_FOUND = RejectionCode.NOT_FOUND, "The requested file was not found"
    UNAUTHORIZED = RejectionCode.UNAUTHORIZED, "The request is not authorized to access the stream file"
    VERSION = RejectionCode.VERSION, "The stream version does not match"  # SG-2
    ETAG = RejectionCode.ETAG, "The ETag does not match"  # SC-9
    BLOCK_SIZE = RejectionCode.BLOCK_SIZE, "The block size is out of bounds"  # SG-4, SB-7
    OFFSET = RejectionCode.OFFSET, "The offset is out of bounds"  # SG-5
    BLOCK_COUNT = RejectionCode.BLOCK_COUNT, "The block count is out of bounds"  # SG-6
    BITMAP = RejectionCode.BITMAP, "The block bitmap is out of bounds"  # SG-7
    INTERNAL = RejectionCode.INTERNAL, "Internal error"

    @property
    def code(self) -> RejectionCode:
        """The wire's error code (EC-1)."""
        return self.value[0]

    @property
    def message(self) -> str:
        """The wire's error message (EC-2)."""
        return self.value[1]


class Rejection(OtaStreamError):
    """A request is refused: the first failing check wins, one message to the device (EC-6)."""

    def __init__(self, why: Why) -> None:
        super().__init__(f"{why.code}: {why.message}")
        self.why = why
