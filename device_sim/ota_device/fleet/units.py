"""Numbers with units, as people write them: `30s`, `500/s`, `256 KiB/s`, `2%`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

Read = Callable[[str | float], float]
"""Reads a text, or a number in the base unit. Raises ValueError with what is allowed."""

_SECONDS: Final = MappingProxyType({"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0})
_BYTES: Final = MappingProxyType(
    {"B": 1.0, "kB": 1e3, "MB": 1e6, "KiB": 1024.0, "MiB": 1024.0**2, "bit": 1 / 8, "kbit": 1e3 / 8, "Mbit": 1e6 / 8}
)
_PER: Final = MappingProxyType({"s": 1.0, "m": 1 / 60, "h": 1 / 3600, "d": 1 / 86_400})
_WRITTEN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([^\s\d].*)?", re.ASCII)
_LARGEST: Final = 1e12

SECONDS: Final = r"^\d+(\.\d+)?\s*(us|ms|s|m|h|d)$"
BYTES_PER_SECOND: Final = r"^\d+(\.\d+)?\s*(B|kB|MB|KiB|MiB|bit|kbit|Mbit)/s$"
RATE: Final = r"^\d+(\.\d+)?\s*/(s|m|h|d)$"
SHARE: Final = r"^\d+(\.\d+)?\s*%$"


def seconds(given: str | float) -> float:
    """Read a time in seconds: 0.5, `500ms`, `2m`."""
    return _read(given, _SECONDS, "a time like 500ms, 30s, 10m or 2h")


def bandwidth(given: str | float) -> float:
    """Read bytes a second: 4096, `32 KiB/s`, `250 kbit/s`."""
    return _read(
        given, {f"{unit}/s": factor for unit, factor in _BYTES.items()}, "a bandwidth like 32 KiB/s or 1 Mbit/s"
    )


def rate(given: str | float) -> float:
    """Read a number a second: 500, `500/s`, `30/m`, `2/d`."""
    return _read(given, {f"/{unit}": factor for unit, factor in _PER.items()}, "a rate like 500/s, 30/m or 2/h")


def share(given: str | float) -> float:
    """Read a part of the whole, 0 to 1: 0.02, `2%`."""
    part = _read(given, {"%": 0.01}, "a share like 2% or 0.02")
    if part > 1:
        raise ValueError(f"{given!r} is more than all: write a share like 2% or 0.02")
    return part


def _read(given: str | float, factors: Mapping[str, float], like: str) -> float:
    if isinstance(given, str):
        found = _WRITTEN.fullmatch(given.strip())
        factor = 1.0 if found is None or found[2] is None else factors.get(found[2].strip())
        value = None if found is None or factor is None else float(found[1]) * factor
    else:
        value = float(given)
    if value is None or not 0 <= value <= _LARGEST:
        raise ValueError(f"{given!r} is none: write {like}")
    return value
