"""The fields that all MQTT packets are made of (OASIS standards, 1.5): strict reading, plain writing.

A variable byte integer is written by `framing.length_bytes`: a remaining length is one.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from ota_broker.front import limits
from ota_broker.front.codec.packets import Malformed, PacketType, TooMany

FLAGS_OF_REQUESTS: Final = 0x02  # SUBSCRIBE, UNSUBSCRIBE, PUBREL: 2.2.2 (MQTT 5: 2.1.3)

_MORE: Final = 0x80
_VARIABLE_BYTES_MAX: Final = 4  # 1.5.5
_TOPICS_MAX: Final = 16_384  # topics remembered as they are written: the blocks of a stream have one each device


class Reader:
    """Reads fields of one body; never past its end. Every method raises Malformed."""

    __slots__ = ("_data", "_end", "position")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data = data
        self._end = end
        self.position = start

    def take(self, count: int) -> bytes:
        """Read so many bytes."""
        start, self.position = self.position, self.position + count
        if self.position > self._end:
            raise Malformed("a field is longer than its packet")
        return self._data[start : self.position]

    def rest(self) -> bytes:
        """Read all that is left."""
        return self.take(self._end - self.position)

    def number(self, count: int) -> int:
        """Read an integer of so many bytes."""
        return int.from_bytes(self.take(count), "big")

    def variable(self) -> int:
        """Read a variable byte integer, 0 to 268,435,455, in as few bytes as it needs (MQTT 5, 1.5.5)."""
        if self.position < self._end and (byte := self._data[self.position]) < _MORE:  # as nearly all are
            self.position += 1
            return byte
        number = shift = 0
        while True:
            byte = self.number(1)
            number |= (byte & ~_MORE) << shift
            shift += 7
            if byte < _MORE:
                if not byte and shift > 7:  # noqa: PLR2004 - bits in a byte
                    raise Malformed("a number written with more bytes than it needs")
                return number
            if shift >= 7 * _VARIABLE_BYTES_MAX:
                raise Malformed("a number of more than four bytes")

    def binary(self) -> bytes:
        """Read bytes after their length."""
        return self.take(self.number(2))

    def text(self) -> str:
        """Read a UTF-8 string after its length."""
        return text_of(self.binary())

    def part(self, size: int) -> "Reader":
        """Return a reader of the next bytes, and step over them."""
        start = self.position
        self.take(size)
        return Reader(self._data, start, self.position)

    def more(self) -> bool:
        """Tell whether anything is left."""
        return self.position < self._end

    def end(self) -> None:
        """Raise if anything is left."""
        if self.more():
            raise Malformed("bytes after the last field")


def request(kind: PacketType, flags: int, data: bytes, start: int, end: int) -> tuple[Reader, int]:
    """Read the packet id that a SUBSCRIBE or UNSUBSCRIBE begins with, and return what reads on. Raises Malformed."""
    if flags != FLAGS_OF_REQUESTS:
        raise Malformed(f"{kind.name} with flags {flags} in its first byte")
    reader = Reader(data, start, end)
    packet_id = reader.number(2)
    if not packet_id:
        raise Malformed(f"{kind.name} with packet id 0")
    return reader, packet_id


def check_count(filters: Collection[object]) -> None:
    """Raise TooMany when a SUBSCRIBE or UNSUBSCRIBE has as many filters as are read, and one more comes."""
    if len(filters) >= limits.REQUEST_FILTERS_MAX:
        raise TooMany(f"more than {limits.REQUEST_FILTERS_MAX} filters in one packet")


def text_of(raw: bytes) -> str:
    """Read UTF-8 as 1.5.3 (MQTT 5: 1.5.4) allows it. Raises Malformed."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None
    if "\0" in text:
        raise Malformed("text with a NUL character")
    return text


def binary(data: bytes) -> bytes:
    """Write bytes after their length."""
    return len(data).to_bytes(2, "big") + data


def text(string: str) -> bytes:
    """Write a UTF-8 string after its length."""
    return binary(string.encode())


@lru_cache(_TOPICS_MAX)
def topic(name: str) -> bytes:
    """Write the topic of a message, as `text` does."""
    return text(name)
