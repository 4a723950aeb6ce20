"""Chance that a seed fixes: it depends on what is drawn for and on nothing else, so no order of events changes it."""

from hashlib import blake2b
from typing import Final

_BYTES: Final = 8
_WHOLE: Final = float(1 << 8 * _BYTES)


def drawn(seed: int, *subject: object) -> float:
    """Return a number from 0 up to 1, always the same for the same seed and subject."""
    text = "\0".join(map(repr, (seed, *subject))).encode()
    return int.from_bytes(blake2b(text, digest_size=_BYTES).digest(), "big") / _WHOLE
