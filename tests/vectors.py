"""The vectors of the streams service: what a device asks, what it gets, what the log will tell.

Four runners read the table: codec, service, live broker with JSON, live broker with CBOR. What is expected is written
with `json` and `cbor2` alone, never with the codecs under test. The streams asked for are those of `images.stock`.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import cbor2

from images import content

THING: Final = "lock-0042"
FORMATS: Final = ("json", "cbor")

# Section 1.7, code and message
UNREADABLE: Final = ("unreadable", "")  # stands for the two that follow
INVALID_JSON: Final = ("InvalidJson", "Invalid JSON message")
INVALID_CBOR: Final = ("InvalidCbor", "Invalid CBOR message")
INVALID_TOPIC: Final = ("InvalidTopic", "The topic is invalid")
TOKEN: Final = ("InvalidRequest", "The client token is longer than 64 bytes")
F_MISSING: Final = ("InvalidRequest", "The required field f is missing")
L_MISSING: Final = ("InvalidRequest", "The required field l is missing")
NO_BLOCK: Final = ("InvalidRequest", "The request asks for no block")
OUT_OF_RANGE: Final = ("InvalidRequest", "The data requested is out of the range of data available.")
UNAUTHORIZED: Final = ("Unauthorized", "The request is not authorized to access the stream file")
BLOCK_SIZE: Final = ("BlockSizeOutOfBounds", "The block size is out of bounds")
OFFSET: Final = ("OffsetOutOfBounds", "The offset is out of bounds")
COUNT: Final = ("BlockCountLimitExceeded", "The block count is out of bounds")
BITMAP: Final = ("BlockBitmapLimitExceeded", "The block bitmap is out of bounds")
NO_STREAM: Final = ("ResourceNotFound", "The requested stream was not found")
NO_FILE: Final = ("ResourceNotFound", "The requested file was not found")
VERSION: Final = ("VersionMismatch", "The stream version does not match")
ETAG: Final = ("ETagMismatch", "The ETag does not match")


@dataclass(frozen=True)
class Vector:
    """One request and all that must come of it.

    `ask` is the request as fields (bytes for a bitmap) or as raw bytes; raw bytes belong to one `wire` format, and
    `reads` then says which fields they are, or is None when nobody can read them. Exactly one of `blocks` (ids),
    `described` (the fields of the answer without its token) and `refused` (code, message) is given.
    `echo` is the client token as echoed and logged. `heads` and `sizes` pin bytes and sizes of replies, by format.
    """

    name: str
    rules: str
    stream: str
    ask: Mapping[str, Any] | bytes
    blocks: tuple[int, ...] | None = None
    described: Mapping[str, Any] | None = None
    refused: tuple[str, str] | None = None
    echo: str | None = None
    wire: str | None = None
    reads: Mapping[str, Any] | None = None
    operation: str = "get"
    options: Mapping[str, Any] = field(default_factory=dict)
    qos: int = 0
    heads: Mapping[str, bytes] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    thing: str = THING

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.blocks, self.described, self.refused)) != 1:
            raise AssertionError(f"{self.name}: one outcome, please")
        if isinstance(self.ask, bytes) and self.wire is None:
            raise AssertionError(f"{self.name}: raw bytes belong to one format")


@dataclass(frozen=True)
class Expected:
    """One reply. When `exact` is false, only the members and their order are laid down, not every byte."""

    topic: str
    payload: bytes
    qos: int
    exact: bool = True


@dataclass(frozen=True)
class Case:
    """A vector in one format."""

    vector: Vector
    wire: str

    def __str__(self) -> str:
        return f"{self.vector.operation}-{self.vector.name}-{self.wire}".replace(" ", "_")

    @property
    def base(self) -> str:
        return f"$aws/things/{self.vector.thing}/streams/{self.vector.stream}"

    @property
    def topic(self) -> str:
        return f"{self.base}/{self.vector.operation}/{self.wire}"

    @property
    def fields(self) -> Mapping[str, Any] | None:
        """What the request says, or None when it cannot be read."""
        ask, reads, refused = self.vector.ask, self.vector.reads, self.vector.refused
        if refused in (UNREADABLE, INVALID_JSON, INVALID_CBOR):
            return None
        return ask if reads is None and not isinstance(ask, bytes) else reads

    @property
    def request(self) -> bytes:
        ask = self.vector.ask
        if isinstance(ask, bytes):
            return ask
        return (
            cbor2.dumps(dict(ask))
            if self.wire == "cbor"
            else json.dumps({k: _text(v) for k, v in ask.items()}).encode()
        )

    @property
    def refused(self) -> tuple[str, str] | None:
        if self.vector.refused != UNREADABLE:
            return self.vector.refused
        return INVALID_CBOR if self.wire == "cbor" else INVALID_JSON

    def block(self, block_id: int) -> bytes:
        """Return the firmware bytes of a block."""
        file_id, size = (self.fields or {})["f"], (self.fields or {})["l"]
        return content(self.vector.stream, file_id)[block_id * size : (block_id + 1) * size]

    def replies(self) -> list[Expected]:
        vector, token = self.vector, self.vector.echo
        if self.refused is not None:
            return [
                Expected(
                    f"{self.base}/rejected/{self.wire}", written_rejection(self.wire, token, self.refused), vector.qos
                )
            ]
        if vector.described is not None:
            payload = written(self.wire, _token(token) | dict(vector.described))
            # Nobody has seen a CBOR description (question 10 of the spec), so only its members are laid down
            return [Expected(f"{self.base}/description/{self.wire}", payload, vector.qos, exact=self.wire == "json")]
        file_id = (self.fields or {}).get("f", 0)
        return [
            Expected(
                f"{self.base}/data/{self.wire}", written_block(self.wire, token, file_id, i, self.block(i)), vector.qos
            )
            for i in vector.blocks or ()
        ]


def _text(value: Any) -> Any:
    return f"0x{value.hex()}" if isinstance(value, bytes) else value  # SBM-5


def _token(token: str | None) -> dict[str, Any]:
    return {} if token is None else {"c": token}


def written(wire: str, members: Mapping[str, Any]) -> bytes:
    """Write members in their order: compact JSON, or an indefinite CBOR map (SR-7)."""
    if wire == "json":
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()
    return b"\xbf" + b"".join(cbor2.dumps(key) + cbor2.dumps(value) for key, value in members.items()) + b"\xff"


def written_block(wire: str, token: str | None, file_id: int, block_id: int, payload: bytes) -> bytes:
    """Write a block: order c, f, i, l, p (SR-7 for CBOR; JSON as captured, device-agents section 4)."""
    body = base64.b64encode(payload).decode() if wire == "json" else payload
    return written(wire, _token(token) | {"f": file_id, "i": block_id, "l": len(payload), "p": body})


def written_rejection(wire: str, token: str | None, refused: tuple[str, str]) -> bytes:
    """Write a rejection: order clientToken, c, code, o, message, m (EC-4)."""
    code, message = refused
    tokens = {} if token is None else {"clientToken": token, "c": token}
    return written(wire, tokens | {"code": code, "o": code, "message": message, "m": message})


def bits(bitmap: bytes, offset: int = 0) -> tuple[int, ...]:
    """Read a bitmap by eye: write every byte's bits least significant first, count the ones (SBM-1, SBM-2)."""
    row = "".join(f"{byte:08b}"[::-1] for byte in bitmap)
    return tuple(offset + k for k, bit in enumerate(row) if bit == "1")


