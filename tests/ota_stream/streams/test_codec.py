"""What a device takes for a block: all that real agents take, and nothing they refuse (device-agents section 5)."""

import base64

import cbor2
import pytest

from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DataBlock, DescribeStream, GetStream
from ota_stream.streams.topics import Format

PAYLOAD = b"\x00\xff\xfe\x3e"  # its base64 has + or / in it
P64 = base64.b64encode(PAYLOAD).decode()
BLOCK = DataBlock(0, 5, PAYLOAD)
P, Q = b"\x44\x00\xff\xfe\x3e", b"\x5f\x42\x00\xff\x42\xfe\x3e\xff"  # whole, and in two pieces

TAKEN_CBOR = {
    "definite map": cbor2.dumps({"f": 0, "i": 5, "l": 4, "p": PAYLOAD}),
    "indefinite map": b"\xbf\x61f\x00\x61i\x05\x61l\x04\x61p" + P + b"\xff",
    "reversed order": cbor2.dumps({"p": PAYLOAD, "l": 4, "i": 5, "f": 0}),
    "integers of 64 bits": b"\xa4\x61f\x1b%b\x61i\x1b%b\x61l\x1b%b\x61p%b"
    % (*(number.to_bytes(8, "big") for number in (0, 5, 4)), P),
    "byte string in pieces": b"\xa4\x61f\x00\x61i\x05\x61l\x04\x61p" + Q,
    "more keys": cbor2.dumps({"zz": [1], "a long name": None, "f": 0, "i": 5, "l": 4, "p": PAYLOAD}),
    "trailing bytes": cbor2.dumps({"f": 0, "i": 5, "l": 4, "p": PAYLOAD}) + b"\x00\x00",
}
TAKEN_JSON = {
    "as captured": f'{{"f":0,"i":5,"l":4,"p":"{P64}"}}',
    "documented order": f'{{"f":0,"l":4,"i":5,"p":"{P64}"}}',
    "blanks": f'\n{{ "p" : "{P64}",\t"l" : 4 , "i" : 5 , "f" : 0 }}\n',
    "more keys": f'{{"x":[],"f":0,"i":5,"l":4,"p":"{P64}","y":"z"}}',
    "the same keys one level down": f'{{"x":{{"f":9,"i":9,"l":9,"p":"AAAA"}},"f":0,"i":5,"l":4,"p":"{P64}"}}',
}
REFUSED_CBOR = {
    "p as text": cbor2.dumps({"f": 0, "i": 5, "l": 4, "p": "abcd"}),
    "p as base64 text": cbor2.dumps({"f": 0, "i": 5, "l": 4, "p": P64}),
    "byte string keys": cbor2.dumps({b"f": 0, b"i": 5, b"l": 4, b"p": PAYLOAD}),
    "floats": cbor2.dumps({"f": 0.0, "i": 5.0, "l": 4.0, "p": PAYLOAD}),
    "self-describe tag": cbor2.dumps(cbor2.CBORTag(55_799, {"f": 0, "i": 5, "l": 4, "p": PAYLOAD})),
    "array": cbor2.dumps([0, 5, 4, PAYLOAD]),
    "no l": cbor2.dumps({"f": 0, "i": 5, "p": PAYLOAD}),
    "l too small": cbor2.dumps({"f": 0, "i": 5, "l": 3, "p": PAYLOAD}),
    "l too large": cbor2.dumps({"f": 0, "i": 5, "l": 5, "p": PAYLOAD}),
    "cut off": cbor2.dumps({"f": 0, "i": 5, "l": 4, "p": PAYLOAD})[:-1],
    "nothing": b"",
    "JSON": TAKEN_JSON["as captured"].encode(),
}
REFUSED_JSON = {
    "floats": f'{{"f":0.0,"i":5.0,"l":4.0,"p":"{P64}"}}',
    "no l": f'{{"f":0,"i":5,"p":"{P64}"}}',
    "keys in capitals": f'{{"F":0,"I":5,"L":4,"P":"{P64}"}}',
    "the URL's alphabet": '{"f":0,"i":5,"l":4,"p":"AP_-Pg=="}',
    "l too small": f'{{"f":0,"i":5,"l":3,"p":"{P64}"}}',
    "l too large": f'{{"f":0,"i":5,"l":5,"p":"{P64}"}}',
    "p is null": '{"f":0,"i":5,"l":0,"p":null}',
    "cut off": f'{{"f":0,"i":5,"l":4,"p":"{P64}"',
    "nothing": "",
    "CBOR": cbor2.dumps({"f": 0}).decode("latin-1"),
}


def rows(table):
    return [pytest.param(payload, id=name) for name, payload in table.items()]


@pytest.mark.parametrize("payload", rows(TAKEN_CBOR))
def test_a_cbor_block_is_taken_as_agents_take_it(payload):
    """SR-12."""
    assert CODECS[Format.CBOR].decode_block(payload) == BLOCK


@pytest.mark.parametrize("payload", rows(TAKEN_JSON))
def test_a_json_block_is_taken_as_agents_take_it(payload):
    assert CODECS[Format.JSON].decode_block(payload.encode()) == BLOCK


@pytest.mark.parametrize("payload", rows(REFUSED_CBOR))
def test_a_cbor_block_that_is_none_raises_value_error(payload):
    """SR-3, SR-12."""
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one, is all that is promised
        CODECS[Format.CBOR].decode_block(payload)


@pytest.mark.parametrize("payload", rows(REFUSED_JSON))
def test_a_json_block_that_is_none_raises_value_error(payload):
    """SR-3, SR-5."""
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one, is all that is promised
        CODECS[Format.JSON].decode_block(payload.encode("latin-1"))


def test_a_rejection_is_read_by_its_documented_keys_alone():
    """EC-1, EC-2."""
    for wire, payload in (
        (Format.JSON, b'{"o":"InvalidTopic","m":"no","c":"t"}'),
        (Format.CBOR, cbor2.dumps({"o": "InvalidTopic", "m": "no", "c": "t"})),
    ):
        rejected = CODECS[wire].decode_rejected(payload)
        assert (rejected.code, rejected.message, rejected.client_token) == ("InvalidTopic", "no", "t")


def test_our_device_asks_in_json_in_the_documented_order():
    """SG-12, SBM-5."""
    request = GetStream("t", 1, 2, 256, 20, 32, bytes.fromhex("130080"))
    assert CODECS[Format.JSON].encode_get(request) == b'{"c":"t","s":1,"f":2,"l":256,"o":20,"n":32,"b":"0x130080"}'


def test_our_device_sends_only_what_is_given():
    """CL-2."""
    assert CODECS[Format.JSON].encode_get(GetStream(file_id=0, block_size=256)) == b'{"f":0,"l":256,"o":0}'
    assert CODECS[Format.CBOR].encode_get(GetStream(file_id=0, block_size=256)) == bytes.fromhex(
        "a36166 00616c 190100 616f00"
    )
    assert [CODECS[wire].encode_describe(DescribeStream()) for wire in Format] == [b"{}", b"\xa0"]
