"""What a client is told that may not do what it does, in both versions and by every option (MU-1..MU-3, G-14, G-24)."""

import pytest

import live
from live import RawClient
from live5 import Client5, Will
from ota_broker.front.access import ANYTHING, Access, Identity
from ota_broker.front.options import MqttOptions

RULE = "no statement allows it"


class Fence:
    """Rights to all that does not begin with `forbidden`."""

    def stay(self) -> str | None:
        return None

    def publish(self, topic: str, *, retain: bool) -> str | None:
        return RULE if topic.startswith("forbidden") or (retain and topic == "volatile") else None

    def subscribe(self, topic_filter: str) -> str | None:
        return RULE if topic_filter.startswith("forbidden") else None

    def receive(self, topic: str) -> str | None:
        return RULE if topic.startswith("secret") else None


class Gate:
    """Lets everybody in but strangers."""

    def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:  # noqa: ARG002 - Admission
        return RULE if client_id == "stranger" else Fence()


def gated(**options: str):
    return live.serving(mqtt=MqttOptions(**options), admission=Gate())


CONNECT = live.packet(0x10, live.text("MQTT") + b"\x04\x02\0\x3c" + live.text("stranger"))
WITH_WILL = live.packet(
    0x10, live.text("MQTT") + b"\x04\x06\0\x3c" + live.text("d") + live.text("forbidden") + live.binary(b"")
)


@pytest.mark.parametrize("connect", [CONNECT, WITH_WILL])
@pytest.mark.parametrize(("option", "told"), [("close", []), ("connack7", [(0x20, b"\0\7")])])
def test_a_connect_of_3_1_1_is_closed_or_gets_code_7(connect: bytes, option: str, told: list[tuple[int, bytes]]):
    """MU-1, G-24."""
    with gated(connect_deny=option) as server, RawClient(server) as client:
        client.send(connect)
        assert client.until_end() == told


@pytest.mark.parametrize("values", [{"client_id": "stranger"}, {"will": Will("forbidden")}])
def test_a_connect_of_mqtt_5_gets_its_reason(values: dict[str, object]):  # MU-1
    with gated() as server, Client5(server) as client:
        connack = client.hello(**values)
        assert (connack.present, connack.code) == (False, 0x87)
        assert RULE in connack.properties["ReasonString"]
        assert client.is_closed()


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("option", ["disconnect", "suback"])
def test_a_publish_of_3_1_1_ends_the_connection_without_a_puback(qos: int, option: str):  # MU-3
    with gated(deny=option) as server, RawClient(server) as client:
        client.connect("d")
        client.publish("forbidden", b"x", qos=qos)
        assert client.until_end() == []


def test_a_publish_of_mqtt_5_is_refused_in_its_puback_or_ends_the_connection(caplog: pytest.LogCaptureFixture):
    """MU-3."""
    with gated() as server, Client5(server) as client:
        client.hello()
        ack = client.say("forbidden", qos=1)
        assert ack.codes == b"\x87"
        assert ack.properties["ReasonString"].endswith(RULE)
        assert client.say("volatile", qos=1).codes == b"\0"
        assert client.say("volatile", qos=1, retain=True).codes == b"\x87"
        client.say("forbidden", qos=0)
        goodbye = client.goodbye()
        assert goodbye.code == 0x87
        assert RULE in goodbye.properties["ReasonString"]
    assert sum(RULE in line for line in caplog.messages) >= 2


def test_a_subscribe_of_3_1_1_ends_the_connection(caplog: pytest.LogCaptureFixture):  # MU-2, G-14
    with gated() as server, RawClient(server) as client:
        client.connect("d")
        client.send(live.packet(0x82, b"\0\1" + live.text("t") + b"\0" + live.text("forbidden") + b"\0"))
        assert client.until_end() == []
    assert any(line.startswith("closed FORBIDDEN_ACCESS") and RULE in line for line in caplog.messages)


def test_a_subscribe_of_3_1_1_may_be_answered(caplog: pytest.LogCaptureFixture):  # MU-2, G-14
    with gated(deny="suback") as server, RawClient(server) as client:
        client.connect("d")
        assert client.subscribe("forbidden", "t", "forbidden/#") == b"\x80\0\x80"
    assert any(line.startswith("refused") and RULE in line for line in caplog.messages)


def test_a_subscribe_of_mqtt_5_is_refused_filter_by_filter():  # MU-2
    with gated() as server, Client5(server) as client:
        client.hello()
        ack = client.ask("forbidden", "t", options=1)
        assert ack.codes == b"\x87\1"
        assert RULE in ack.properties["ReasonString"]
        client.say("t", b"x")
        assert [each.payload for each in client.heard()] == [b"x"]


@pytest.mark.parametrize("level", [4, 5])
def test_what_a_client_may_not_receive_is_withheld(level: int):  # MP-3
    with gated() as server, RawClient(server, level) as client:
        client.connect("d")
        client.subscribe("#", qos=1)
        client.publish("secret/t", b"x", qos=1)
        client.publish("t", b"y", qos=0)
        assert client.messages() == [("t", b"y")]


@pytest.mark.parametrize("level", [4, 5])
def test_what_waited_is_withheld_when_rights_were_taken_away_meanwhile(level: int, caplog: pytest.LogCaptureFixture):
    class Narrowing:
        def __init__(self) -> None:
            self.access: Access = ANYTHING

        def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:  # noqa: ARG002 - Admission
            return self.access

    gate = Narrowing()
    with live.serving(admission=gate) as server:
        with RawClient(server, level) as client:
            client.connect("d", clean=False)
            client.subscribe("#", qos=1)
        with RawClient(server, level) as sender:
            sender.connect("sender")
            for topic in ("secret/t", "t"):
                sender.publish(topic, b"x", qos=1)
            sender.until_ping()
        gate.access = Fence()
        with RawClient(server, level) as client:  # MP-3
            assert client.connect("d", clean=False)
            assert client.messages() == [("t", b"x")]
    assert any(line.startswith("withheld: a message on secret/t") and RULE in line for line in caplog.messages)