def _get(name: str, rules: str, stream: str, ask: Mapping[str, Any] | bytes, **outcome: Any) -> Vector:
    return Vector(name, rules, stream, ask, **outcome)


def _describe(name: str, rules: str, stream: str, ask: Mapping[str, Any] | bytes, **outcome: Any) -> Vector:
    return Vector(name, rules, stream, ask, operation="describe", **outcome)


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def _span(start: int, end: int) -> tuple[int, ...]:
    return tuple(range(start, end))


_SHORT: Final = {"f": 0, "l": 4096, "n": 1}
_SBM3: Final = {"f": 1, "l": 256, "o": 20, "n": 32}
_LIVE: Final = {"f": 7, "l": 2048, "o": 0}  # the file of the live captures: 127,762 bytes, 63 blocks
_DLA: Final = {"c": "rdy", "f": 1, "l": 2048, "o": 0}
_LAST_BIT: Final = bytes(12_287) + b"\x80"

_WRITTEN_OUT: Final = (  # vectors whose reply bytes or sizes the spec gives
    _get(
        "first vector of 1.6",
        "SR-1 SR-2 SR-3 SR-4 SR-5 SR-7 SB-1",
        "tiny",
        {"c": "rdy", "f": 0, "l": 256, "n": 1},
        blocks=(0,),
        echo="rdy",
        heads={
            "cbor": _hex("bf616363726479616600616900616c046170 4401020304ff"),
            "json": b'{"c":"rdy","f":0,"i":0,"l":4,"p":"AQIDBA=="}',
        },
        sizes={"cbor": (24,)},
    ),
    _get(
        "second vector of 1.6",
        "SR-7",
        "firmware",
        {"f": 0, "l": 1024, "n": 1},
        blocks=(0,),
        heads={"cbor": _hex("bf616600616900616c190400 6170590400")},
        sizes={"cbor": (1042,)},
    ),
    _get(
        "live JSON block",
        "SR-5 SR-6",
        "firmware",
        _SHORT,
        blocks=(0,),
        heads={"json": b'{"f":0,"i":0,"l":4096,"p":"'},
        sizes={"json": (5493,)},
    ),
    _get(
        "size of block 0",
        "SR-8",
        "lengthy",
        {"c": "rdy", "f": 0, "l": 4096, "o": 0, "n": 1},
        blocks=(0,),
        echo="rdy",
        sizes={"cbor": (4120,)},
    ),
    _get(
        "size of block 1054",
        "SR-8",
        "lengthy",
        {"c": "rdy", "f": 0, "l": 4096, "o": 1054, "n": 1},
        blocks=(1054,),
        echo="rdy",
        sizes={"cbor": (4122,)},
    ),
    _get(
        "rejection written out",
        "EC-3 EC-4 SG-11",
        "firmware",
        b"\x61",
        wire="cbor",
        refused=INVALID_CBOR,
        sizes={"cbor": (85,)},  # section 1.6 says 133 of these members; their bytes add up to 85
        heads={
            "cbor": b"\xbf\x64code\x6bInvalidCbor\x61o\x6bInvalidCbor"
            b"\x67message\x74Invalid CBOR message\x61m\x74Invalid CBOR message\xff"
        },
    ),
    _get(
        "rejection with both families",
        "EC-1 EC-2 EC-3 EC-4",
        "firmware",
        {"c": "rdy", "f": 0, "l": 4096, "o": 15, "n": 1},
        refused=OUT_OF_RANGE,
        echo="rdy",
        heads={
            "json": b'{"clientToken":"rdy","c":"rdy","code":"InvalidRequest","o":"InvalidRequest",'
            b'"message":"The data requested is out of the range of data available.",'
            b'"m":"The data requested is out of the range of data available."}',
            "cbor": b"\xbf\x6bclientToken\x63rdy\x61c\x63rdy\x64code\x6eInvalidRequest\x61o\x6eInvalidRequest",
        },
    ),
)

