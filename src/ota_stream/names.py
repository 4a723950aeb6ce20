"""The names of the field and what each may contain."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, NewType

ThingName = NewType("ThingName", str)
"""Registry name of a device, 1 to 128 of `[a-zA-Z0-9:_-]`. Source: API model."""

StreamId = NewType("StreamId", str)
"""1 to 128 of `[a-zA-Z0-9_-]`. Both AWS C libraries have room for 44. Source: API model; ST-11."""

ClientId = NewType("ClientId", str)
"""MQTT identity of a connection. Often the thing name, not always: never derive one from the other."""

FileId = NewType("FileId", int)
"""Id of one file of a stream, 0 to 255."""

BlockId = NewType("BlockId", int)
"""Position of a block in its file, from 0."""

AGENT_STREAM_ID_MAX: Final = 44  # ST-11: the buffer for a stream name in the AWS C libraries

_THING_NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_STREAM_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")  # ST-11


def is_thing_name(text: str) -> bool:
    """Tell whether `text` may name a thing."""
    return _THING_NAME.fullmatch(text) is not None


def is_stream_id(text: str) -> bool:
    """Tell whether `text` may name a stream."""
    return _STREAM_ID.fullmatch(text) is not None


def guess(text: str, known: Iterable[str]) -> str:
    """Return what somebody who wrote `text` may have meant, as the end of a line; empty when nothing is like it."""
    near = get_close_matches(text[:64], list(known), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
