"""Faults of the broker, and what the cloud does of its own accord: a whole simulator, real sockets, both versions."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from images import image_bytes
from live import RawClient, message, packet, text, wait_until
from ota_broker.front.codec.packets import PacketType
from ota_device.errors import DeviceError
from ota_stream.testing import LocalCloud

IMAGE = image_bytes(40_000)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    firmware = tmp_path / "fw.bin"
    firmware.write_bytes(IMAGE)
    with LocalCloud(tmp_path / "data", firmware=[str(firmware)], stream_id="fw") as cloud:
        yield cloud


def client(cloud: LocalCloud, level: int = 4) -> RawClient:
    return RawClient(cloud.mqtt, level)


def ask(device: RawClient, count: int, offset: int = 0, thing: str = "t") -> list[int]:
    """Ask for blocks of 1 KiB and return the ids of those that have come by the answer to a PINGREQ."""
    body = json.dumps({"f": 0, "l": 1024, "o": offset, "n": count}).encode()
    device.publish(f"$aws/things/{thing}/streams/fw/get/json", body)
    return [json.loads(payload)["i"] for _, payload in device.messages()]


def codes(cloud: LocalCloud) -> list[str]:
    return [entry["kind"] for entry in cloud.records(action="InjectedFault")]


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("withheld", ["SUBACK", "UNSUBACK", "PUBACK", "PINGRESP"])
def test_an_acknowledgement_never_comes_and_what_was_asked_for_is_done(cloud: LocalCloud, withheld: str, level: int):
    cloud.faults.add("withhold", packet=withheld, attempts=1, thing="c*")
    with client(cloud, level) as device:
        device.connect("c1")
        no_properties = b"\0" * (level == 5)
        device.send(packet(0x82, b"\0\1" + no_properties + text("a") + b"\1"))
        device.publish("a", b"hello", qos=1)
        device.send(packet(0xA2, b"\0\2" + no_properties + text("a")))
        device.send(b"\xc0\0")
        came = [PacketType(first >> 4).name for first, _ in device.until_ping()]
    wanted = ["SUBACK", "PUBACK", "PUBLISH", "UNSUBACK", "PINGRESP"]
    if withheld == "PINGRESP":  # `until_ping` ends at the first there is: the second ping's
        wanted.remove("PINGRESP")
    elif withheld in wanted:
        wanted.remove(withheld)
        wanted.remove("PINGRESP")
    assert sorted(came) == sorted(wanted)
    assert codes(cloud) == ["withhold"]


@pytest.mark.parametrize("level", [4, 5])
def test_a_client_is_connected_and_never_told(cloud: LocalCloud, level: int):
    cloud.faults.add("withhold", packet="CONNACK")
    with client(cloud, level) as device:
        head = text("MQTT") + bytes((level, 2)) + b"\0\x3c" + b"\0" * (level == 5)
        device.send(packet(PacketType.CONNECT << 4, head + text("c")))
        assert device.until_ping() == []


@pytest.mark.parametrize(
    ("why", "level", "said"),
    [("unavailable", 4, 3), ("not-authorized", 4, 5), ("busy", 4, 3), ("unavailable", 5, 0x88), ("busy", 5, 0x89)],
)
def test_a_connection_is_refused_twice_and_taken_the_third_time(cloud: LocalCloud, why: str, level: int, said: int):
    cloud.faults.add("refuse-connection", why=why, attempts="1-2")
    for _ in range(2):
        with client(cloud, level) as device:
            head = text("MQTT") + bytes((level, 2)) + b"\0\x3c" + b"\0" * (level == 5)
            device.send(packet(PacketType.CONNECT << 4, head + text("c")))
            ((first, body),) = device.until_end()
            assert (first >> 4, body[1]) == (PacketType.CONNACK, said)
    with client(cloud, level) as device:
        assert device.connect("c") is False


def test_the_broker_hangs_up_at_a_packet_and_has_not_carried_it_out(cloud: LocalCloud):
    name = cloud.faults.add("hang-up", operation="SUBSCRIBE")
    with client(cloud) as device:
        device.connect("c", clean=False)
        device.send(packet(0x82, b"\0\1" + text("a") + b"\1"))
        assert device.is_closed()
    assert cloud.faults.hits(name) == 1
    cloud.faults.clear()
    with client(cloud) as device:
        assert device.connect("c", clean=False)
        device.publish("a", b"hello")
        assert device.until_ping() == []


@pytest.mark.parametrize("kind", ["disconnect", "take-over"])
@pytest.mark.parametrize("level", [4, 5])
def test_the_connection_ends_right_after_a_block(cloud: LocalCloud, kind: str, level: int):
    cloud.faults.add(kind, blocks=2)
    with client(cloud, level) as device:
        device.connect("c", clean=False)
        assert ask(device, 2) == [0, 1]
        device.publish("$aws/things/t/streams/fw/get/json", b'{"f":0,"l":1024,"n":3}')
        packets = device.until_end()
    blocks = [json.loads(message(*each, level)[1])["i"] for each in packets if each[0] >> 4 == PacketType.PUBLISH]
    assert blocks == [0, 1, 2]
    if level == 5:
        assert packets[-1][0] >> 4 == PacketType.DISCONNECT
        assert packets[-1][1][0] == {"disconnect": 0x8B, "take-over": 0x8E}[kind]


def test_a_connection_is_half_open_until_the_broker_gives_it_up(cloud: LocalCloud):
    cloud.faults.add("half-open", blocks=0, attempts=1)
    cloud.clock.freeze()
    with client(cloud) as device, client(cloud) as other:
        device.connect("c", keep_alive=60)
        other.connect("other")
        device.publish("$aws/things/t/streams/fw/get/json", b'{"f":0,"l":1024,"n":1}')
        assert json.loads(message(*device.receive())[1])["i"] == 0
        device.send(b"\xc0\0")
        assert ask(other, 1) == [0]  # others are served
        device.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            device.receive()
        cloud.clock.step("100s")
        device.socket.settimeout(10)
        assert device.is_closed()


def test_an_old_fault_lets_go_of_who_is_connected(cloud: LocalCloud):
    with client(cloud) as device:
        device.connect("c")
        name = cloud.faults.add("withhold", packet="PUBACK")
        device.publish("a", b"1", qos=1)
        assert device.until_ping() == []
        cloud.faults.remove(name)
        device.publish("a", b"2", qos=1)
        assert [first >> 4 for first, _ in device.until_ping()] == [PacketType.PUBACK]


def test_delayed_blocks_come_when_time_does(cloud: LocalCloud):
    cloud.faults.add("delay", seconds=600, blocks=1)
    cloud.clock.freeze()
    with client(cloud) as device:
        device.connect("c", keep_alive=0)
        assert ask(device, 3) == [0, 2]
        cloud.clock.step("9m")
        assert device.until_ping() == []
        cloud.clock.step("1m")
        assert [json.loads(payload)["i"] for _, payload in device.messages()] == [1]
        ask(device, 2)
        cloud.clock.speed(600_000)
        first, body = device.receive()
        assert json.loads(message(first, body)[1])["i"] == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("cancel-job", "CANCELED"), ("time-out-job", "TIMED_OUT"), ("delete-job", None)]
)
def test_a_job_ends_while_a_device_is_at_it_and_the_device_does_the_next(
    cloud: LocalCloud, kind: str, status: str | None
):
    update = cloud.create_update(IMAGE, "t")
    name = cloud.faults.add(kind, operation="GetStream", blocks=9, attempts=1)
    device = cloud.device("t")
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(device.run)
        wait_until(lambda: cloud.faults.hits(name), "the last block")
        cloud.faults.clear()  # the second download is another first attempt
        second = cloud.create_update(IMAGE[::-1], "t")
        outcome = running.result(30)
        if outcome is not None and outcome.value != "SUCCEEDED":  # it has reported the first, and may be told no
            outcome = threads.submit(device.run).result(30)
    if status is not None:
        assert update.status("t") == status
    assert outcome is not None
    assert (outcome.value, second.status("t"), device.runs) == ("SUCCEEDED", "SUCCEEDED", IMAGE[::-1])


def test_what_cannot_be_done_is_told(cloud: LocalCloud, caplog: pytest.LogCaptureFixture):
    cloud.faults.add("cancel-job", blocks=0)
    with client(cloud) as device:
        device.connect("c")
        assert ask(device, 1) == [0]
    assert "cancel-job for c: there is nothing it could be done to" in caplog.text


def test_a_stream_is_deleted_in_mid_download(cloud: LocalCloud):
    cloud.faults.add("delete-stream", blocks=5)
    with client(cloud) as device:
        device.connect("c")
        assert ask(device, 6) == [0, 1, 2, 3, 4, 5]
        device.publish("$aws/things/t/streams/fw/get/json", b'{"f":0,"l":1024,"n":1}')
        ((topic, payload),) = device.messages()
    assert topic.endswith("/rejected/json")
    assert json.loads(payload)["o"] == "ResourceNotFound"


def test_a_device_that_hears_of_its_own_job_in_mid_download_goes_on(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "t")
    name = cloud.faults.add("notify-next", operation="GetStream", blocks=3, attempts=1)
    device = cloud.device("t")
    outcome = device.run()
    assert outcome is not None
    assert (outcome.value, update.status("t"), cloud.faults.hits(name)) == ("SUCCEEDED", "SUCCEEDED", 1)


def url_in_the_document(cloud: LocalCloud) -> str:
    with client(cloud) as device:
        device.connect("t")
        device.publish("$aws/things/t/jobs/start-next", b"{}")
        ((_, payload),) = device.messages()
    (file,) = json.loads(payload)["execution"]["jobDocument"]["afr_ota"]["files"]
    return str(file["update_data_url"])


def test_a_url_is_over_before_its_time_and_for_good_and_a_fresh_document_has_another(cloud: LocalCloud):
    cloud.clock.freeze()  # not even the second has to be another one
    update = cloud.create_update(IMAGE, "t", protocol="HTTP")
    url = url_in_the_document(cloud)
    with urlopen(url) as answer:  # noqa: S310 - our own
        assert answer.read() == IMAGE
    cloud.faults.add("url-expired", object_key="firmware/*", attempts=1)
    for _ in range(2):
        with pytest.raises(HTTPError) as refused:
            urlopen(url)  # noqa: S310 - our own
        with refused.value:
            assert refused.value.code == 403
    with urlopen(url_in_the_document(cloud)) as answer:  # noqa: S310 - our own
        assert answer.status == 200
    assert codes(cloud) == ["url-expired"]
    assert update.status("t") == "IN_PROGRESS"


def test_a_device_whose_connections_are_refused_says_so(cloud: LocalCloud):
    cloud.faults.add("refuse-connection", why="not-authorized")
    with pytest.raises(DeviceError, match=r"refused|authori[sz]ed"):
        cloud.device("t").run()