_CAPTURED: Final = (  # device-agents section 3, byte for byte
    _get(
        "ota34 first request",
        "CL-1 SBM-4",
        "firmware",
        _hex("a6616363726479616600616c191000616f00616242ff7f616e08"),
        wire="cbor",
        reads={"c": "rdy", "f": 0, "l": 4096, "o": 0, "b": _hex("ff7f"), "n": 8},
        blocks=_span(0, 8),
        echo="rdy",
    ),
    _get(
        "ota34 second request",
        "CL-1 SB-3 SR-3",
        "firmware",
        _hex("a6616363726479616600616c191000616f00616242007f616e08"),
        wire="cbor",
        reads={"c": "rdy", "f": 0, "l": 4096, "o": 0, "b": _hex("007f"), "n": 8},
        blocks=_span(8, 15),
        echo="rdy",
    ),
    _get(
        "ota34 after a loss",
        "CL-1 SBM-1 SBM-2",
        "firmware",
        _hex("a6616363726479616600616c191000616f00616242087f616e08"),
        wire="cbor",
        reads={"c": "rdy", "f": 0, "l": 4096, "o": 0, "b": _hex("087f"), "n": 8},
        blocks=(3, *_span(8, 15)),
        echo="rdy",
    ),
    _get(
        "file-streams JSON",
        "CL-2 SG-2",
        "firmware",
        _hex("7b2273223a20312c2266223a20302c226c223a20343039362c226f223a20302c226e223a20317d"),
        wire="json",
        reads={"s": 1, "f": 0, "l": 4096, "o": 0, "n": 1},
        blocks=(0,),
    ),
    _get(
        "file-streams JSON last block",
        "CL-2 SR-3",
        "firmware",
        b'{"s": 1,"f": 0,"l": 4096,"o": 14,"n": 1}',
        wire="json",
        reads={"s": 1, "f": 0, "l": 4096, "o": 14, "n": 1},
        blocks=(14,),
    ),
    _get(
        "file-streams JSON after an update",
        "CL-2 SC-6 SG-2",
        "updated",
        b'{"s": 1,"f": 0,"l": 4096,"o": 0,"n": 1}',
        wire="json",
        reads={"s": 1, "f": 0, "l": 4096, "o": 0, "n": 1},
        refused=VERSION,
    ),
    _get(
        "lab-agent JSON",
        "CL-2",
        "firmware",
        b'{"s": 1,"f": 0,"l": 256,"o": 234,"n": 1}',
        wire="json",
        reads={"s": 1, "f": 0, "l": 256, "o": 234, "n": 1},
        blocks=(234,),
    ),
    _get(
        "file-streams CBOR",
        "CL-3",
        "firmware",
        _hex("a6616363726479616600616c191000616f016162444d513d3d616e01"),
        wire="cbor",
        reads={"c": "rdy", "f": 0, "l": 4096, "o": 1, "b": b"MQ==", "n": 1},
        blocks=(1,),
        echo="rdy",
    ),
    _get(
        "file-streams CBOR last block",
        "CL-3 SBM-9",
        "firmware",
        _hex("a6616363726479616600616c191000616f0e6162444d513d3d616e01"),
        wire="cbor",
        reads={"c": "rdy", "f": 0, "l": 4096, "o": 14, "b": b"MQ==", "n": 1},
        blocks=(14,),
        echo="rdy",
    ),
    _get(
        "file-streams CBOR four blocks",
        "CL-3 SB-12",
        "firmware",
        _hex("a6616363726479616600616c191000616f016162444d513d3d616e04"),
        wire="cbor",
        reads={"c": "rdy", "f": 0, "l": 4096, "o": 1, "b": b"MQ==", "n": 4},
        blocks=(1, 3, 4, 7),
        echo="rdy",
    ),
    _get(
        "dla without n",
        "CL-5 SG-6",
        "firmware",
        _hex("a5616363726479616601616c190800616f00616244ffffff3f"),
        wire="cbor",
        reads={"c": "rdy", "f": 1, "l": 2048, "o": 0, "b": _hex("ffffff3f")},
        blocks=_span(0, 30),
        echo="rdy",
    ),
    _get(
        "rustot",
        "CL-4 SR-1",
        "megabyte",
        _hex("a4616600616c190100616f00616244ffffff7f"),
        wire="cbor",
        reads={"f": 0, "l": 256, "o": 0, "b": _hex("ffffff7f")},
        blocks=_span(0, 31),
    ),
    _get(
        "live bitmap as hex digits",
        "SBM-6 SB-4",
        "firmware",
        b'{"c":"rdy","f":7,"l":2048,"o":0,"b":"ffffffffffffff7f"}',
        wire="json",
        reads={**_LIVE, "c": "rdy", "b": _hex("7df7df7df7df7df7df7dfedf")},
        refused=OUT_OF_RANGE,
        echo="rdy",
    ),
    _get(
        "live bitmap as text",
        "SBM-7",
        "firmware",
        cbor2.dumps({**_LIVE, "c": "rdy", "b": "0xFFFFFFFFFFFFFF7F"}),
        wire="cbor",
        options={"bitmap_json": "base64"},
        refused=INVALID_CBOR,
        sizes={"cbor": (85,)},
    ),
)

_ROUNDS: Final = tuple(  # device-agents 3.3: 300,000 bytes take dla three rounds, 64 blocks of 2048 each (SB-6)
    _get(f"dla round {number}", "CL-5 SB-6 SG-6", "firmware", {**_DLA, "b": bitmap}, blocks=ids, echo="rdy")
    for number, bitmap, ids in (
        (1, b"\xff" * 18 + b"\x07", _span(0, 64)),
        (2, bytes(8) + b"\xff" * 10 + b"\x07", _span(64, 128)),
        (3, bytes(16) + b"\xff\xff\x07", _span(128, 147)),
    )
)

