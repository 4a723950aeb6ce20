"""Hostile clients by name: each is served within bounds or closed, leaves nothing behind, and others are served."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import cbor2
import pytest

import live
from images import MemoryImage, image_bytes
from live import RawClient, Server
from ota_broker.front import limits

Attack = Callable[[Server, pytest.MonkeyPatch], None]
ATTACKS: dict[str, Attack] = {}

GET = "$aws/things/%s/streams/fw/get/%s"
ASK = b'{"f":0,"l":%d,"o":0,"n":%d}'
KIB_128 = 131_072


def attack(function: Attack) -> Attack:
    ATTACKS[function.__name__] = function
    return function


@pytest.fixture
def server() -> Iterator[Server]:
    with live.serving({"fw": {0: MemoryImage(image_bytes(KIB_128 * 4))}}) as server:
        yield server


def connected(server: Server, client_id: str) -> RawClient:
    client = RawClient(server)
    client.connect(client_id)
    return client


def is_served(client: RawClient, name: str) -> bool:
    client.publish(GET % (name, "json"), ASK % (256, 1))
    return len(client.messages()) == 1


# Connections


@attack
def connects_and_leaves(server: Server, _: pytest.MonkeyPatch) -> None:
    """A storm of reconnects, orderly and not."""
    for number in range(1500):
        client = connected(server, f"storm-{number % 100}")
        if number % 2:
            client.send(b"\xe0\0")
        client.socket.close()


@attack
def takes_over_again_and_again(server: Server, _: pytest.MonkeyPatch) -> None:
    """One client id from everywhere, with a session that stays and a will each time."""
    with ExitStack() as opened, connected(server, "watch") as watch:
        watch.subscribe("will")
        for _number in range(300):
            client = opened.enter_context(RawClient(server))
            client.connect("one", clean=False, will=("will", b"gone", 0, False))
            client.send(live.packet(0x82, b"\0\1" + live.text("t") + b"\1"))
        client.until_ping()
        assert len(watch.messages()) == 299
        assert len(server.listener.exchange._sessions) == 3
    with RawClient(server) as client:
        assert client.connect("one", clean=True) is False


@attack
def stays_silent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that never say CONNECT: the oldest makes room (A6)."""
    monkeypatch.setattr(limits, "WAITING_MAX", 20)
    with ExitStack() as opened:
        silent = [opened.enter_context(RawClient(server)) for _ in range(60)]
        live.wait_until(lambda: len(server.listener._waiting) == 20, "room")
        assert all(client.is_closed() for client in silent[:40])
        with connected(server, "late") as late:
            assert is_served(late, "late")


@attack
def resets(server: Server, _: pytest.MonkeyPatch) -> None:
    """Connections that are reset in the middle of an answer."""
    for number in range(100):
        client = connected(server, f"r{number}")
        client.publish(GET % ("r", "json"), ASK % (4096, 32))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()


@attack
def sends_rubbish(server: Server, _: pytest.MonkeyPatch) -> None:
    """Bytes that are nothing, instead of CONNECT and after it."""
    for seed in range(200):
        with RawClient(server) as client, suppress(OSError):
            if seed % 2:
                client.connect("rubbish")
            client.send(image_bytes(3000, f"rubbish {seed}"))


# Subscriptions


@attack
def subscribes_to_everything(server: Server, _: pytest.MonkeyPatch) -> None:
    """As many filters as a packet may have, deep and wild, again and again, and then one more (A8)."""
    with connected(server, "bomb") as bomb:
        most = limits.REQUEST_FILTERS_MAX
        filters = [f"+/{number}/+/{number}/#" for number in range(2 * most)]
        for part in (filters[:most], filters[most:]):
            bomb.send(live.packet(0x82, b"\0\1" + b"".join(live.text(each) + b"\0" for each in part)))
            code = b"\0" if part[0] == filters[0] else b"\x80"
            assert bomb.receive() == (0x90, b"\0\1" + code * most)
        assert is_served(bomb, "bomb")
        bomb.send(live.packet(0x82, b"\0\1" + b"".join(live.text(each) + b"\0" for each in filters[: most + 1])))
        assert bomb.is_closed()
    live.wait_until(lambda: not server.listener.exchange._receivers._alone._wildcards.children, "the tree is empty")


@attack
def subscribes_and_unsubscribes(server: Server, _: pytest.MonkeyPatch) -> None:
    """A filter comes and goes, and another one, and another one."""
    with connected(server, "churn") as churn:
        for number in range(3000):
            name = live.text(f"a/{number}/+")
            churn.send(live.packet(0x82, b"\0\1" + name + b"\0") + live.packet(0xA2, b"\0\1" + name))
        churn.until_ping()
        assert not server.listener.exchange._receivers._alone._wildcards.children


