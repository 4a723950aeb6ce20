"""Where one MQTT packet ends and the next begins. Nothing is decoded before it is whole."""

from functools import lru_cache
from typing import Final

from ota_broker.front.codec.packets import Cause, Malformed, Violation
from ota_broker.front.codec.reasons import Reason

_MORE: Final = 0x80
_LENGTH_BYTES_MAX: Final = 4  # MQTT 3.1.1, 2.2.3
_LENGTHS_MAX: Final = 4096  # lengths remembered: messages come in few sizes


def packet_at(data: bytes, start: int, size_max: int) -> tuple[int, int]:
    """Return where the body of the packet at `start` begins and ends in `data`.

    The end may lie beyond the data: then more bytes are needed. `(0, 0)` when even the length is not there yet.

    Raises:
        Violation: the length is malformed or larger than `size_max` bytes.
    """
    length = shift = 0
    position = start + 1
    while position < len(data):
        byte = data[position]
        position += 1
        length |= (byte & ~_MORE) << shift
        if byte < _MORE:
            if length > size_max:
                reason = f"packet of {length} bytes, more than {size_max}"
                raise Violation(reason, Cause.CLIENT_ERROR, Reason.PACKET_TOO_LARGE)  # Q-28, MU-7
            return position, position + length
        shift += 7
        if position - start > _LENGTH_BYTES_MAX:
            raise Malformed("remaining length of more than four bytes")
    return 0, 0


@lru_cache(_LENGTHS_MAX)
def length_bytes(length: int) -> bytes:
    """Write a remaining length, or any other variable byte integer (MQTT 5, 1.5.5)."""
    if length < _MORE:
        return bytes((length,))
    written = bytearray()
    while length >= _MORE:
        written.append(length & ~_MORE & 0xFF | _MORE)
        length >>= 7
    written.append(length)
    return bytes(written)
