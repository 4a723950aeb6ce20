"""The decisions nobody documents, as named options. The defaults are the proposals of the fact sheet."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ota_stream.streams import quotas


class StreamOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How the streams service reads what AWS leaves open. docs/wire.md explains each row."""

    bitmap_json: Literal["auto", "base64", "hex"] = "auto"  # G-1, SBM-8
    out_of_range: Literal["reject", "truncate"] = "reject"  # G-2, SB-4
    empty_request: Literal["accept", "reject"] = "accept"  # G-3, SB-9
    bitmap_max: Annotated[int, Meta(ge=0)] = quotas.BITMAP_MAX  # G-4
    stream_qos: Literal[0, 1] = 0  # G-7, SR-9
    oversized_data: Literal["send", "reject"] = "send"  # G-8, SR-11
    files_per_stream: Annotated[int, Meta(ge=1)] = quotas.FILES_PER_STREAM  # G-15
    streams_max: Annotated[int, Meta(ge=1)] = quotas.STREAMS_MAX  # G-15
    unknown_keys: Literal["ignore", "reject"] = "ignore"  # G-20, SG-10