_BITMAPS: Final = (
    _get(
        "documented bitmap",
        "SBM-1 SBM-2 SBM-3 SBM-4 SBM-5",
        "firmware",
        {"c": "doc", "s": 1, **_SBM3, "b": _hex("130080")},
        blocks=(20, 21, 24, 43),
        echo="doc",
    ),
    _get(
        "rustot window",
        "CL-4 SBM-3",
        "firmware",
        {"f": 1, "l": 256, "o": 20, "b": _hex("13008000"), "n": 4},
        blocks=(20, 21, 24, 43),
    ),
    _get(
        "rustot window at an offset",
        "CL-4",
        "megabyte",
        {"f": 0, "l": 256, "o": 20, "b": _hex("ffffff7f"), "n": 31},
        blocks=_span(20, 51),
    ),
    _get(
        "live bitmap cut by n",
        "SBM-6 SBM-9",
        "firmware",
        {**_LIVE, "b": "ffffffffffffff7f", "n": 52},
        reads={**_LIVE, "b": _hex("7df7df7df7df7df7df7dfedf"), "n": 52},
        blocks=bits(_hex("7df7df7df7df7df7df7dfedf"))[:52],
    ),
    _get(
        "live bitmap in hex",
        "G-1 SBM-6 SBM-8",
        "firmware",
        {**_LIVE, "b": "ffffffffffffff7f"},
        options={"bitmap_json": "hex"},
        reads={**_LIVE, "b": _hex("ffffffffffffff7f")},
        blocks=_span(0, 63),
    ),
    _get(
        "live text bitmap, auto",
        "G-1 SBM-7 SBM-8",
        "firmware",
        {**_LIVE, "b": "0xFFFFFFFFFFFFFF7F"},
        blocks=_span(0, 63),
        reads={**_LIVE, "b": _hex("ffffffffffffff7f")},
    ),
    _get(
        "live text bitmap, hex",
        "G-1 SBM-7 SBM-8",
        "firmware",
        {**_LIVE, "b": "0xFFFFFFFFFFFFFF7F"},
        options={"bitmap_json": "hex"},
        blocks=_span(0, 63),
        reads={**_LIVE, "b": _hex("ffffffffffffff7f")},
    ),
    _get(
        "live text bitmap, base64",
        "G-1 SBM-7 SBM-8",
        "firmware",
        {**_LIVE, "b": "0xFFFFFFFFFFFFFF7F"},
        options={"bitmap_json": "base64"},
        refused=UNREADABLE,
    ),
    *(
        _get(
            f"text bitmap {text}, {option}",
            "G-1 SBM-8",
            "firmware",
            {**_SBM3, "b": text},
            options={"bitmap_json": option},
            **(
                {"refused": UNREADABLE}
                if bitmap is None
                else {"blocks": bits(_hex(bitmap), 20), "reads": {**_SBM3, "b": _hex(bitmap)}}
            ),
        )
        for option, text, bitmap in (
            ("auto", "0x130080", "130080"),
            ("auto", "0X130080", "130080"),
            ("auto", "EwCA", "130080"),
            ("auto", "EwA=", "1300"),
            ("auto", "Ew==", "13"),
            ("auto", "130080", None),  # six characters are no base64
            ("auto", "0x13008", None),  # an odd digit
            ("auto", "0x13 0080", None),
            ("auto", "0x13008g", None),
            ("auto", "0x0x13", None),
            ("auto", "EwA", None),  # no padding
            ("auto", "EwA==", None),  # too much of it
            ("auto", "EwCA=", None),
            ("auto", "EwCA==", None),
            ("auto", "Ew=A", None),
            ("auto", "-_8=", None),  # the URL's alphabet
            ("auto", "Ew CA", None),
            ("auto", "EwCA\n", None),
            ("auto", "=", None),
            ("auto", "\u0661\u0663", None),
            ("base64", "0x130080", "d31d77d34f34"),
            ("base64", "EwCA", "130080"),
            ("base64", "130080", None),
            ("base64", "0x1300", None),
            ("hex", "0x130080", "130080"),
            ("hex", "0X130080", "130080"),
            ("hex", "130080", "130080"),
            ("hex", "EwCA", None),
            ("hex", "13008", None),
            ("hex", "13 00 80", None),
            ("hex", "\u0661\u0663", None),
        )
    ),
    _get("bitmap of the wrong type", "SG-11", "firmware", {**_SBM3, "b": 19}, refused=UNREADABLE),
    _get("bitmap as a list", "SG-11", "firmware", {**_SBM3, "b": [20, 21]}, refused=UNREADABLE),
    _get("longest bitmap", "SG-7 Q-4 G-4", "largest", {"f": 0, "l": 256, "b": _LAST_BIT}, blocks=(98_303,)),
    _get(
        "longest bitmap all set",
        "SG-7 SG-8 SB-3",
        "largest",
        {"f": 0, "l": 256, "b": b"\xff" * 12_288},
        blocks=_span(0, 512),
    ),
    _get(
        "bitmap too long",
        "SG-7 Q-4 G-4",
        "largest",
        {"c": "t", "f": 0, "l": 256, "b": bytes(12_289)},
        refused=BITMAP,
        echo="t",
    ),
    _get(
        "bitmap within the option",
        "G-4",
        "largest",
        {"f": 0, "l": 256, "b": b"\x01" + bytes(12_286)},
        options={"bitmap_max": 12_287},
        blocks=(0,),
    ),
    _get(
        "bitmap beyond the option",
        "G-4",
        "largest",
        {"f": 0, "l": 256, "b": b"\x01" + bytes(12_287)},
        options={"bitmap_max": 12_287},
        refused=BITMAP,
    ),
)

_BLOCKS: Final = (
    _get("one block", "SB-1 SB-2 SB-8", "firmware", _SHORT, blocks=(0,)),
    _get("three blocks", "SB-2 SB-8", "firmware", {"f": 0, "l": 4096, "o": 4, "n": 3}, blocks=(4, 5, 6)),
    _get("last short block", "SB-1 SR-3", "firmware", {"f": 0, "l": 4096, "o": 14, "n": 1}, blocks=(14,)),
    _get("last whole block", "SB-1", "round", {"f": 0, "l": 4096, "o": 63, "n": 1}, blocks=(63,)),
    _get(
        "after the last whole block", "SB-1 SB-4", "round", {"f": 0, "l": 4096, "o": 64, "n": 1}, refused=OUT_OF_RANGE
    ),
    _get("file shorter than a block", "SB-1 SR-3", "tiny", {"f": 0, "l": 131_072, "n": 1}, blocks=(0,)),
    _get("bitmap in an order", "SB-2 SB-8", "firmware", {"f": 0, "l": 4096, "b": _hex("0140")}, blocks=(0, 14)),
    _get("bitmap at an offset", "SB-2", "firmware", {"f": 0, "l": 4096, "o": 5, "b": _hex("81")}, blocks=(5, 12)),
    _get("fewer bits than n", "SB-3", "firmware", {"f": 0, "l": 4096, "b": _hex("05"), "n": 8}, blocks=(0, 2)),
    _get("more bits than n", "SB-3", "firmware", {"f": 0, "l": 4096, "b": _hex("ff"), "n": 2}, blocks=(0, 1)),
    _get(
        "bits past the end cut off by n",
        "SBM-9",
        "firmware",
        {"f": 0, "l": 4096, "o": 14, "b": _hex("ffff"), "n": 1},
        blocks=(14,),
    ),
    _get(
        "bits past the end cut off by 128 KiB",
        "SBM-9 SB-3 SB-6",
        "round",
        {"f": 0, "l": 32_768, "o": 4, "b": _hex("ff")},
        blocks=_span(4, 8),
    ),
    _get("128 KiB of a bitmap", "SB-3 SB-6", "round", {"f": 0, "l": 32_768, "b": _hex("ff")}, blocks=_span(0, 4)),
    _get("five blocks of 32 KiB", "SB-6", "round", {"f": 0, "l": 32_768, "o": 0, "n": 5}, blocks=_span(0, 4)),
    _get("counted in full blocks", "SB-3", "firmware", {"f": 1, "l": 100_000, "o": 2, "b": _hex("03")}, blocks=(2,)),
    _get("default n", "SG-6", "lengthy", {"f": 0, "l": 4096}, blocks=_span(0, 32)),
    _get("default n rounded down", "SG-6", "lengthy", {"f": 0, "l": 3000}, blocks=_span(0, 43)),
    _get("default n of the largest block", "SG-6", "round", {"f": 0, "l": 131_072, "o": 1}, blocks=(1,)),
    _get("default n of a small file", "SG-9 SB-4", "firmware", {"f": 0, "l": 4096}, refused=OUT_OF_RANGE),
    _get(
        "n over the end",
        "SB-4",
        "firmware",
        {"c": "x", "f": 0, "l": 4096, "o": 14, "n": 2},
        refused=OUT_OF_RANGE,
        echo="x",
    ),
    _get("bit over the end", "SB-4", "firmware", {"f": 0, "l": 4096, "b": _hex("0180")}, refused=OUT_OF_RANGE),
    _get("offset over the end", "SB-5", "firmware", {"f": 0, "l": 4096, "o": 15, "n": 1}, refused=OUT_OF_RANGE),
    _get("block of an empty file", "SB-1 SB-4", "empty", {"f": 0, "l": 4096, "n": 1}, refused=OUT_OF_RANGE),
    _get(
        "truncated n",
        "G-2 SB-4",
        "firmware",
        {"f": 0, "l": 4096, "o": 14, "n": 2},
        options={"out_of_range": "truncate"},
        blocks=(14,),
    ),
    _get(
        "truncated bitmap",
        "G-2 SB-4",
        "firmware",
        {"f": 0, "l": 4096, "b": _hex("0180")},
        options={"out_of_range": "truncate"},
        blocks=(0,),
    ),
    _get(
        "truncated default n",
        "G-2 SG-9",
        "firmware",
        {"f": 0, "l": 4096},
        options={"out_of_range": "truncate"},
        blocks=_span(0, 15),
    ),
    _get(
        "nothing left to truncate",
        "G-2 SB-5",
        "firmware",
        {"f": 0, "l": 4096, "o": 15},
        options={"out_of_range": "truncate"},
        refused=OUT_OF_RANGE,
    ),
    _get("n is 0", "SB-9 SG-6", "firmware", {"c": "z", "f": 0, "l": 4096, "n": 0}, blocks=(), echo="z"),
    _get("n is 0 beyond the end", "SB-9", "firmware", {"f": 0, "l": 4096, "o": 98_304, "n": 0}, blocks=()),
    _get("empty bitmap", "SB-9", "firmware", {"f": 0, "l": 4096, "b": b""}, blocks=()),
    _get(
        "empty text bitmap",
        "SB-9 SBM-8",
        "firmware",
        {"f": 0, "l": 4096, "b": ""},
        blocks=(),
        reads={"f": 0, "l": 4096, "b": b""},
    ),
    _get("bitmap of zeros", "SB-9", "firmware", {"f": 0, "l": 4096, "b": bytes(4)}, blocks=()),
    _get(
        "n is 0, refused",
        "G-3 SB-9",
        "firmware",
        {"c": "z", "f": 0, "l": 4096, "n": 0},
        options={"empty_request": "reject"},
        refused=NO_BLOCK,
        echo="z",
    ),
    _get(
        "bitmap of zeros, refused",
        "G-3 SB-9",
        "firmware",
        {"f": 0, "l": 4096, "b": bytes(4)},
        options={"empty_request": "reject"},
        refused=NO_BLOCK,
    ),
    _get("something, not refused", "G-3", "firmware", _SHORT, options={"empty_request": "reject"}, blocks=(0,)),
)

