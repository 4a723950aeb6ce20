"""Sessions and retained messages outlive the process, however it ends: clients find what they were promised."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from queue import Queue

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import live
from aws_process import ACCOUNT, AwsProcess
from live import RawClient
from processes import Process, serve

PATIENCE = live.PATIENCE
PUBREC, PUBREL, PUBCOMP = 0x50, 0x62, 0x70

Serve = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Serve:
    """Serve the same data directory again and again."""
    firmware = tmp_path / "fw.bin"
    firmware.write_bytes(b"firmware")
    return lambda *more: serve(firmware, tmp_path / "data", *more)  # type: ignore[return-value]


class Device:
    """A paho client with a session that lasts."""

    def __init__(self, process: Process, protocol: int = paho.MQTTv311) -> None:
        self.present = Queue[bool]()
        self.got = Queue[tuple[str, bytes, bool]]()
        how = {} if protocol == paho.MQTTv5 else {"clean_session": False}
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "device", protocol=protocol, **how)
        self.client.on_connect = lambda _client, _data, flags, _code, _props: self.present.put(flags.session_present)
        self.client.on_message = lambda _client, _data, m: self.got.put((m.topic, m.payload, m.retain))
        if protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 600
            self.client.connect(*process.address, clean_start=False, properties=properties)
        else:
            self.client.connect(*process.address)
        self.client.loop_start()
        self.was_present = self.present.get(timeout=PATIENCE)

    def subscribe(self, *filters: str) -> None:
        done = Queue[None]()
        self.client.on_subscribe = lambda *_: done.put(None)
        self.client.subscribe([(each, 1) for each in filters])
        done.get(timeout=PATIENCE)

    def unsubscribe(self, *filters: str) -> None:
        done = Queue[None]()
        self.client.on_unsubscribe = lambda *_: done.put(None)
        self.client.unsubscribe(list(filters))
        done.get(timeout=PATIENCE)

    def next(self) -> tuple[str, bytes, bool]:
        return self.got.get(timeout=PATIENCE)

    def settle(self) -> None:
        """Wait until every message that came is acknowledged: paho calls back before it does that."""
        self.subscribe("plain/+")  # its answer is handled after the acknowledgements were queued
        self.subscribe("plain/+")  # and this one asked after them

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def publish(process: Process, topic: str, *payloads: bytes, retain: bool = False) -> None:
    """Publish with QoS 1 and wait for every PUBACK."""
    with RawClient(process.address) as sender:
        sender.connect("sender")
        for payload in payloads:
            sender.publish(topic, payload, qos=1, retain=retain)
            assert sender.receive()[0] == 0x40


@pytest.mark.parametrize(("how", "protocol"), [(signal.SIGKILL, paho.MQTTv311), (signal.SIGTERM, paho.MQTTv5)])
def test_what_waits_for_a_device_is_there_after_a_restart(start: Serve, how: int, protocol: int):  # MB-3, Q-31
    with start() as process:
        device = Device(process, protocol)
        assert not device.was_present
        device.subscribe("plain/+", "$share/group/shared", "unwanted")
        device.unsubscribe("unwanted")
        device.leave()
        publish(process, "plain/t", b"1", b"2")
        process.stop(how)
    with start() as process:
        publish(process, "plain/t", b"3")
        device = Device(process, protocol)
        assert device.was_present
        assert [device.next()[1] for _ in range(3)] == [b"1", b"2", b"3"]
        for topic in ("unwanted", "plain/u", "shared"):
            publish(process, topic, b"live")
        assert [device.next() for _ in range(2)] == [("plain/u", b"live", False), ("shared", b"live", False)]
        device.settle()
        device.leave()
        process.stop(how)
    with start() as process:
        device = Device(process, protocol)
        assert device.was_present
        publish(process, "plain/t", b"4")
        assert device.next()[1] == b"4", "and nothing that was acknowledged came again"
        device.leave()


def test_the_notification_of_a_job_waits_for_a_device_that_is_away(start: Serve, tmp_path: Path):
    topic = "$aws/things/device/jobs/notify-next"
    with start() as process, RawClient(process.address) as device:
        device.connect("device", clean=False)
        device.subscribe(topic, qos=1)
        device.send(b"\xe0\x00")
        assert device.is_closed()
        thing = f"arn:aws:iot:us-east-1:{ACCOUNT}:thing/device"
        AwsProcess(process, tmp_path).client("iot").create_job(jobId="j", targets=[thing], document="{}")
        process.kill()  # right after the answer
    with start() as process, RawClient(process.address) as device:
        assert device.connect("device", clean=False)
        name, payload = live.message(*device.receive())
        assert (name, json.loads(payload)["execution"]["jobId"]) == (topic, "j")


def test_whatever_was_acknowledged_to_its_sender_comes_however_often_we_are_killed(start: Serve):  # R1
    acknowledged, sent = [], 0
    with start() as process, RawClient(process.address) as device:
        device.connect("device", clean=False)
        device.subscribe("t", qos=1)
    for life in range(3):
        with start() as process, RawClient(process.address) as sender:
            sender.connect("sender")
            for _ in range(20 * life + 10):
                sender.publish("t", b"%d" % sent, qos=1)
                sent += 1
                sender.receive()
                acknowledged.append(sent - 1)
            process.kill()  # right after the PUBACK
    with start() as process, RawClient(process.address) as device:
        assert device.connect("device", clean=False)
        got = [int(live.message(*device.receive())[1]) for _ in range(90)]  # as many as may be in flight
        assert got == acknowledged


def test_qos_2_is_taken_once_though_we_are_killed_in_the_middle(start: Serve):  # MQTT 3.1.1, 4.3.3
    publish_7 = live.text("t") + b"\0\7once"
    with start("--profile", "standard") as process, RawClient(process.address) as sender:
        with RawClient(process.address) as device:
            device.connect("device", clean=False)
            device.subscribe("t", qos=2)
        sender.connect("sender", clean=False)
        sender.send(live.packet(0x34, publish_7))
        assert sender.receive() == (PUBREC, b"\0\7")
        process.kill()
    with start("--profile", "standard") as process, RawClient(process.address) as sender:
        assert sender.connect("sender", clean=False)
        sender.send(live.packet(0x3C, publish_7))
        assert sender.receive() == (PUBREC, b"\0\7")
        sender.send(live.packet(PUBREL, b"\0\7"))
        assert sender.receive() == (PUBCOMP, b"\0\7")
        with RawClient(process.address) as device:
            device.connect("device", clean=False)
            assert device.receive() == (0x34, live.text("t") + b"\0\1once")
            assert device.until_ping() == []
            device.send(live.packet(PUBREC, b"\0\1"))
            assert device.receive() == (PUBREL, b"\0\1")
            process.kill()
    with start("--profile", "standard") as process, RawClient(process.address) as device:
        device.connect("device", clean=False)
        assert device.receive() == (PUBREL, b"\0\1"), "not the message again"
        device.send(live.packet(PUBCOMP, b"\0\1"))
        assert device.until_ping() == []


def test_retained_messages_outlive_us_and_clean_sessions_do_not(start: Serve):  # MB-6
    with start() as process, RawClient(process.address) as client:
        client.connect("d", clean=True)
        client.subscribe("r/#", qos=1)
        publish(process, "r/kept", b"old", b"new", retain=True)
        publish(process, "r/gone", b"x", b"", retain=True)
        process.kill()
    with start() as process, RawClient(process.address) as client:
        assert not client.connect("d", clean=False)
        publish(process, "r/kept", b"live")
        assert client.until_ping() == []
        client.subscribe("r/kept", "r/gone", qos=1)
        assert client.until_ping() == [(0x33, live.text("r/kept") + b"\0\1new")]
