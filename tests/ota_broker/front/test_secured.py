"""TLS between a socket and a connection, in a front door of the test's own: deadlines, bounds, reasons."""

import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

import live
from images import MemoryImage
from live import PATIENCE, RawClient, Server, wait_until
from ota_broker.front import limits
from ota_broker.front.listener import open_port
from ota_broker.tls import Tls
from ota_stream.stores.keys import KeyFolder
from tls_clients import Identity, TlsClient, context, make, signer_of


@pytest.fixture
def keys(server: Server, tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys", server.clock)


@pytest.fixture
def tls(keys: KeyFolder) -> Tls:
    return Tls(keys, [])


@pytest.fixture
def address(server: Server, tls: Tls) -> tuple[str, int]:
    opened = open_port("127.0.0.1", 0)
    made: list[Any] = []
    server.run(lambda: made.append(server._loop.create_task(server.listener.listen(opened, tls.devices))))
    wait_until(made[0].done, "the port")
    return opened.getsockname()[:2]


@pytest.fixture
def ca(keys: KeyFolder, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(keys.ca().certificate)
    return path


@pytest.fixture
def identity(tls: Tls, tmp_path: Path) -> Identity:
    made = make(tmp_path, "thing")
    tls.trust({"thing": made.pem})
    return made


def test_half_a_handshake_is_cut_in_time(server: Server, address, caplog):
    with RawClient(address) as silent, RawClient(address) as slow:
        slow.send(b"\x16\x03\x01\x01")  # the beginning of a ClientHello
        wait_until(lambda: len(server.listener._secured[0].strangers) == 2, "both")
        server.move_time(limits.HANDSHAKE_WITHIN - 2)
        assert len(server.listener._secured[0].strangers) == 2
        server.move_time(4)
        assert silent.is_closed()
        assert slow.is_closed()
    wait_until(lambda: not server.listener._secured[0].strangers, "the end")
    assert "no TLS handshake within 10 s" in caplog.text


def test_a_peer_that_shook_hands_has_the_time_of_connect_and_no_more(server: Server, address, ca, identity):
    with TlsClient(address, context(ca, identity)) as client:
        client.socket.settimeout(PATIENCE)
        wait_until(lambda: len(server.listener._connections) == 1, "the connection")
        server.move_time(limits.CONNECT_WITHIN + 2)
        assert client.is_closed()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "this is HTTP"),
        (b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a", "this is no TLS"),
        (b"\x16\x03\x01\x00\x05hello", "the TLS handshake has failed"),
    ],
)
def test_what_is_no_tls_is_told_of(address, caplog, sent: bytes, why: str):
    with RawClient(address) as client:
        client.send(sent)
        assert client.is_closed()
    wait_until(lambda: why in caplog.text, why)


def test_who_leaves_early_is_told_of(server: Server, address, caplog):
    RawClient(address).socket.close()
    wait_until(lambda: "it left during the TLS handshake" in caplog.text, "the line")
    assert not server.listener._secured[0].strangers


def test_too_many_handshakes_at_once_are_refused(address, caplog, monkeypatch):
    monkeypatch.setattr(limits, "HANDSHAKES_MAX", 1)
    with RawClient(address), RawClient(address) as second:
        assert second.is_closed()
    assert "1 TLS handshakes are under way already" in caplog.text


def test_stopping_cuts_who_has_not_shaken_hands(address, server: Server, caplog):
    caplog.set_level(logging.ERROR)
    with RawClient(address) as client:
        wait_until(lambda: server.listener._secured[0].strangers, "the peer")
        server.run(server.listener._secured[0].close)
        assert client.is_closed()


def test_a_signer_is_trusted_from_the_moment_it_is_registered(address, tls: Tls, ca, tmp_path: Path):
    factory = make(tmp_path, "factory", is_ca=True)
    made = make(tmp_path, "made", signer_of(factory))
    with pytest.raises((ssl.SSLError, ConnectionError)), TlsClient(address, context(ca, made)) as client:
        client.connect("made")
    tls.trust({"factory": factory.pem, "broken": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
    with TlsClient(address, context(ca, made)) as client:
        client.connect("made")


def test_the_first_bytes_of_a_quick_peer_are_not_lost(address, ca, identity):
    """They come with the end of the handshake, in one read."""
    for _ in range(20):
        with TlsClient(address, context(ca, identity)) as client:
            client.connect("quick")


def test_a_slow_reader_gets_everything(tmp_path: Path):
    with live.serving({"s": {0: MemoryImage(bytes(8 * 1024 * 1024))}}) as server:
        keys = KeyFolder(tmp_path / "keys", server.clock)
        tls, thing = Tls(keys, []), make(tmp_path, "thing")
        tls.trust({"thing": thing.pem})
        (tmp_path / "ca.pem").write_bytes(keys.ca().certificate)
        opened = open_port("127.0.0.1", 0)
        server.run(lambda: server._loop.create_task(server.listener.listen(opened, tls.devices)))
        with TlsClient(opened.getsockname()[:2], context(tmp_path / "ca.pem", thing)) as client:
            client.connect("d")
            for number in range(100):
                request = b'{"f":0,"l":131072,"o":%d,"n":1}' % (number % 64)
                client.publish("$aws/things/d/streams/s/get/json", request)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            assert len(client.messages()) == 100