_BOUNDS: Final = (
    _get("l 255", "SG-4 Q-1", "firmware", {"c": "t", "f": 0, "l": 255, "n": 1}, refused=BLOCK_SIZE, echo="t"),
    _get("l 256", "SG-4 Q-1", "firmware", {"f": 0, "l": 256, "n": 1}, blocks=(0,)),
    _get("l 131072", "SG-4 Q-1 SR-11 Q-2", "round", {"f": 0, "l": 131_072, "n": 1}, blocks=(0,)),
    _get("l 131073", "SG-4 SB-7 Q-1", "round", {"f": 0, "l": 131_073, "n": 1}, refused=BLOCK_SIZE),
    _get("l 0", "SG-4", "firmware", {"f": 0, "l": 0, "n": 1}, refused=BLOCK_SIZE),
    _get("l negative", "SG-4", "firmware", {"f": 0, "l": -4096, "n": 1}, refused=BLOCK_SIZE),
    _get("l of 64 bits", "SG-4", "firmware", {"f": 0, "l": 2**64 - 1, "n": 1}, refused=BLOCK_SIZE),
    _get("o 98303", "SG-5 SG-8 Q-3 Q-5", "largest", {"f": 0, "l": 256, "o": 98_303, "n": 1}, blocks=(98_303,)),
    _get("o 98304", "SG-5 SB-5 Q-3", "largest", {"f": 0, "l": 256, "o": 98_304, "n": 1}, refused=OUT_OF_RANGE),
    _get(
        "o 98305",
        "SG-5 SB-5 Q-3",
        "largest",
        {"c": "t", "f": 0, "l": 256, "o": 98_305, "n": 1},
        refused=OFFSET,
        echo="t",
    ),
    _get("o negative", "SG-5", "largest", {"f": 0, "l": 256, "o": -1, "n": 1}, refused=OFFSET),
    _get("n 98304", "SG-6 SG-8 SB-3 Q-3", "largest", {"f": 0, "l": 256, "n": 98_304}, blocks=_span(0, 512)),
    _get("n 98305", "SG-6 Q-3", "largest", {"c": "t", "f": 0, "l": 256, "n": 98_305}, refused=COUNT, echo="t"),
    _get("n negative", "SG-6", "largest", {"f": 0, "l": 256, "n": -1}, refused=COUNT),
    _get("n negative beside a bitmap", "SG-6", "largest", {"f": 0, "l": 256, "n": -1, "b": b"\x01"}, refused=COUNT),
    *(
        _get(
            f"token of {len(token.encode())} bytes, {len(token)} characters",
            "SG-1 Q-7 EC-3",
            "firmware",
            {"c": token, **_SHORT},
            **({"blocks": (0,), "echo": token} if len(token.encode()) <= 64 else {"refused": TOKEN}),
        )
        for token in (
            "x" * 64,
            "x" * 65,
            "\u00e9" * 32,
            "\u00e9" * 33,
            "\u6f22" * 21 + "a",
            "\u6f22" * 22,
            "\U0001f512" * 16,
            "\U0001f512" * 17,
        )
    ),
    *(
        _get(f"token {token!r}", "SG-1 SR-1", "firmware", {"c": token, **_SHORT}, blocks=(0,), echo=token)
        for token in (":dev1", "test", "", " ", '"\\/', "\x00\x1f\x7f", "\u2028", "tok\u00e9n")
    ),
    _get("token of a refused request", "EC-3", "firmware", {"c": "", "f": 9, "l": 4096}, refused=NO_FILE, echo=""),
    _get(
        "data within the MQTT limit, JSON",
        "G-8 SR-11",
        "round",
        {"f": 0, "l": 65_536, "n": 2},
        options={"oversized_data": "reject"},
        wire="json",
        blocks=(0, 1),
    ),
    _get(
        "data over the MQTT limit, JSON",
        "G-8 SR-11 Q-28",
        "round",
        {"c": "t", "f": 0, "l": 98_304, "n": 1},
        options={"oversized_data": "reject"},
        wire="json",
        refused=BLOCK_SIZE,
        echo="t",
    ),
    _get(
        "data within the MQTT limit, CBOR",
        "G-8 SR-11",
        "round",
        {"f": 0, "l": 131_000, "n": 1},
        options={"oversized_data": "reject"},
        wire="cbor",
        blocks=(0,),
    ),
    _get(
        "data over the MQTT limit, CBOR",
        "G-8 SR-11 Q-28",
        "round",
        {"f": 0, "l": 131_072, "n": 1},
        options={"oversized_data": "reject"},
        wire="cbor",
        refused=BLOCK_SIZE,
    ),
)

