"""First runner of the vectors: the codecs alone."""

from typing import Any

import cbor2
import pytest

from ota_stream.streams.codec import CODECS, Codec
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.messages import DataBlock, DescribeStream, Description, FileSize, GetStream, RejectedStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format
from vectors import CASES, Case, written_rejection

GETS = [case for case in CASES if case.vector.operation == "get" and case.request]
DESCRIBES = [case for case in CASES if case.vector.operation == "describe" and case.request]
CAPTURED_CBOR = [
    case for case in GETS if case.vector.rules.startswith("CL-") and case.wire == "cbor" and case.vector.wire == "cbor"
]
REFUSED = [case for case in CASES if case.refused is not None]
SERVED = [case for case in CASES if case.vector.blocks]
DESCRIBED = [case for case in CASES if case.vector.described is not None]


def codec_of(case: Case) -> Codec:
    return CODECS[Format(case.wire)]


def options_of(case: Case) -> StreamOptions:
    return StreamOptions(**case.vector.options)


def get_stream(fields: dict[str, Any]) -> GetStream:
    return GetStream(
        client_token=fields.get("c"),
        stream_version=fields.get("s"),
        file_id=fields.get("f"),
        block_size=fields.get("l"),
        block_offset=fields.get("o") or 0,  # SG-5
        block_count=fields.get("n"),
        bitmap=fields.get("b"),
    )


@pytest.mark.parametrize("case", GETS, ids=str)
def test_a_get_request_is_read_field_by_field_or_refused(case):
    if case.fields is not None:
        assert codec_of(case).decode_get(case.request, options_of(case)) == get_stream(dict(case.fields))
        return
    with pytest.raises(Rejection) as refused:
        codec_of(case).decode_get(case.request, options_of(case))
    assert (refused.value.why.code, refused.value.why.message) == case.refused


@pytest.mark.parametrize("case", DESCRIBES, ids=str)
def test_a_describe_request_is_read_or_refused(case):
    if case.fields is not None:
        expected = DescribeStream(case.fields.get("c"))
        assert codec_of(case).decode_describe(case.request, options_of(case)) == expected
        return
    with pytest.raises(Rejection) as refused:
        codec_of(case).decode_describe(case.request, options_of(case))
    assert (refused.value.why.code, refused.value.why.message) == case.refused


def test_there_are_captured_requests():
    assert len(CAPTURED_CBOR) >= 8


@pytest.mark.parametrize("case", CAPTURED_CBOR, ids=str)
def test_our_device_asks_in_the_very_bytes_of_the_c_and_rust_agents(case):
    """CL-1, CL-3, CL-4."""
    assert codec_of(case).encode_get(get_stream(dict(case.fields or {}))) == case.request


@pytest.mark.parametrize("case", SERVED, ids=str)
def test_blocks_are_written_byte_for_byte_and_read_back(case):
    codec, vector = codec_of(case), case.vector
    head = codec.block_head(vector.echo)
    file_id = (case.fields or {})["f"]
    for block_id, reply in zip(vector.blocks or (), case.replies(), strict=True):
        payload = case.block(block_id)
        assert head + codec.block_body(file_id, block_id, payload) == reply.payload
        assert codec.decode_block(reply.payload) == DataBlock(file_id, block_id, payload, vector.echo)


@pytest.mark.parametrize("case", DESCRIBED, ids=str)
def test_descriptions_are_written_in_order_and_read_back(case):
    codec, described = codec_of(case), dict(case.vector.described or {})
    files = tuple(FileSize(file["f"], file["z"]) for file in described["r"])
    message = Description(described["s"], files, described.get("d"), case.vector.echo)
    payload, (reply,) = codec.encode_description(message), case.replies()
    if reply.exact:
        assert payload == reply.payload
    else:
        assert (payload[:1], payload[-1:]) == (b"\xbf", b"\xff")  # SR-7
        assert list(cbor2.loads(payload).items()) == list(cbor2.loads(reply.payload).items())  # SD-7
    assert codec.decode_description(reply.payload) == message
    assert codec.decode_description(payload) == message


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_rejections_are_written_byte_for_byte_and_read_back(case):
    codec, (code, message), (reply,) = codec_of(case), case.refused, case.replies()
    why = next(why for why in Why if (why.code, why.message) == (code, message))
    assert codec.encode_rejected(why, case.vector.echo) == reply.payload
    assert codec.decode_rejected(reply.payload) == RejectedStream(code, message, case.vector.echo)


@pytest.mark.parametrize("wire", Format)
@pytest.mark.parametrize("why", Why, ids=lambda why: why.name)
@pytest.mark.parametrize("echo", [None, "", "tok\u00e9n \U0001f512"])
def test_every_reason_is_written_with_both_families_of_keys(why, wire, echo):
    """EC-4, also for the reasons no vector can bring about."""
    assert CODECS[wire].encode_rejected(why, echo) == written_rejection(wire, echo, (why.code.value, why.message))
