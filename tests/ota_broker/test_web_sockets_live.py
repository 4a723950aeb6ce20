"""MQTT over WebSocket on a real gateway (MS-2, Q-32): the same rules as on a socket, and who comes how."""

import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import paho.mqtt.client as mqtt
import pytest
from awscrt.auth import AwsCredentialsProvider
from awsiot import mqtt_connection_builder

from images import image_bytes
from live import PATIENCE, RawClient, packet, text, wait_until
from ota_broker.signed_urls import read
from ota_stream.cli import certs
from processes import Process, serve

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web") / "data"


@pytest.fixture(scope="module")
def served(data_dir: Path) -> Iterator[Process]:
    image = data_dir.parent / "fw.bin"
    image.write_bytes(image_bytes(200_000))
    with serve(image, data_dir, "--tls", "--tls-port", "0", "--anonymous", "thing") as process:
        yield process


def gateway(served: Process) -> tuple[str, int]:
    return "127.0.0.1", served.ready["http"]["port"]


def token(data_dir: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {(data_dir / 'token').read_text().strip()}"}


def query(**changes: str) -> str:
    """Return the query of a signed URL, as an SDK makes it now."""
    now = datetime.now(UTC)
    given = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"AKIATEST/{now:%Y%m%d}/us-east-1/iotdevicegateway/aws4_request",
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "a" * 64,
    }
    return urlencode({**given, **{name.replace("_", "-"): value for name, value in changes.items()}})


class WebClient(RawClient):
    """The raw client over a WebSocket of its own making: it masks frames, and joins those that come."""

    def __init__(self, address: tuple[str, int], target: str = "/mqtt", **headers: str) -> None:
        super().__init__(address)
        host = f"{address[0]}:{address[1]}"
        head = {
            "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "mqtt", **headers,
        }  # fmt: skip
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items() if value)]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            more = self.socket.recv(1)
            if not more:
                break
            self.head += more
        self.status = int(self.head.split()[1])
        self._plain = self.socket
        self.socket: Any = self  # what RawClient reads from and writes to
        self._frames = b""

    def sendall(self, data: bytes, opcode: int = 2) -> None:
        size = len(data)
        if size < 126:
            length = bytes((0x80 | size,))
        else:
            length = struct.pack(">BH", 0xFE, size) if size < 1 << 16 else struct.pack(">BQ", 0xFF, size)
        self._plain.sendall(bytes((0x80 | opcode,)) + length + bytes(4) + data)  # a mask of zeros

    def recv(self, _: int) -> bytes:
        while (found := self._frame()) is None:
            more = self._plain.recv(1 << 16)
            if not more:
                return b""
            self._frames += more
        opcode, data = found
        return b"" if opcode == 8 else data

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._frames) < 2:
            return None
        start, size = 2, self._frames[1] & 0x7F
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(self._frames) < 2 + width:
                return None
            start, size = 2 + width, int.from_bytes(self._frames[2 : 2 + width], "big")
        if len(self._frames) < start + size:
            return None
        opcode, data = self._frames[0] & 0x0F, self._frames[start : start + size]
        self._frames = self._frames[start + size :]
        return opcode, data

    def close(self) -> None:
        self._plain.close()


def test_a_device_asks_and_is_answered(served):
    with WebClient(gateway(served)) as client:
        assert client.status == 101
        assert b"sec-websocket-protocol: mqtt" in client.head.lower()
        client.connect("d-1")
        client.publish("$aws/things/d-1/streams/fw/get/json", b'{"f":0,"l":4096,"n":32}')
        assert len(client.messages()) == 32


def test_packets_are_not_bound_to_messages(served):
    """MQTT 3.1.1, 6.0.0-3: several in one, one in several."""
    connect = packet(0x10, text("MQTT") + bytes((4, 2, 0, 60)) + text("d-2"))
    with WebClient(gateway(served)) as client:
        client.send(connect[:5])
        client.send(connect[5:] + b"\xc0\x00\xc0\x00")
        assert [client.receive()[0] for _ in range(3)] == [0x20, 0xD0, 0xD0]


def test_who_comes_without_a_proof_is_anonymous(served, data_dir: Path):
    with WebClient(gateway(served)) as client:  # `--anonymous thing`
        client.connect("d-3")
        client.send(packet(0x82, b"\0\1" + text("#") + b"\0"))
        assert client.is_closed()
    with WebClient(gateway(served), **token(data_dir)) as client:
        client.connect("d-3")
        assert client.subscribe("#") == b"\0"
    with WebClient(gateway(served), f"/mqtt?{query()}") as client:
        client.connect("d-3")
        assert client.subscribe("#") == b"\0"


@pytest.mark.parametrize(
    ("target", "headers", "why"),
    [
        ("/mqtt", {"Authorization": "Bearer wrong"}, b"the token is not"),
        ("/mqtt?" + query(X_Amz_Signature="zz"), {}, b"X-Amz-Signature"),
        ("/mqtt?" + query(X_Amz_Date="20200101T000000Z"), {}, b"another time"),
        ("/mqtt", {"Sec-WebSocket-Protocol": ""}, b"subprotocol"),
        ("/elsewhere", {}, b"MQTT is at /mqtt"),
        ("/mqtt", {"Host": "rebound.example"}, b"Host header"),  # A18
        ("/mqtt", {"Origin": "https://evil.example"}, b"another site"),  # A17
    ],
)
def test_who_may_not_is_told_before_there_is_a_web_socket(served, target: str, headers: dict[str, str], why: bytes):
    with WebClient(gateway(served), target, **headers) as client:
        assert client.status == 403
        assert why in client._plain.recv(1 << 16)