_RESOURCES: Final = (
    _get("no such stream", "EC-6", "nowhere", {"c": "t", **_SHORT}, refused=NO_STREAM, echo="t"),
    _get("stream id in another case", "ST-10", "FIRMWARE", _SHORT, refused=NO_STREAM),
    _get("stream id of 44 characters", "ST-11", "a" * 44, _SHORT, blocks=(0,)),
    _get("stream id of 128 characters", "ST-11", "Z9_-" * 32, _SHORT, blocks=(0,)),
    *(
        _get(f"file {file_id} of several", "SG-3", "firmware", {"f": file_id, "l": 256, "o": 1, "n": 1}, blocks=(1,))
        for file_id in (0, 1, 7, 255)
    ),
    *(
        _get(
            f"file {file_id} is not there",
            "SG-3",
            "firmware",
            {"c": "t", "f": file_id, "l": 256, "n": 1},
            refused=NO_FILE,
            echo="t",
        )
        for file_id in (2, 254, 256, -1, 2**40)
    ),
    _get("version given", "SG-2", "firmware", {**_SHORT, "s": 1}, blocks=(0,)),
    _get("latest version given", "SG-2 SB-11", "updated", {**_SHORT, "s": 2}, blocks=(0,)),
    _get("no version given", "SG-2 SB-11", "updated", _SHORT, blocks=(0,)),
    _get("version of yesterday", "SG-2 SC-2", "updated", {"c": "t", **_SHORT, "s": 1}, refused=VERSION, echo="t"),
    *(
        _get(f"version {version}", "SG-2", "firmware", {**_SHORT, "s": version}, refused=VERSION)
        for version in (0, 2, 65_535, 65_536, -1)
    ),
    _get("object changed", "SC-9", "changed", {"c": "t", **_SHORT}, refused=ETAG, echo="t"),
    _get("object forbidden", "EC-6", "forbidden", {"c": "t", **_SHORT}, refused=UNAUTHORIZED, echo="t"),
    _get("object gone", "EC-6", "gone", {"c": "t", **_SHORT}, refused=NO_FILE, echo="t"),
    _get("another thing", "EC-7 EC-8 ST-2", "firmware", _SHORT, blocks=(0,), thing="a:thing_nobody-registered"),
)

_FORMS: Final = (  # what is a request and what is none
    _get("no body, JSON", "EC-9", "firmware", b"", wire="json", reads={}, refused=F_MISSING),
    _get("no body, CBOR", "EC-9", "firmware", b"", wire="cbor", reads={}, refused=F_MISSING),
    _get("empty object", "SG-3", "firmware", {}, refused=F_MISSING),
    _get("no f", "SG-3", "firmware", {"c": "t", "l": 4096}, refused=F_MISSING, echo="t"),
    _get("no l", "SG-4", "firmware", {"c": "t", "f": 0}, refused=L_MISSING, echo="t"),
    _get("f is null", "SG-3", "firmware", {"f": None, "l": 4096}, refused=F_MISSING),
    _get("l is null", "SG-4", "firmware", {"f": 0, "l": None}, refused=L_MISSING),
    _get(
        "null is left out",
        "SG-1 SG-2 SG-5 SG-6 SG-7",
        "lengthy",
        {"c": None, "s": None, "f": 0, "l": 65_536, "o": None, "n": None, "b": None},
        blocks=(0, 1),
    ),
    _get(
        "documented order",
        "SG-12",
        "firmware",
        {"c": "t", "s": 1, "f": 0, "l": 4096, "o": 1, "n": 1, "b": b"\x01"},
        blocks=(1,),
        echo="t",
    ),
    _get(
        "another order",
        "SG-12",
        "firmware",
        {"b": b"\x01", "n": 1, "o": 1, "l": 4096, "f": 0, "s": 1, "c": "t"},
        blocks=(1,),
        echo="t",
    ),
    _get(
        "unknown keys",
        "SG-10 G-20",
        "firmware",
        {"x": 1, "clientToken": "u", "F": 7, **_SHORT, "zz": {"f": 9, "l": [1, {"o": None}]}, "": ""},
        blocks=(0,),
    ),
    _get(
        "unknown keys, refused",
        "G-20",
        "firmware",
        {"c": "t", **_SHORT, "x": 1},
        options={"unknown_keys": "reject"},
        refused=UNREADABLE,
    ),
    _get(
        "known keys, not refused",
        "G-20",
        "firmware",
        {"c": "t", "s": 1, "f": 0, "l": 4096, "o": 0, "n": 1, "b": b"\x01"},
        options={"unknown_keys": "reject"},
        blocks=(0,),
        echo="t",
    ),
    *(
        _get(f"{key} is {value!r}", "SG-11 EC-3", "firmware", {"c": "t", **_SHORT, key: value}, refused=UNREADABLE)
        for key, value in (
            ("c", 5),
            ("c", ["t"]),
            ("c", {}),
            ("s", "1"),
            ("f", "0"),
            ("f", 0.0),
            ("f", 0.5),
            ("f", True),
            ("l", "4096"),
            ("l", 4096.0),
            ("o", False),
            ("o", []),
            ("n", "1"),
            ("n", {"n": 1}),
            ("n", 1.5),
            ("b", True),
            ("b", 1.5),
        )
    ),
    _get("token as a byte string", "SG-11", "firmware", {"c": b"t", **_SHORT}, wire="cbor", refused=INVALID_CBOR),
    *(
        _get(f"JSON {value}", "SG-11", "firmware", value.encode(), wire="json", refused=INVALID_JSON)
        for value in (
            "null",
            "[]",
            "5",
            '"f"',
            "true",
            "[{}]",
            "{",
            "}",
            "{}{}",
            '{"f":0,}',
            "{'f':0}",
            "{f:0}",
            " ",
            "\x00",
        )
    ),
    _get(
        "documented comments",
        "EC-10",
        "firmware",
        b'{\n  "c": "t", // the token\n  "f": 0,\n  "l": 4096\n}',
        wire="json",
        refused=INVALID_JSON,
    ),
    _get(
        "blanks",
        "SG-12",
        "firmware",
        b' {\r\n\t"f" : 0 , "l" : 4096 , "n" : 1 }\n',
        wire="json",
        reads=_SHORT,
        blocks=(0,),
    ),
    _get(
        "escaped keys",
        "SG-10",
        "firmware",
        b'{"\\u0066":0,"\\u006C":4096,"n":1}',
        wire="json",
        reads=_SHORT,
        blocks=(0,),
    ),
    *(
        _get(f"CBOR {value}", "SG-11", "firmware", _hex(value), wire="cbor", refused=INVALID_CBOR)
        for value in ("f6", "80", "05", "6166", "f5", "81a0", "a1", "ff", "bf6166", "a16166", "f7")
    ),
    _get(
        "JSON on the CBOR topic", "ST-6 SG-11", "firmware", b'{"f":0,"l":4096,"n":1}', wire="cbor", refused=INVALID_CBOR
    ),
    _get("CBOR on the JSON topic", "ST-6 SG-11", "firmware", cbor2.dumps(_SHORT), wire="json", refused=INVALID_JSON),
    _get(
        "indefinite map",
        "SG-11",
        "firmware",
        _hex("bf 6166 00 616c 191000 616e 01 ff"),
        wire="cbor",
        reads=_SHORT,
        blocks=(0,),
    ),
    _get(
        "wide integers",
        "SG-11",
        "firmware",
        _hex("a3 6166 1b0000000000000000 616c 1a00001000 616e 190001"),
        wire="cbor",
        reads=_SHORT,
        blocks=(0,),
    ),
    _get(
        "bitmap in pieces",
        "SBM-4",
        "firmware",
        _hex("a3 6166 00 616c 191000 6162 5f 4101 4140 ff"),
        wire="cbor",
        reads={"f": 0, "l": 4096, "b": _hex("0140")},
        blocks=(0, 14),
    ),
    _get(
        "trailing bytes", "SG-11", "firmware", cbor2.dumps(_SHORT) + b"\x00\xff", wire="cbor", reads=_SHORT, blocks=(0,)
    ),
)

