"""Firmware versions: x.y.z, the number agents report, and where an image says which one it is.

An image of a simulated device says its version with the text `OTA-VERSION:x.y.z` anywhere in its bytes. An image
without it counts as one build newer than the image that downloaded it, so any file will do for an update.
"""

import re
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

_PLAIN: Final = re.compile(r"v?(\d{1,3})\.(\d{1,3})\.(\d{1,5})")
_MARK_BEGIN: Final = b"OTA-VERSION:"
_MARK: Final = re.compile(rb"OTA-VERSION:(\d{1,3}\.\d{1,3}\.\d{1,5})")
_C_INTEGER: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}|0[0-7]{1,11}|[1-9]\d{0,9}|0")
_BYTE: Final = 0xFF
_WORD: Final = 0xFFFF


class Version(Struct, frozen=True, order=True):
    """A version: major and minor 0 to 255, build 0 to 65535, as a FreeRTOS image packs it into 32 bits."""

    major: int
    minor: int
    build: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.build}"

    @property
    def number(self) -> int:
        """The 32 bits."""
        return self.major << 24 | self.minor << 16 | self.build

    @property
    def after(self) -> "Version":
        """The next build."""
        return replace(self, build=self.build + 1 & _WORD)


def parse(text: str) -> Version | None:
    """Read x.y.z, or return None when it is no version."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    major, minor, build = (int(part) for part in found.groups())
    return Version(major, minor, build) if max(major, minor) <= _BYTE and build <= _WORD else None


def of_number(text: str) -> Version | None:
    """Read `updatedBy` of a job, or return None: it must be a C integer literal from end to end (device-agents 6.1)."""
    if not _C_INTEGER.fullmatch(text):
        return None
    octal = text[0] == "0" and text.isdecimal()
    number = int(text, 8) if octal else int(text, 0)
    if number >> 32:
        return None
    return Version(number >> 24, number >> 16 & _BYTE, number & _WORD)


def of_image(image: bytes) -> Version | None:
    """Return the version an image says it has, if it says one."""
    begin = image.find(_MARK_BEGIN)  # much faster than the pattern, and most images have none
    found = _MARK.search(image, begin) if begin >= 0 else None
    return parse(found[1].decode()) if found else None