def test_refusals_are_told_once_a_second_however_many_come(tmp_path: Path):  # A15
    image = tmp_path / "fw.bin"
    image.write_bytes(image_bytes(1000))
    with serve(image, tmp_path / "data") as process:
        for _ in range(5):
            with WebClient(gateway(process), "/elsewhere") as client:
                assert client.status == 403
        assert process.stop() == 0
        assert all("MQTT is at /mqtt" in line for line in process.err.splitlines())


def test_text_is_no_mqtt(served):
    with WebClient(gateway(served)) as client:
        client.connect("d-4")
        client.sendall(b"hello", opcode=1)
        assert client.is_closed()


def test_a_message_that_is_too_large_ends_it(served, data_dir: Path):
    with WebClient(gateway(served), **token(data_dir)) as client:
        client.connect("d-5")
        try:
            client.sendall(bytes(300_000))
            assert client.is_closed()
        except ConnectionError:
            pass  # it had seen enough


def test_a_slow_reader_is_served_when_it_reads(served, data_dir: Path):
    with WebClient(gateway(served), **token(data_dir)) as client:
        client.connect("d-6")
        request = packet(0x30, text("$aws/things/d-6/streams/fw/get/json") + b'{"f":0,"l":4096,"n":32}')
        for _ in range(60):  # 8 MB of answers: more than every buffer on the way
            client.send(request)
        assert len(client.messages()) == 60 * 32


def test_paho_comes_in(served):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "paho", transport="websockets")
    answers: list[str] = []
    client.on_message = lambda _c, _d, message: answers.append(message.topic)
    client.on_connect = lambda c, *_: c.publish("$aws/things/paho/jobs/get", b"{}", 1)
    client.connect(*gateway(served))
    client.loop_start()
    try:
        wait_until(lambda: answers, "the answer")
    finally:
        client.disconnect()
        client.loop_stop()


def test_the_aws_sdk_signs_its_way_in(served, data_dir: Path):
    """websockets_with_default_aws_signing, which speaks TLS always: the gateway's HTTPS port (MS-2)."""
    certs._mint("thing", ["sdk-web"], data_dir / "certs", data_dir, None)
    connection = mqtt_connection_builder.websockets_with_default_aws_signing(
        region="us-east-1",
        credentials_provider=AwsCredentialsProvider.new_static("test", "test"),
        endpoint="localhost", port=served.ready["https"]["port"], ca_filepath=str(data_dir / "certs" / "ca.pem"),
        client_id="sdk-web", clean_session=True, keep_alive_secs=30,
    )  # fmt: skip
    connection.connect().result(PATIENCE)
    connection.disconnect().result(PATIENCE)


def test_https_needs_no_certificate_and_shows_the_same(served, data_dir: Path):
    certs._mint("operator", ["web-boss"], data_dir / "certs", data_dir, None)
    tls = ssl.create_default_context(cafile=data_dir / "certs" / "ca.pem")
    with (
        socket.create_connection(("localhost", served.ready["https"]["port"]), PATIENCE) as plain,
        tls.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET /_ota/streams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("changes", "minutes", "holds"),
    [
        ({}, 0, True),
        ({}, 9, True),  # five minutes, and five for clocks
        ({}, 11, False),
        ({}, -6, False),
        ({"X-Amz-Expires": "3600"}, 60, True),
        ({"X-Amz-Expires": "3600"}, 66, False),
        ({"X-Amz-Expires": "soon"}, 0, False),
        ({"X-Amz-Date": "2026"}, 0, False),
        ({"X-Amz-Algorithm": "AWS3"}, 0, False),
        ({"X-Amz-Credential": "K/20261128/us-east-1/s3/aws4_request"}, 0, False),
        ({"X-Amz-Credential": "K/20261128/us-east-1/iotdata/aws4_request"}, 0, True),
        ({"X-Amz-Signature": ""}, 0, False),
        ({"X-Amz-Security-Token": "a/b+c="}, 0, True),
    ],
)
def test_a_signed_url_holds_for_its_time(changes: dict[str, str], minutes: int, holds: bool):
    given = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIA/20261128/us-east-1/iotdevicegateway/aws4_request",
        "X-Amz-Date": "20261128T120000Z",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
        **changes,
    }
    assert (read(urlencode(given), (NOW + timedelta(minutes=minutes)).timestamp()) is None) is holds


def test_quotas_hold_here_too(tmp_path: Path):
    image = tmp_path / "fw.bin"
    image.write_bytes(image_bytes(200_000))
    with serve(image, tmp_path / "data", "--quotas", "aws") as served:
        with WebClient(gateway(served)) as client:
            client.connect("d-1")
            client.publish("$aws/things/d-1/streams/fw/get/json", b'{"f":0,"l":256,"n":512}')
            assert len(client.messages()) < 512
        with WebClient(gateway(served)) as client:
            client.connect("d-2")
            client.send(packet(0x82, b"\0\1" + b"".join(text(f"t/{number}") + b"\0" for number in range(9))))
            assert client.is_closed()