@attack
def asks_for_huge_topics(server: Server, _: pytest.MonkeyPatch) -> None:
    """Topics of 64 KiB, of 32,000 levels, of one level too many."""
    for topic in ("a" * 65_535, "/" * 32_000, "a/" * 8 + "a", "é" * 129):
        for first, head, tail in ((0x30, b"", b"x"), (0x82, b"\0\1", b"\0"), (0xA2, b"\0\1", b"")):
            with connected(server, "huge") as huge:
                huge.send(live.packet(first, head + live.text(topic) + tail))
                if first != 0xA2:
                    assert huge.is_closed()


# Messages


@attack
def retains_a_flood(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """More retained messages than are kept, and a collector (A8)."""
    monkeypatch.setattr(limits, "RETAINED_MAX", 500)
    with connected(server, "flood") as flood, connected(server, "collector") as collector:
        for number in range(1000):
            flood.publish(f"r/{number}", b"x" * 100, retain=True)
        flood.until_ping()
        retained = server.listener.exchange._retained
        assert len(retained._rows) == 500
        collector.send(live.packet(0x82, b"\0\1" + b"".join(live.text(f"r/{n}") + b"\0" for n in range(900))))
        assert len(collector.messages()) == 500
        for number in range(500):
            flood.publish(f"r/{number}", b"", retain=True)
        flood.until_ping()
        assert retained._bytes == 0


@attack
def retains_more_bytes_than_are_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large retained messages (A8)."""
    monkeypatch.setattr(limits, "RETAINED_BYTES_MAX", 1 << 20)
    with connected(server, "flood") as flood:
        for number in range(40):
            flood.publish(f"r/{number}", bytes(100_000), retain=True)
        flood.until_ping()
        assert server.listener.exchange._retained._bytes <= 1 << 20


@attack
def never_acknowledges(server: Server, _: pytest.MonkeyPatch) -> None:
    """QoS 1 until there are no packet ids left: 100 are under way, 1,000 wait, what is more is dropped (Q-25)."""
    with connected(server, "deaf") as deaf, connected(server, "sender") as sender:
        deaf.subscribe("t", qos=1)
        for number in range(1500):
            sender.publish("t", b"%d" % number, qos=1)
        sender.until_ping()
        assert len(deaf.messages()) == limits.IN_FLIGHT_MAX
        (session,) = [each for each in server.listener.exchange._sessions if each.client_id == "deaf"]
        assert session._outgoing is not None
        assert len(session._outgoing._waiting) == limits.QUEUE_MAX


@attack
def uses_one_packet_id_for_all(server: Server, _: pytest.MonkeyPatch) -> None:
    """The same id again and again, and acknowledgements of what was never sent."""
    with connected(server, "ids") as ids:
        ids.send(live.packet(0x32, live.text("t") + b"\0\1x") * 500 + b"\x40\x02\xff\xff" * 500)
        assert ids.until_ping() == [(0x40, b"\0\1")] * 500


@attack
def sends_what_is_too_large(server: Server, _: pytest.MonkeyPatch) -> None:
    """128 KiB and one byte, and headers that promise 256 MiB."""
    for data in (live.packet(0x30, live.text("t") + bytes(KIB_128 + 1)), b"\x30\xff\xff\xff\x7f" + bytes(1000)):
        with connected(server, "large") as large, suppress(OSError):
            large.send(data)
            assert large.is_closed()
    with connected(server, "large") as large:
        large.publish("t", bytes(KIB_128))
        assert large.until_ping() == []


@attack
def queues_for_the_absent(server: Server, _: pytest.MonkeyPatch) -> None:
    """Large messages for a session whose client is away: its queue has a bound."""
    with RawClient(server) as away:
        away.connect("away", clean=False)
        away.subscribe("t", qos=1)
    with connected(server, "sender") as sender:
        for _number in range(200):
            sender.publish("t", bytes(100_000), qos=1)
        sender.until_ping()
    (session,) = [each for each in server.listener.exchange._sessions if each.client_id == "away"]
    assert session._outgoing is not None
    assert session._outgoing._bytes <= limits.QUEUE_BYTES_MAX
    with RawClient(server) as away:
        away.connect("away", clean=True)


# Requests

DEEP = 60_000
BOMBS = {
    "json": [
        b"[" * DEEP, b'{"a":' * 20_000, b'{"f":' + b"9" * 5000 + b"}", b'{"f":1e400,"l":NaN}', b'{"f":0,"f":1,"l":256}',
        b'{"f":true,"l":"256"}', b'{"c":"\\ud800","f":0,"l":256}', '{"f":0}'.encode("utf-16"), b"\xff\xfe",
        b'{"f":0,"l":256,"o":1099511627776,"n":1099511627776}', b'{"f":-1,"l":-1,"o":-1,"n":-1}',
        b'{"f":0,"l":256,"b":"' + b"f" * 100_000 + b'"}',
    ],
    "cbor": [
        b"\x81" * DEEP, b"\xd8\x23" * DEEP, b"\xbb" + b"\xff" * 8, b"\x5b" + b"\xff" * 8, b"\x9b\x7f" + b"\xff" * 7,
        b"\xbf" * 1000, cbor2.dumps({"f": 2**70, "l": 256}), cbor2.dumps({"f": float("nan"), "l": 256}),
        cbor2.dumps(cbor2.CBORTag(35, "(a+)+$" * 1000)), b"\xd8\x1c\x81\xd8\x1d\x00",
        cbor2.dumps({"f": 0, "l": 256}) + b"\0", b"\xa2\x61f\x00\x61f\x01",
        cbor2.dumps({"f": 0, "l": 256, "b": bytes(100_000)}),
    ],
}  # fmt: skip


@attack
def sends_bombs_as_requests(server: Server, _: pytest.MonkeyPatch) -> None:
    """Depth, declared lengths, tags, huge numbers, NaN, doubles: one answer each (A11, A12, A13)."""
    with connected(server, "bomb") as bomb:
        for wire, payloads in BOMBS.items():
            for payload in payloads:
                bomb.publish(GET % ("bomb", wire), payload)
                answers = bomb.messages()
                assert 0 < sum(len(answer) for _, answer in answers) < 2 * KIB_128
                assert {topic.partition("/fw/")[2] for topic, _ in answers} <= {f"rejected/{wire}", f"data/{wire}"}
        jobs = "$aws/things/bomb/jobs/get"
        for payload in BOMBS["json"]:
            bomb.publish(jobs, payload)
            ((topic, _),) = bomb.messages()
            assert topic in {f"{jobs}/accepted", f"{jobs}/rejected"}


@attack
def asks_for_everything_at_once(server: Server, _: pytest.MonkeyPatch) -> None:
    """One small request never brings more than 128 KiB of data (A9)."""
    with connected(server, "greedy") as greedy:
        for size in (256, 4096, KIB_128):
            greedy.publish(GET % ("greedy", "json"), ASK % (size, min(98_304, KIB_128 * 4 // size)))
            data = sum(json.loads(payload)["l"] for _, payload in greedy.messages())
            assert data == KIB_128


@attack
def asks_two_thousand_times_without_reading(server: Server, _: pytest.MonkeyPatch) -> None:
    """All are answered, in order, each with its record (A10)."""
    with connected(server, "flood") as flood:
        before = len(server.records)
        ask = live.packet(0x30, live.text(GET % ("flood", "json")) + ASK % (256, 1))
        flood.socket.settimeout(live.PATIENCE)
        flood.send(ask * 2000)
        assert len(flood.messages()) == 2000
        assert len(server.records) - before == 2000


@attack
def names_paths_and_escapes(server: Server, _: pytest.MonkeyPatch) -> None:
    """Topics and client ids with dots, escapes and marks are text and nothing else (A4, A5)."""
    odd = ["../../etc/passwd", "a/../b", "a\r\nb", "\x1b[31mred", "\u202edne", "x\x7f", "\x01", "%00", "x$(reboot)"]
    with connected(server, "watch") as watch:
        for name in odd:
            watch.subscribe(name)
            part = name.replace("/", ".")
            with connected(server, name) as client:
                client.publish(name, b"x")
                client.publish(f"$aws/things/{part}/streams/fw/get/json", ASK % (256, 1))
                client.publish(f"$aws/things/t/streams/{part}/get/json", ASK % (256, 1))
                client.publish(f"$aws/things/t/jobs/{part}/get", b"{}")
                client.until_ping()
            assert (name, b"x") in watch.messages()


def _holds(server: Server) -> tuple[int, int]:
    exchange = server.listener.exchange
    return len(server.listener._connections), len(exchange._sessions)


@pytest.mark.parametrize("name", ATTACKS)
def test_others_are_served_and_nothing_is_left(server: Server, name: str, monkeypatch: pytest.MonkeyPatch):
    with connected(server, "canary") as canary:
        assert is_served(canary, "canary")
        ATTACKS[name](server, monkeypatch)
        assert is_served(canary, "canary")
        with connected(server, "newcomer") as newcomer:
            assert is_served(newcomer, "newcomer")
        live.wait_until(lambda: _holds(server) == (1, 1), "only the canary is left")
        assert not server.listener._waiting


def test_log_lines_stay_lines_whatever_a_client_says(server: Server, caplog: pytest.LogCaptureFixture):  # A14
    name = "a\nclosed FORBIDDEN_ACCESS: admin\x1b[2J\u202e\u2028"
    with connected(server, name) as client:
        client.publish(f"$aws/{name}", b"x")
        client.send(b"\xf0\0")
        assert client.is_closed()
    assert any("admin" in line for line in caplog.messages)
    assert all(line.isprintable() for line in caplog.messages)
