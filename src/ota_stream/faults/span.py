"""A range of whole numbers as people write it: `7`, `3-9`, `3-`."""

import re
from typing import Final

from msgspec import Struct

_TEXT: Final = re.compile(r"(\d{1,9})(-(\d{1,9})?)?")


class Span(Struct, frozen=True):
    """From `first` to `last`, both included; no last one is no end."""

    first: int
    last: int | None

    def __contains__(self, number: int) -> bool:
        return self.first <= number and (self.last is None or number <= self.last)

    def __str__(self) -> str:
        if self.last == self.first:
            return str(self.first)
        return f"{self.first} or more" if self.last is None else f"{self.first} to {self.last}"


def parse(text: int | str) -> Span:
    """Read a range. Raises ValueError."""
    found = _TEXT.fullmatch(str(text))
    if found is None:
        raise ValueError(f"{text!r} is no range: write 7, 3-9 or 3-")
    first = int(found[1])
    last = first if found[2] is None else None if found[3] is None else int(found[3])
    if last is not None and last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return Span(first, last)
