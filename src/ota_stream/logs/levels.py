"""The levels of verbosity and which entries each lets through (LC-1)."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Level(StrEnum):
    """A level as AWS IoT spells it, from nothing to everything."""

    DISABLED = "DISABLED"
    ERROR = "ERROR"
    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"


VERBOSITY: Final = MappingProxyType({level: rank for rank, level in enumerate(Level)})


def allows(configured: Level, level: Level) -> bool:
    """Tell whether an entry of `level` is written when `configured` is set.

    A level includes all that say less (LC-1). Entries of GetStream and DescribeStream are DEBUG, so they appear
    at DEBUG only (LC-2).
    """
    return 0 < VERBOSITY[level] <= VERBOSITY[configured]


def find(text: str) -> Level | None:
    """Return the level a person means, in any case (`debug` on a command line), or None."""
    return Level.__members__.get(text.upper())
