"""Where fuzzing begins: a few right messages for each target, and some that are nearly right."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import live
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DescribeStream, GetStream
from ota_stream.streams.topics import Format

_CONNECT: Final = live.packet(0x10, live.text("MQTT") + b"\x04\x02\x00\x3c" + live.text("d"))
_GET: Final = live.packet(0x32, live.text("$aws/things/d/streams/fw/get/json") + b'\0\1{"f":0,"l":256}')
_SUBSCRIBE: Final = live.packet(0x82, b"\0\1" + live.text("a/+") + b"\1")
_PUBLISH: Final = live.packet(0x33, live.text("a/b") + b"\0\1x")
_WILL: Final = live.packet(0x10, live.text("MQTT") + b"\x04\x2e\x00\x3c" + live.text("d") + live.text("w") * 2)
_PACKETS: Final = [_CONNECT, _GET, _SUBSCRIBE, _PUBLISH, _WILL, b"\x40\x02\0\1", b"\xc0\0", b"\xe0\0"]
_USER: Final = b"\x26" + live.text("k") + live.text("v")
_CONNECT_5: Final = live.packet(
    0x10, live.text("MQTT") + b"\x05\x02\x00\x3c" + b"\x0d\x11\0\0\0\x0a\x21\0\5\x22\0\2\x17\1" + live.text("d")
)
_WILL_5: Final = live.packet(
    0x10,
    live.text("MQTT") + b"\x05\x0e\x00\x3c\0" + live.text("d") + b"\5\x18\0\0\0\1" + live.text("w") + live.binary(b"x"),
)
_PUBLISH_5: Final = live.packet(
    0x32,
    live.text("a/b")
    + b"\0\1"
    + b"\x19\1\1\2\0\0\0\x0a\x23\0\1"
    + b"\x08"
    + live.text("r")
    + b"\x09\0\1c"
    + _USER
    + b"x",
)
_GET_5: Final = live.packet(0x32, live.text("$aws/things/d/streams/fw/get/json") + b'\0\1\4\x09\0\1c{"f":0,"l":256}')
_SUBSCRIBE_5: Final = live.packet(0x82, b"\0\1\2\x0b\3" + live.text("$share/g/a/+") + b"\x2d")
_ACKS: Final = [b"\x40\x03\0\1\x10", b"\x50\x04\0\1\0\0", b"\x62\x02\0\1", b"\xe0\x07\x04\5\x11\0\0\0\x05"]
_PACKETS_5: Final = [_CONNECT_5, _WILL_5, _PUBLISH_5, _GET_5, _SUBSCRIBE_5, *_ACKS]
_QOS_2: Final = live.packet(0x34, live.text("a/b") + b"\0\1\0x") + b"\x62\x02\0\1"
_REQUESTS: Final = [
    GetStream("c", 1, 0, 256, 0, 4, b"\x13\x00\x80"),
    GetStream(file_id=0, block_size=131_072, block_count=98_304),
]


def _of_streams(wire_format: Format) -> list[bytes]:
    codec = CODECS[wire_format]
    described = codec.encode_describe(DescribeStream("c"))
    block = codec.block_head("c") + codec.block_body(0, 1, b"\1\2\3")
    return [*map(codec.encode_get, _REQUESTS), described, block]


_DENIAL: Final = (
    b'topic/a\n{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["iot:Publish"],"Resource":'
    b'["arn:aws:iot:us-east-1:123456789012:topic/${iot:ClientId}/*?"],"Condition":{"Bool":'
    b'{"iot:Connection.Thing.IsAttached":"true"}}}}'
)

SEEDS: Final[Mapping[str, list[bytes]]] = MappingProxyType(
    {
        "packets_311": [packet[:1] + packet[2:] for packet in _PACKETS],
        "framing": [*_PACKETS, b"\x30\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\1"],
        "filters": [b"a/+/#\na/b/c", b"#\n$aws/x", b"$share/g/a\na"],
        "packets_5": [packet[:1] + packet[2:] for packet in _PACKETS_5],
        "conversations_311": [
            b"\1" + _GET + _SUBSCRIBE + _PUBLISH, b"\x81" + _CONNECT + _GET, b"\7" + _WILL + _SUBSCRIBE
        ],
        "conversations_5": [
            b"\1" + _GET_5 + _SUBSCRIBE_5 + _PUBLISH_5, b"\x81" + _CONNECT_5 + _GET_5, b"\x80" + _WILL_5, *_ACKS
        ],
        "conversations_by_the_standard": [b"\1" + _SUBSCRIBE_5 + _QOS_2 + _PUBLISH_5, b"\x80" + _CONNECT_5 + _QOS_2],
        "policy_documents": [
            b'topic/a\n{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}',
            _DENIAL,
        ],
        "streams_json": _of_streams(Format.JSON),
        "streams_cbor": _of_streams(Format.CBOR),
        "jobs_json": [
            b"\0{}",
            b'\1{"clientToken":"c","statusDetails":{"step":"1"},"stepTimeoutInMinutes":1}',
            b'\4{"status":"IN_PROGRESS","expectedVersion":"1","includeJobExecutionState":true}',
        ],
        "topics": [b"t/streams/fw/get/json", b"fw/get/cbor", b"j1/update", b"$next/get"],
        "unknown_topics": [b"fw/get/xml", b"fw/put/json", b"fw/get"],
        "bitmaps": [b"\x14\x20\x13\x00\x80", b"0x130080", b"\0\xff\xff\xff"],
        "filter_patterns": [
            b'{ $.eventType = "GetStream" && ($.n[0] > 0 || $.t NOT EXISTS) }', b'?a -"b c" d', b"{ $.t = %b.c% }"
        ],
        "insights_queries": [
            b"fields @timestamp, eventType as e | filter status like /F.*/ and n.0 > 1 | sort @timestamp | limit 2",
            b"stats count(*) by bin(5m), eventType",
            b'parse @message "\\"t\\":\\"*\\"" as t | dedup t',
        ],
        "http_requests": [
            b"AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=0\n",
            b"bucket/key\nExpires=99&Signature=00",
            b"bytes=0-9\nX-Amz-Credential=K%2F20260101%2Fus-east-1%2Fs3%2Faws4_request",
        ],
    }
)  # fmt: skip
