"""What the bytes of an image say: their hash, the version, and whether the image crashes or connects."""

import hashlib
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from ota_device import versions
from ota_device.versions import Version

CRASH: Final = b"OTA-SELF-TEST:crash"  # an image of a simulated device that crashes as it starts has this text in it
OFFLINE: Final = b"OTA-SELF-TEST:offline"  # ... that cannot connect, this
IMAGE_MIN: Final = 2  # bytes; nothing shorter could be a program


class Findings(Struct, frozen=True):
    """What was found. `sha256` in hexadecimal; `version` only if the image says one; `starts` unless it crashes.

    `connects` unless it runs without a connection.
    """

    sha256: str
    version: Version | None
    starts: bool
    connects: bool


Inspect = Callable[[bytes], Findings]


def inspect(image: bytes) -> Findings:
    """Read an image from end to end."""
    starts = len(image) >= IMAGE_MIN and CRASH not in image
    return Findings(hashlib.sha256(image).hexdigest(), versions.of_image(image), starts, OFFLINE not in image)
