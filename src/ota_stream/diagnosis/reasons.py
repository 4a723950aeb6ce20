"""The numbers a FreeRTOS OTA agent gives for reasons, in words for a diagnosis (OA-6, OA-7)."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WORDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00: "no answer to the block requests: did blocks reach the agent, whole and in its buffer?",
        0x0C: "job document not understood: the sub-code says why (1 no job, 2 same, 3 size 0, 4 form, 5 too big)",
        0x0D: "no data protocol the device speaks: offer MQTT to an agent built for MQTT",
        0x0E: "too many block requests without an answer",
        0x0F: "the new image has a lower version than the old one: raise the version in the image",
        0x10: "the new image has the same version as the old one: raise the version in the image",
        0x11: "the job is in self test, the device is not: the new image did not come up, or lost its state",
        0x13: "aborted by the user",
        0x14: "CBOR not encoded: the request is larger than its buffer",
        0x15: "CBOR not decoded: what came was no block, or not whole",
        0x17: "a size is out of range",
        0xE0: "a block that does not fit the file: filesize of the document is not the size of the stream's file",
        0xE1: "out of memory",
        0xE3: "signature check failed: another key, another algorithm, or not the image that was signed",
        0xE4: "the file cannot be created: is there a filepath in the document, and is it writable?",
        0xE5: "the file is too large for the device",
        0xE6: "the boot information cannot be written",
        0xE7: "the device does not hold the signer's certificate: certfile of the document must be on the device",
        0xE8: "the image state is wrong",
        0xE9: "the platform cannot abort",
        0xEA: "the platform cannot reject the image",
        0xEB: "the platform cannot commit the image",
        0xEC: "the platform cannot activate the image",
        0xED: "the file cannot be given up",
        0xEE: "the file cannot be closed",
    }
)
_NUMBER: Final = re.compile(r"(?:(?:rejected|aborted): )?0x([0-9a-f]{8})(?:: 0x[0-9a-f]{8})?", re.IGNORECASE)
_TOP: Final = 24  # bits below the top byte, in which a single number carries the platform's code


def words(reason: str) -> str | None:
    """Return what a numeric reason means, None when it is none."""
    found = _NUMBER.fullmatch(reason)
    if found is None:
        return None
    number = int(found[1], 16)
    return WORDS.get(number >> _TOP or number, "a code of the device's own")