_QOS: Final = (
    _get(
        "data at QoS 1",
        "G-7 SR-9",
        "firmware",
        {"f": 0, "l": 4096, "n": 2},
        options={"stream_qos": 1},
        qos=1,
        blocks=(0, 1),
    ),
    _get("rejection at QoS 1", "G-7 SR-9", "nowhere", _SHORT, options={"stream_qos": 1}, qos=1, refused=NO_STREAM),
    _describe(
        "description at QoS 1",
        "G-7 SR-9",
        "updated",
        {},
        options={"stream_qos": 1},
        qos=1,
        described={"s": 2, "r": [{"f": 0, "z": 5000}]},
    ),
)

_ONE_FILE: Final = {"s": 1, "r": [{"f": 0, "z": 5000}]}
_MANY_FILES: Final = {
    "s": 1,
    "r": [{"f": 0, "z": 60_000}, {"f": 1, "z": 300_000}, {"f": 7, "z": 127_762}, {"f": 255, "z": 300}],
}
_DESCRIPTIONS: Final = (
    _describe(
        "stream with one file",
        "SD-4 SD-6 ST-4 SD-8 SD-9",
        "changed",
        {},
        described=_ONE_FILE,
        heads={"json": b'{"s":1,"r":[{"f":0,"z":5000}]}'},
    ),
    _describe("token echoed", "SD-3 SD-7", "firmware", {"c": "t"}, described=_MANY_FILES, echo="t"),
    _describe("version after an update", "SD-4", "updated", {}, described={"s": 2, "r": [{"f": 0, "z": 5000}]}),
    _describe(
        "description given",
        "SD-5 SD-7",
        "described",
        {"c": "t"},
        echo="t",
        described={"s": 1, "d": "Door lock 1.2.3", "r": [{"f": 0, "z": 5000}, {"f": 1, "z": 60_000}, {"f": 2, "z": 1}]},
    ),
    _describe(
        "description in many scripts",
        "SD-5",
        "multilingual",
        {},
        described={"s": 1, "d": 'T\u00fcrschlo\u00df "1" \\ \u6f22\u5b57 \U0001f512', "r": [{"f": 0, "z": 5000}]},
    ),
    _describe("empty file described", "SD-6", "empty", {}, described={"s": 1, "r": [{"f": 0, "z": 0}]}),
    _describe(
        "largest file described", "SD-6 Q-5", "largest", {}, described={"s": 1, "r": [{"f": 0, "z": 25_165_824}]}
    ),
    _describe("object gone, described from the catalog", "SC-9", "gone", {}, described=_ONE_FILE),
    _describe("no body, JSON", "EC-9", "changed", b"", wire="json", reads={}, described=_ONE_FILE),
    _describe("no body, CBOR", "EC-9", "changed", b"", wire="cbor", reads={}, described=_ONE_FILE),
    _describe("token is null", "SD-1", "changed", {"c": None}, described=_ONE_FILE),
    _describe("empty token", "SD-3", "changed", {"c": ""}, described=_ONE_FILE, echo=""),
    _describe("token of 64 bytes", "SD-1", "changed", {"c": "\u00e9" * 32}, described=_ONE_FILE, echo="\u00e9" * 32),
    _describe("token of 65 bytes", "SD-1 EC-3", "changed", {"c": "\u00e9" * 32 + "x"}, refused=TOKEN),
    _describe(
        "anything else",
        "SD-2",
        "changed",
        {"f": "zero", "l": -1, "x": {"c": "u"}, "c": "t"},
        described=_ONE_FILE,
        echo="t",
    ),
    _describe(
        "anything else, refused",
        "G-20",
        "changed",
        {"c": "t", "f": 0},
        options={"unknown_keys": "reject"},
        refused=UNREADABLE,
    ),
    _describe(
        "nothing else, not refused",
        "G-20",
        "changed",
        {"c": "t"},
        options={"unknown_keys": "reject"},
        described=_ONE_FILE,
        echo="t",
    ),
    _describe("token is a number", "SG-11 EC-3", "changed", {"c": 5}, refused=UNREADABLE),
    _describe("no such stream", "ST-5 EC-3", "nowhere", {"c": "t"}, refused=NO_STREAM, echo="t"),
    _describe("token before stream", "EC-6", "nowhere", {"c": "x" * 65}, refused=TOKEN),
    _describe("unreadable before stream", "EC-6", "nowhere", {"c": []}, refused=UNREADABLE),
    _describe("JSON array", "SG-11", "changed", b"[]", wire="json", refused=INVALID_JSON),
    _describe("CBOR array", "SG-11", "changed", b"\x80", wire="cbor", refused=INVALID_CBOR),
    _describe(
        "JSON on the CBOR topic",
        "ST-5 ST-6",
        "changed",
        b"{}",
        wire="cbor",
        refused=INVALID_CBOR,
        sizes={"cbor": (85,)},
    ),
)

