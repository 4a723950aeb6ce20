"""The bytes a Range header asks for (RFC 9110, section 14): one range of bytes, as the HTTP agents send it."""

import re
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and end of what is asked for, or None for the whole (no header, or one to be ignored).

    Raises:
        ValueError: the range lies outside a file of `size` bytes (416).
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None  # not a range at all: ignored
    if start >= size or start == end:
        raise ValueError(f"bytes {header} of {size}")
    return start, end
