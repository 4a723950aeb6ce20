"""The members of a message that is on its way to a device: read, changed and written as they were."""

import base64
from collections.abc import Callable
from typing import Any, Final

import cbor2
import msgspec
from msgspec.structs import replace

from ota_stream.answers import Reply
from ota_stream.streams import cbor_codec
from ota_stream.streams.topics import Format

Change = Callable[[dict[str, Any]], None]
"""Changes members where they are; a block's payload `p` is bytes in both formats."""

_DATA: Final = frozenset(f"data/{each}" for each in Format)


def is_block(reply: Reply) -> bool:
    """Tell whether a message carries a block."""
    _, _, levels = reply.topic.partition("/streams/")
    return levels.partition("/")[2] in _DATA


def changed(reply: Reply, change: Change) -> Reply:
    """Return a message whose members are changed; one that is no object any more is left as it is."""
    is_cbor = reply.topic.endswith(f"/{Format.CBOR}") and "/streams/" in reply.topic
    try:
        members: Any = cbor_codec.decode_members(reply.payload) if is_cbor else msgspec.json.decode(reply.payload)
        if is_block(reply) and not is_cbor:
            members["p"] = base64.b64decode(members["p"])
        change(members)
    except (ValueError, KeyError, TypeError, AttributeError, cbor2.CBORError):  # another fault was here before
        return reply
    written = cbor_codec.encode_members(members) if is_cbor else msgspec.json.encode(members)
    return reply if written == reply.payload else replace(reply, payload=written)
