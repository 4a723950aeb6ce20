"""A line of the journal taken apart and put together again: its time, its template, its client token.

Requests of one kind differ in time and client token only, so what is left of a line, its template, is kept once.
Putting the parts together gives the line byte for byte, whatever was in it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from ota_stream.logs.entries import timestamp

RAW: Final = b"\n"
"""The template of a line that has none: the whole line stands in the token's place."""

HOLE: Final = b"\n"
"""Where the token goes in a template: the one byte no line has."""

_START: Final = b'{"timestamp":"'
_SECOND: Final = slice(len(_START), len(_START) + len("2018-07-25 22:09:02"))
_MILLISECOND: Final = slice(_SECOND.stop + 1, _SECOND.stop + 4)
_END: Final = _MILLISECOND.stop
_BEFORE_TOKEN: Final = b'"clientToken":"'
_AFTER_TOKEN: Final = ord('"')
_ESCAPE: Final = b"\\"
_TEMPLATE_MAX: Final = (
    4096  # bytes; a longer line is none of ours, and would fill the memory of those who keep templates
)

Dated = tuple[int | None, bool, bytes]
"""A time in milliseconds since the epoch (None while no line has said one), whether the line says just that, and it."""


def dated(lines: Iterable[bytes], last: int | None) -> Iterator[Dated]:
    """Give each line its time; `last` is that of the line before them, None when none has said one.

    Where the clock was set back, and in a damaged line, it is that of the line before: times never fall (R12).
    """
    known, base = b"", 0
    for line in lines:
        if line[: _SECOND.stop] != known:
            milliseconds = _of_second(line)
            if milliseconds is None:
                yield last, False, line
                continue
            known, base = line[: _SECOND.stop], milliseconds
        digits = line[_MILLISECOND]
        if not digits.isdigit() or len(digits) != 3 or line[_SECOND.stop] != ord("."):  # noqa: PLR2004 - LG-7
            yield last, False, line
            continue
        time = base + int(digits)
        if last is not None and time < last:
            yield last, False, line
        else:
            last = time
            yield time, True, line


def latest(lines: list[bytes], last: int | None) -> int | None:
    """Return the time that `dated` gives the last of these lines, of which there is one at least: a fifth of its cost.

    Times as they are written sort as times do, so the greatest is it; unless it is none, of a damaged line.
    """
    ((time, own, _),) = dated([max(line[:_END] for line in lines)], None)
    if own and time is not None:
        return time if last is None else max(time, last)
    *_, (last, _, _) = dated(lines, last)
    return last


def _of_second(line: bytes) -> int | None:
    """Return the second a line says, in milliseconds, or None."""
    if not line.startswith(_START):
        return None
    try:
        text = line[_SECOND].decode("ascii")
        second = round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
        return second * 1000 if second >= 0 and timestamp(second)[:19] == text else None
    except (ValueError, OverflowError):
        return None


def split(line: bytes, *, own: bool) -> tuple[bytes, bytes | None]:
    """Return template and token of a line; `own`: it says its time itself, as `dated` told."""
    if not own or len(line) > _TEMPLATE_MAX:
        return RAW, line
    start = line.rfind(_BEFORE_TOKEN, _END) + len(_BEFORE_TOKEN)
    if start < _END:
        return line[_END:], None
    end = line.find(_AFTER_TOKEN, start)
    token = line[start:end]
    if end < 0 or _ESCAPE in token or not token.isascii():  # so that a token is the text it says
        return RAW, line
    return line[_END:start] + HOLE + line[end:], token


def join(time: int, template: bytes, token: bytes | None) -> bytes:
    """Return the line that was split."""
    if template == RAW:
        return token or b""
    rest = template if token is None else template.replace(HOLE, token, 1)
    return _start(time) + rest


@lru_cache(maxsize=16)
def _start(time: int) -> bytes:
    return _START + timestamp(time / 1000).encode()
