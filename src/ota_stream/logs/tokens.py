"""Tokens of pages of log events: the place where a page ended, as an opaque text."""

import base64
import binascii
from typing import Final

from msgspec import DecodeError, ValidationError, json

Place = tuple[int, str, int]
"""Of an event among all of its group: timestamp, log stream, position."""

BEFORE_ALL: Final[Place] = (-1, "", -1)

_decoder: Final[json.Decoder[Place]] = json.Decoder(Place)


def build(place: Place) -> str:
    """Return the token of a place."""
    return base64.urlsafe_b64encode(json.encode(place)).decode()


def parse(token: str) -> Place | None:
    """Return the place in a token, or None when it was not made here."""
    try:
        return _decoder.decode(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, DecodeError, ValidationError):
        return None
