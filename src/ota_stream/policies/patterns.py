"""The patterns of policies: `*` is any number of signs, `?` is one, everything else itself (MP-5); and their variables.

A pattern is matched in time linear in the text for each `*` it has, whoever wrote it: there is no going back.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Final, cast

from msgspec import Struct

Value = Callable[[str], str | None]
"""Gives the value of a variable, or of the key of a condition: None when it has none here.

Names come as `key_of` writes them. Raises KeyError for one that cannot be known here.
"""

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_SPECIAL: Final = frozenset("*?$")  # ${*} is a star, and so on
_PATTERNS_MAX: Final = 4096


class Wild(Enum):
    """A sign of a pattern that stands for others."""

    MANY = "*"
    ONE = "?"


class Variable(Struct, frozen=True):
    """A `${name}` in a text; `name` is as `key_of` writes it."""

    name: str


Part = str | Wild | Variable


class Pattern:
    """A pattern without variables: what stands between its `*`, each a text, or its signs where some are `?` (None)."""

    __slots__ = ("_pieces",)

    def __init__(self, parts: Iterable[str | Wild]) -> None:
        self._pieces = tuple(_pieces(parts))

    def matches(self, text: str) -> bool:
        """Hold a text against the pattern."""
        first, *between = self._pieces
        if not between:
            return len(text) == len(first) and _fits(first, text, 0)
        last = between.pop()
        here, end = len(first), len(text) - len(last)
        if here > end or not _fits(first, text, 0) or not _fits(last, text, end):
            return False
        for piece in between:
            here = _find(piece, text, here, end)
            if here < 0:
                return False
            here += len(piece)
        return True


class Template:
    """A text of a policy, with its wildcards and, unless there are none to it, its variables."""

    __slots__ = ("_parts", "_pattern", "text")

    def __init__(self, text: str, *, variables: bool = True) -> None:
        self.text = text  # as it was written
        self._parts = tuple(_parts(text) if variables else _wild_parts(text))
        plain = [part for part in self._parts if not isinstance(part, Variable)]
        self._pattern = Pattern(plain) if len(plain) == len(self._parts) else None

    def pattern(self, value: Value) -> Pattern | None:
        """Return it with its variables replaced, None when one has no value. A value's `*` is a star and no more."""
        if self._pattern is not None:
            return self._pattern
        parts = self._resolved(value)
        return None if parts is None else Pattern(parts)

    def literal(self, value: Value) -> str | None:
        """Return it as a plain text with its variables replaced, None when one has no value."""
        parts = self._resolved(value)
        return None if parts is None else "".join(part if isinstance(part, str) else part.value for part in parts)

    def _resolved(self, value: Value) -> list[str | Wild] | None:
        found: list[str | Wild] = []
        for part in self._parts:
            if isinstance(part, Variable):
                try:
                    given = value(part.name)
                except KeyError:
                    given = None
                if given is None:
                    return None
                found.append(given)
            else:
                found.append(part)
        return found


def matches(pattern: str, text: str) -> bool:
    """Hold a text against a pattern without variables."""
    return _pattern(pattern).matches(text)


def key_of(name: str) -> str:
    """Return the name of a variable or key as it is compared: in small letters, but for what is in brackets."""
    head, bracket, inner = name.strip().partition("[")
    return head.lower() + bracket + inner


@lru_cache(_PATTERNS_MAX)
def _pattern(text: str) -> Pattern:
    return Pattern(_wild_parts(text))


def _parts(text: str) -> Iterator[Part]:
    for number, piece in enumerate(_VARIABLE.split(text)):  # every second piece is a name
        if number % 2 == 0:
            yield from _wild_parts(piece)
        else:
            yield piece if piece in _SPECIAL else Variable(key_of(piece))


def _wild_parts(text: str) -> Iterator[str | Wild]:
    start = 0
    for position, sign in enumerate(text):
        if sign in {"*", "?"}:
            if position > start:
                yield text[start:position]
            yield Wild(sign)
            start = position + 1
    if start < len(text):
        yield text[start:]


_Piece = str | tuple[str | None, ...]
"""What stands between two `*`: of a fixed length."""


def _pieces(parts: Iterable[str | Wild]) -> Iterator[_Piece]:
    piece: list[str | Wild] = []
    for part in parts:
        if part is Wild.MANY:
            yield _piece(piece)
            piece = []
        else:
            piece.append(part)
    yield _piece(piece)


def _piece(parts: list[str | Wild]) -> _Piece:
    if Wild.ONE not in parts:
        return "".join(cast("list[str]", parts))
    return tuple(sign for part in parts for sign in (part if isinstance(part, str) else (None,)))


def _fits(piece: _Piece, text: str, at: int) -> bool:
    if isinstance(piece, str):
        return text.startswith(piece, at)
    return all(sign is None or sign == there for sign, there in zip(piece, text[at : at + len(piece)], strict=True))


def _find(piece: _Piece, text: str, start: int, end: int) -> int:
    """Return where a piece first stands in a text, or -1."""
    if isinstance(piece, str):
        return text.find(piece, start, end)
    places = range(start, end - len(piece) + 1)
    return next((place for place in places if _fits(piece, text, place)), -1)
