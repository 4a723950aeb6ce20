"""Payloads as a person reads them: both forms, cut, without secrets, and nothing that a device sends is an error."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.console import payloads
from ota_stream.console.payloads import TEXT_MAX, Sides
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import GetStream
from ota_stream.streams.topics import Format

ASKED = GetStream(file_id=1, block_size=512, block_offset=2, bitmap=b"\x05", client_token="é")


@pytest.mark.parametrize(("wire", "bitmap"), [(Format.JSON, "0x05"), (Format.CBOR, "BQ==")])
def test_a_message_has_both_forms_whichever_it_was_sent_in(wire: Format, bitmap: str):
    sides = payloads.of_stream(CODECS[wire].encode_get(ASKED), cbor=wire is Format.CBOR)
    assert sides.json is not None
    assert json.loads(sides.json) == {"c": "é", "f": 1, "l": 512, "o": 2, "b": bitmap}
    assert sides.cbor == '{"c": "é", "f": 1, "l": 512, "o": 2, "b": h\'05\'}'
    assert (sides.text, sides.wrong) == (None, None)


@pytest.mark.parametrize("wire", Format)
def test_a_long_block_is_cut_and_its_length_told(wire: Format):
    block, codec = bytes(range(256)) * 16, CODECS[wire]
    sides = payloads.of_stream(codec.block_head(None) + codec.block_body(0, 7, block), cbor=wire is Format.CBOR)
    assert sides.cbor == f'{{"f": 0, "i": 7, "l": 4096, "p": h\'{block[:32].hex()}\'… (4,096 bytes)}}'
    assert sides.json is not None
    assert base64.b64encode(block).decode()[:160] + "… (5,464 characters)" in sides.json


@pytest.mark.parametrize(
    ("payload", "cbor", "text"),
    [(b"{", False, "{"), (b"\xff\xff", True, "h'ffff'"), (b"\xff", False, "h'ff'"), (b"\xc0\x00", True, "h'c000'")],
)
def test_what_cannot_be_read_is_shown_as_it_came_with_the_reason(payload: bytes, cbor: bool, text: str):
    sides = payloads.of_stream(payload, cbor=cbor)
    assert (sides.text, sides.json, sides.cbor) == (text, None, None)
    assert sides.wrong


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_are_an_error_and_no_side_is_endless(payload: bytes, cbor: bool):
    for sides in (payloads.of_stream(payload, cbor=cbor), payloads.of_json(payload)):
        assert all(len(side or "") < TEXT_MAX + 40 for side in (sides.json, sides.cbor, sides.text, sides.wrong))


@pytest.mark.parametrize("bomb", [b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"9" * 100_000])
def test_bombs_are_shown_or_refused_but_bounded(bomb: bytes):
    for sides in (payloads.of_stream(bomb, cbor=False), payloads.of_json(bomb)):
        assert len((sides.text or "") + (sides.json or "")) < 2 * TEXT_MAX


@pytest.mark.parametrize(
    "payload",
    [
        b'{"keyPair":{"PrivateKey":"hush","PublicKey":"p"}}',
        b'{"keyPair":{"PrivateKey":"hush","Publ',
        b"<R><SecretAccessKey>hush</SecretAccessKey></R>",
        b'{"url":"http://h/b/k?X-Amz-Date=1&X-Amz-Signature=hush&x=1"}',
    ],
)
def test_secrets_are_left_out(payload: bytes):
    sides = payloads.of_json(payload)
    shown = (sides.json or "") + (sides.text or "")
    assert "(not shown)" in shown
    assert "hush" not in shown


def test_signatures_of_urls_are_left_out_and_nothing_else():
    url = "/b/k?X-Amz-Credential=a%2Fb&X-Amz-Date=d&X-Amz-Signature=0f&partNumber=1"
    assert payloads.target(url) == (
        "/b/k?X-Amz-Credential=(not shown)&X-Amz-Date=d&X-Amz-Signature=(not shown)&partNumber=1"
    )


def test_no_bytes_have_no_form():
    assert payloads.of_json(b"") == payloads.of_stream(b"", cbor=True) == Sides()
