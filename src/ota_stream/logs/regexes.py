"""Regular expressions written by a reader of logs: bounded in size, and in the time they may take on one text."""

import re
from collections.abc import Callable
from typing import Final, Protocol, cast

import regex  # type: ignore[import-untyped,unused-ignore]

from ota_stream.errors import ControlError

SECONDS_MAX: Final = 0.05  # on one text; a sane expression takes microseconds on a log event
REPEATS_MAX: Final = 100_000  # items the library would lay out for all `{n}` of an expression

_REPEAT: Final = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")


class Match(Protocol):
    """What was found."""

    def groups(self) -> tuple[str | None, ...]:
        """Return the texts of the groups."""
        ...

    def groupdict(self) -> dict[str, str | None]:
        """Return the texts of the named groups."""
        ...


class _Compiled(Protocol):
    groups: int
    groupindex: dict[str, int]

    def search(self, string: str, *, timeout: float) -> Match | None: ...


_Compile = Callable[[str], _Compiled]

# The library is not annotated: here, and only here, it is said what it takes and gives.
_compile: Final = cast("_Compile", regex.compile)  # pyright: ignore[reportUnknownMemberType]
_ERROR: Final = cast("type[Exception]", regex.error)


class BadRegex(Exception):
    """An expression that cannot be used: why, and how many characters into it."""

    def __init__(self, why: str, position: int = 0) -> None:
        super().__init__(why)
        self.position = position


class Regex:
    """A compiled expression. Raises BadRegex."""

    def __init__(self, text: str) -> None:
        _check_size(text)
        try:
            self._compiled = _compile(text)
        except _ERROR as error:
            raise BadRegex(str(getattr(error, "msg", error)), int(getattr(error, "pos", None) or 0)) from None
        except (RecursionError, OverflowError, MemoryError, ValueError):
            raise BadRegex("it is too large") from None
        self._text = text
        self.group_count: Final = self._compiled.groups
        self.names: Final = tuple(self._compiled.groupindex)

    def find(self, text: str) -> Match | None:
        """Return the first match in a text, or None.

        Raises:
            ControlError: InvalidParameterException, it takes too long on this text.
        """
        try:
            return self._compiled.search(text, timeout=SECONDS_MAX)
        except TimeoutError:
            raise ControlError(
                "InvalidParameterException", 400, f"The regular expression {self._text} takes too long: make it simpler"
            ) from None


def _check_size(text: str) -> None:
    # Nested repeats multiply, and the library lays them out; side by side they only add, but need not be told apart.
    size = 1
    for found in _REPEAT.finditer(text):
        times = max(1, int((found[2] or found[1])[:9]))
        size = size * times if "(" in text else size + times
        if size > REPEATS_MAX:
            raise BadRegex("it repeats too much", found.start())