# EC-6: each fault alone is refused as stated; of two at once the one higher up wins.
# "" is the stream, None takes a key away.
_FAULTS: Final[tuple[tuple[str, Mapping[str, Any], tuple[str, str]], ...]] = (
    ("unreadable", {"o": "zero"}, UNREADABLE),
    ("token", {"c": "x" * 65}, TOKEN),
    ("no f", {"f": None}, F_MISSING),
    ("no l", {"l": None}, L_MISSING),
    ("no stream", {"": "nowhere"}, NO_STREAM),
    ("version", {"s": 9}, VERSION),
    ("no file", {"f": 9}, NO_FILE),
    ("block size", {"l": 255}, BLOCK_SIZE),
    ("offset", {"o": 98_305}, OFFSET),
    ("count", {"n": 98_305}, COUNT),
    ("bitmap", {"b": bytes(12_289)}, BITMAP),
    ("range by offset", {"o": 50}, OUT_OF_RANGE),
    ("range by bitmap", {"b": bytes(7) + b"\x01"}, OUT_OF_RANGE),
    ("gone", {"": "gone"}, NO_FILE),
    ("forbidden", {"": "forbidden"}, UNAUTHORIZED),
    ("changed", {"": "changed"}, ETAG),
)


def _faulty(*faults: tuple[str, Mapping[str, Any], tuple[str, str]]) -> Vector:
    ask: dict[str, Any] = {"": "updated", "c": "t", "f": 0, "l": 4096, "o": 0, "n": 1}
    for _, change, _ in faults:
        ask |= change
    stream = ask.pop("")
    first = faults[0][2]
    name = " before ".join(name for name, _, _ in faults) if len(faults) > 1 else f"{faults[0][0]} alone"
    return _get(
        name,
        "EC-6",
        stream,
        {k: v for k, v in ask.items() if v is not None},
        refused=first,
        echo=None if first in (UNREADABLE, TOKEN) else "t",
    )


def _order() -> Iterator[Vector]:
    for fault in _FAULTS:
        yield _faulty(fault)
    for pair in combinations(_FAULTS, 2):
        if not pair[0][1].keys() & pair[1][1].keys():  # two faults of one field cannot be at once
            yield _faulty(*pair)


VECTORS: Final[tuple[Vector, ...]] = (
    *_WRITTEN_OUT,
    *_CAPTURED,
    *_ROUNDS,
    *_BITMAPS,
    *_BLOCKS,
    *_BOUNDS,
    *_RESOURCES,
    *_FORMS,
    *_QOS,
    *_DESCRIPTIONS,
    *_order(),
)
CASES: Final = tuple(Case(vector, wire) for vector in VECTORS for wire in FORMATS if vector.wire in (None, wire))


@dataclass(frozen=True)
class Stray:
    """A publish under `$aws` that is no request of the streams service (ST-9, ST-10).

    `rejected` is where InvalidTopic goes, None when nobody can be told; `operation` is set when the record can name
    one. With `ours` false the topic is not under `/streams/` at all: another service's business.
    """

    name: str
    topic: str
    rejected: str | None = None
    operation: str | None = None
    ours: bool = True

    def replies(self) -> list[Expected]:
        if self.rejected is None:
            return []
        return [Expected(self.rejected, written_rejection("json", None, INVALID_TOPIC), 0)]


_BASE: Final = f"$aws/things/{THING}/streams/firmware"
_REJECTED: Final = f"{_BASE}/rejected/json"
STRAYS: Final = (
    Stray("unknown format", f"{_BASE}/get/xml", _REJECTED, "get"),
    Stray("unknown format of describe", f"{_BASE}/describe/xml", _REJECTED, "describe"),
    Stray("format in capitals", f"{_BASE}/get/JSON", _REJECTED, "get"),
    Stray("no format", f"{_BASE}/get", _REJECTED, "get"),
    Stray("empty format", f"{_BASE}/get/", _REJECTED, "get"),
    Stray("a level too many", f"{_BASE}/get/json/x", _REJECTED, "get"),
    Stray("an empty level too many", f"{_BASE}/get/json/", _REJECTED, "get"),
    Stray("operation in capitals", f"{_BASE}/GET/json", _REJECTED),
    Stray("unknown operation", f"{_BASE}/put/json", _REJECTED),
    Stray("no operation", _BASE, _REJECTED),
    Stray("empty operation", f"{_BASE}//json", _REJECTED),
    *(
        Stray(f"the service's own {tail}", f"{_BASE}/{tail}/json", _REJECTED)
        for tail in ("data", "description", "rejected")
    ),
    Stray("no stream level", f"$aws/things/{THING}/streams"),
    Stray("empty stream id", f"$aws/things/{THING}/streams//get/cbor"),
    Stray(
        "stream id of 129 characters",
        f"$aws/things/{THING}/streams/{'s' * 129}/get/json",
        f"$aws/things/{THING}/streams/{'s' * 129}/rejected/json",
        "get",
    ),
    Stray(
        "stream id with a dot",
        f"$aws/things/{THING}/streams/a.b/get/json",
        f"$aws/things/{THING}/streams/a.b/rejected/json",
        "get",
    ),
    Stray(
        "stream id in another script",
        f"$aws/things/{THING}/streams/\u6f22/get/json",
        f"$aws/things/{THING}/streams/\u6f22/rejected/json",
        "get",
    ),
    Stray("empty thing", "$aws/things//streams/firmware/get/json"),
    Stray("thing of 129 characters", f"$aws/things/{'t' * 129}/streams/firmware/get/json"),
    Stray("thing with a blank", "$aws/things/a b/streams/firmware/get/json"),
    Stray("streams in capitals", f"$aws/things/{THING}/Streams/firmware/get/json", ours=False),
    Stray("things in capitals", f"$aws/Things/{THING}/streams/firmware/get/json", ours=False),
    Stray("$AWS in capitals", f"$AWS/things/{THING}/streams/firmware/get/json", ours=False),
    Stray("without a dollar", f"aws/things/{THING}/streams/firmware/get/json", ours=False),
    Stray("shadow", f"$aws/things/{THING}/shadow/get", ours=False),
    Stray("a thing alone", f"$aws/things/{THING}", ours=False),
    Stray("a thing and a slash", f"$aws/things/{THING}/", ours=False),
    Stray("no thing", "$aws/things/", ours=False),
    Stray("ordinary topic", "sensors/temperature", ours=False),
    Stray("empty topic", "", ours=False),
)
