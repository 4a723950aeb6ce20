"""Payloads made to hurt: each is refused in one message, or read as the little that it says."""

import json

import cbor2
import pytest

from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.messages import GetStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format

F0 = GetStream(file_id=0)
HUGE = b"\xff" * 8  # a declared length of 2 to the 64 less 1

REFUSED_JSON = {
    "open brackets": b'{"zz":' + b"[" * 100_000,
    "nested lists": b'{"zz":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "nested objects": b'{"zz":' * 20_000 + b"0" + b"}" * 20_000,
    "nested lists in a field": b'{"f":' + b"[" * 100_000,
    "nothing but brackets": b"[" * 100_000,
    "number of 5000 digits": b'{"l":' + b"9" * 5000 + b"}",
    "negative number of 5000 digits": b'{"l":-' + b"9" * 5000 + b"}",
    "exponent": b'{"l":1e9999}',
    "large exponent in a field": b'{"l":4e3}',
    "NaN": b'{"l":NaN}',
    "NaN in an unknown key": b'{"zz":NaN}',
    "Infinity": b'{"l":Infinity}',
    "minus Infinity": b'{"zz":-Infinity}',
    "leading zero": b'{"f":00}',
    "leading plus": b'{"f":+0}',
    "hexadecimal": b'{"f":0x0}',
    "UTF-16 with mark": '{"f":0}'.encode("utf-16"),
    "UTF-16 little end": '{"f":0}'.encode("utf-16-le"),
    "UTF-16 big end": '{"f":0}'.encode("utf-16-be"),
    "UTF-32": '{"f":0}'.encode("utf-32"),
    "byte order mark": b'\xef\xbb\xbf{"f":0}',
    "lone high surrogate": b'{"c":"\\ud800"}',
    "lone low surrogate": b'{"c":"\\udc00"}',
    "surrogates in the wrong order": b'{"c":"\\udc00\\ud800"}',
    "surrogate as bytes": b'{"c":"\xed\xa0\x80"}',
    "overlong zero": b'{"c":"\xc0\x80"}',
    "Latin-1 in the token": b'{"c":"\xe9"}',
    "Latin-1 in an unknown value": b'{"f":0,"zz":"\xe9"}',
    "Latin-1 in an unknown key": b'{"f":0,"\xe9":0}',
    "control character in a string": b'{"c":"\x01"}',
    "control character between": b'{"f":\x010}',
    "zero byte at the end": b'{"f":0}\x00',
    "two objects": b'{"f":0}{"f":0}',
    "bad escape": b'{"zz":"\\q"}',
    "half an escape": b'{"c":"\\u00"}',
    "number as key": b"{0:0}",
    "missing colon": b'{"f" 0}',
    "a megabyte of blanks": b" " * 1_000_000,
}
READ_JSON = {
    "duplicate key, the last counts": (b'{"f":7,"f":0}', F0),
    "duplicate key of another type": (b'{"f":7,"zz":1,"zz":"1","f":0}', F0),
    "unknown number of 5000 digits": (b'{"f":0,"zz":' + b"9" * 5000 + b"}", F0),
    "unknown string of a megabyte": (b'{"f":0,"zz":"' + b"x" * 1_000_000 + b'"}', F0),
    "ten thousand unknown keys": (json.dumps({f"k{k}": k for k in range(10_000)} | {"f": 0}).encode(), F0),
    "minus zero": (b'{"f":-0}', F0),
    "zero character in the token": (b'{"c":"\\u0000"}', GetStream("\x00")),
    "whole surrogate pair": (b'{"c":"\\ud83d\\udd12"}', GetStream("\U0001f512")),
    "64 bits": (b'{"l":18446744073709551615}', GetStream(block_size=2**64 - 1)),
}

TAGS = [*range(41), 100, 110, 112, 256, 257, 258, 259, 260, 261, 1004, 1040, 43_000, 55_799, 2**16, 2**32, 2**64 - 1]
NESTED = 100_000
REFUSED_CBOR = {
    "nested lists": b"\xa1\x62zz" + b"\x81" * NESTED + b"\x00",
    "nested indefinite lists": b"\xa1\x62zz" + b"\x9f" * NESTED + b"\x00" + b"\xff" * NESTED,
    "nested maps": b"\xa1\x61z" * NESTED + b"\x00",
    "nested tags": b"\xa1\x62zz" + b"\xd9\xd9\xf7" * NESTED + b"\x00",
    "nested byte string pieces": b"\xa1\x61b" + b"\x5f" * NESTED,
    "nothing but lists": b"\x81" * NESTED,
    "a list that is too long": b"\x9b" + HUGE,
    "a map that is too long": b"\xbb" + HUGE,
    "bytes that are too long": b"\xa1\x61b\x5b" + HUGE,
    "text that is too long": b"\xa1\x61c\x7b" + HUGE,
    "bytes of 4 GiB": b"\xa1\x61b\x5a" + b"\xff" * 4 + b"x",
    "an unknown list of 4 GiB": b"\xa2\x61f\x00\x62zz\x9a" + b"\xff" * 4,
    "a piece that is too long": b"\xa1\x61b\x5f\x5b" + HUGE + b"\xff",
    "text in pieces of bytes": b"\xa1\x61c\x7f\x41a\xff",
    "true as f": b"\xa1\x61f\xf5",
    "false as o": b"\xa1\x61o\xf4",
    "half float as f": b"\xa1\x61f\xf9\x00\x00",
    "single float as l": b"\xa1\x61l\xfa\x45\x80\x00\x00",
    "double float as l": b"\xa1\x61l\xfb\x40\xb0\x00\x00\x00\x00\x00\x00",
    "NaN as l": b"\xa1\x61l\xf9\x7e\x00",
    "undefined as f": b"\xa1\x61f\xf7",
    "simple value as f": b"\xa1\x61f\xf8\xff",
    "byte string as key": b"\xa1\x41f\x00",
    "byte string beside good keys": b"\xa2\x61f\x00\x41l\x19\x10\x00",
    "integer as key": b"\xa1\x00\x00",
    "list as key": b"\xa1\x81\x00\x00",
    "map as key": b"\xa1\xa0\x00",
    "null as key": b"\xa1\xf6\x00",
    "NaN as key": b"\xa1\xf9\x7e\x00\x00",
    "token of bad UTF-8": b"\xa1\x61c\x61\xff",
    "surrogate in the token": b"\xa1\x61c\x63\xed\xa0\x80",
    "bad UTF-8 in an unknown value": b"\xa2\x61f\x00\x62zz\x61\xff",
    "bad UTF-8 in a key": b"\xa1\x61\xff\x00",
    "break without a beginning": b"\xff",
    "break as a value": b"\xa1\x61f\xff",
    "indefinite map without end": b"\xbf\x61f\x00",
    "indefinite map of an odd number": b"\xbf\x61f\xff",
    "reserved length": b"\xa1\x61f\x1c",
    "indefinite integer": b"\xa1\x61f\x1f",
    "reserved simple value": b"\xa1\x62zz\xf8\x10",
    "shared reference": b"\xa1\x62zz\xd8\x1c\x81\xd8\x1d\x00",
    **{f"tag {tag} in an unknown key": cbor2.dumps({"f": 0, "zz": cbor2.CBORTag(tag, 0)}) for tag in TAGS},
    **{f"tag {tag} on a field": cbor2.dumps({"f": cbor2.CBORTag(tag, b"\x00")}) for tag in TAGS},
    **{f"tag {tag} on the request": cbor2.dumps(cbor2.CBORTag(tag, {"f": 0})) for tag in TAGS},
    **{f"tag {tag} on a key": b"\xa1" + cbor2.dumps(cbor2.CBORTag(tag, "f")) + b"\x00" for tag in TAGS},
}
READ_CBOR = {
    "duplicate key, the last counts": (b"\xa2\x61f\x07\x61f\x00", F0),
    "trailing bytes": (b"\xa1\x61f\x00\xff\xff\xff", F0),
    "trailing second request": (b"\xa1\x61f\x00\xa1\x61f\x07", F0),
    "64 bits": (b"\xa1\x61l\x1b" + HUGE, GetStream(block_size=2**64 - 1)),
    "64 bits below zero": (b"\xa1\x61l\x3b" + HUGE, GetStream(block_size=-(2**64))),
    "unknown undefined, simple value and floats": (
        b"\xa4\x61f\x00\x61x\xf7\x61y\xf8\xff\x61z\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        F0,
    ),
    "key in pieces": (b"\xa1\x7f\x61f\xff\x00", F0),
    "empty pieces": (b"\xa1\x61b\x5f\xff", GetStream(bitmap=b"")),
    "a few levels deep": (b"\xa2\x61f\x00\x62zz\x81\xa1\x61z\x81\x00", F0),
}


def rows(table):
    return [pytest.param(*(row if isinstance(row, tuple) else (row,)), id=name) for name, row in table.items()]


@pytest.mark.parametrize("payload", rows(REFUSED_JSON))
def test_json_bombs_are_refused(payload):
    """SG-11."""
    with pytest.raises(Rejection) as refused:
        CODECS[Format.JSON].decode_get(payload, StreamOptions())
    assert refused.value.why is Why.JSON


@pytest.mark.parametrize("payload", rows(REFUSED_CBOR))
def test_cbor_bombs_are_refused(payload):
    """SG-11."""
    with pytest.raises(Rejection) as refused:
        CODECS[Format.CBOR].decode_get(payload, StreamOptions())
    assert refused.value.why is Why.CBOR


@pytest.mark.parametrize(("payload", "expected"), rows(READ_JSON))
def test_odd_json_is_read_for_what_it_says(payload, expected):
    assert CODECS[Format.JSON].decode_get(payload, StreamOptions()) == expected


@pytest.mark.parametrize(("payload", "expected"), rows(READ_CBOR))
def test_odd_cbor_is_read_for_what_it_says(payload, expected):
    assert CODECS[Format.CBOR].decode_get(payload, StreamOptions()) == expected


@pytest.mark.parametrize("payload", rows(REFUSED_JSON))
def test_a_device_survives_json_bombs(payload):
    codec = CODECS[Format.JSON]
    for decode in (codec.decode_block, codec.decode_description, codec.decode_rejected):
        with pytest.raises(ValueError):  # noqa: PT011 - that it is one, is all that is promised
            decode(payload)


@pytest.mark.parametrize("payload", rows(REFUSED_CBOR))
def test_a_device_survives_cbor_bombs(payload):
    codec = CODECS[Format.CBOR]
    for decode in (codec.decode_block, codec.decode_description, codec.decode_rejected):
        with pytest.raises(ValueError):  # noqa: PT011 - that it is one, is all that is promised
            decode(payload)
