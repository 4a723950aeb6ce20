"""What policies do to real clients: who comes in, what is refused and recorded, and rights that change meanwhile."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count

import msgspec
import pytest

import live
from live import RawClient, Server
from ota_broker.access import Anonymous, PolicyAdmission
from ota_broker.front import limits
from ota_broker.front.access import Identity
from ota_broker.front.codec.packets import PacketType
from ota_stream.policies import defaults
from ota_stream.policies.principals import Policy, Principal, ThingView
from ota_stream.policies.service import PolicyService
from ota_stream.records import BrokerEvent, BrokerRecord, RequestRecord
from policy_cases import ARN, Registry, policy, principal, statement

OWN = "$aws/things/lock-7"
SNOOPING = ["#", "+/#", "$aws/#", "$aws/things/#", "$aws/things/+/jobs/notify", "$aws/things/other/jobs/notify-next"]


class World:
    """A front door whose clients hold certificates, by the address they come from."""

    def __init__(self, server: Server, registry: Registry, policies: PolicyService) -> None:
        self.server, self.registry, self.policies = server, registry, policies
        self._hosts = count(2)

    def put(self, changed: Principal) -> None:
        """Register a certificate anew, as a call of the AWS API does."""
        self.registry.known[changed.certificate_id] = changed
        self.changed()

    def changed(self) -> None:
        self.server.run(self.policies.changed)

    def holder(self, certificate_id: str) -> RawClient:
        """Return a client that shows a certificate, registered or not."""
        host = f"127.0.0.{next(self._hosts)}"
        self.server.certificates[host] = certificate_id
        return RawClient(self.server, source=host)

    def connected(self, client_id: str, *policies: Policy, **more: object) -> RawClient:
        """Return a client that holds a certificate of its name, attached to its thing."""
        if client_id not in self.registry.known:
            self.put(principal(client_id, *policies, **{"thing": client_id, **more}))
        client = self.holder(client_id)
        client.connect(client_id)
        return client

    def refused(self) -> list[tuple[str, str | None, str]]:
        """Return (event, topic, rule) of what was denied, without the ends of connections."""
        made = [each for each in self.server.records if isinstance(each, BrokerRecord)]
        told = [each for each in made if each.event is not BrokerEvent.DISCONNECT]
        assert {each.reason for each in told} <= {"AUTHORIZATION_FAILURE"}  # LR-16
        return [(each.event, each.topic, each.failure.removeprefix("Authorization Failure: ")) for each in told]


@pytest.fixture
def world() -> Iterator[World]:
    registry = Registry()
    policies = PolicyService(registry, ARN)
    with live.serving(admission=PolicyAdmission(policies, Anonymous.REFUSE), recorded=True) as server:
        yield World(server, registry, policies)


def serving(anonymous: Anonymous) -> AbstractContextManager[Server]:
    return live.serving(admission=PolicyAdmission(PolicyService(Registry(), ARN), anonymous), recorded=True)


THING = defaults.thing_policy(ARN)
ALL = defaults.operator_policy()


# Who comes in


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        (None, "the certificate c is not registered"),
        (principal("c", THING, thing="lock-7", active=False), "the certificate c is not ACTIVE"),
        (principal("c", thing="lock-7"), "no policy is attached"),
        (principal("c", THING, thing="other"), "no statement of policy ota-stream-thing allows it"),  # MP-7
        (principal("c", policy(statement("iot:*", "*"), statement("iot:Connect", "client/lock-7", "Deny"))),
         "explicit deny: statement 2 of policy p"),
    ],
)  # fmt: skip
def test_who_may_not_connect_is_closed_and_recorded(
    world: World, known: Principal | None, rule: str, caplog
):  # MU-1, MS-4
    if known is not None:
        world.put(known)
    with world.holder("c") as client, pytest.raises(ConnectionError):
        client.connect("lock-7")
    (record, end) = world.server.records
    assert isinstance(record, BrokerRecord)
    assert (record.event, record.client_id, record.topic, record.principal_id) == ("Connect", "lock-7", None, "c")
    assert (record.source_ip, record.source_port > 0) == ("127.0.0.2", True)
    assert record.failure == f"Authorization Failure: {rule}"
    assert isinstance(end, BrokerRecord)
    assert (end.event, end.reason, end.disconnect_reason) == ("Disconnect", "FORBIDDEN_ACCESS", "FORBIDDEN_ACCESS")
    assert any(f"iot:Connect on client/lock-7 is not allowed: {rule}" in line for line in caplog.messages)


def test_who_shows_no_certificate_is_refused_when_that_is_set(world: World):
    with RawClient(world.server) as client, pytest.raises(ConnectionError):
        client.connect("d")
    assert world.refused() == [("Connect", None, "it shows no certificate, and `--anonymous refuse` asks for one")]


def test_a_certificate_keeps_others_out_of_its_session(world: World):
    with world.connected("lock-7", THING) as client:
        with world.connected("lock-8", THING), world.holder("lock-8") as thief, pytest.raises(ConnectionError):
            thief.connect("lock-7")  # MB-5 is for who may
        assert client.until_ping() == []


# A thing


def test_a_thing_does_what_ota_needs(world: World):  # MP-1
    with world.connected("lock-7", THING) as client:
        client.subscribe(f"{OWN}/jobs/notify-next", f"{OWN}/jobs/#", f"{OWN}/streams/s/data/json")
        client.publish(f"{OWN}/jobs/get", b"{}")
        (answer,) = client.messages()
        assert answer[0] == f"{OWN}/jobs/get/accepted"
        world.server.create_job("j1", "lock-7")
        assert {topic for topic, _ in client.messages()} == {f"{OWN}/jobs/notify-next", f"{OWN}/jobs/notify"}
        client.publish(f"{OWN}/streams/s/describe/json", b"{}")
        assert [topic for topic, _ in client.messages()] == [f"{OWN}/streams/s/rejected/json"]
    assert world.refused() == []


@pytest.mark.parametrize("topic_filter", [*SNOOPING, "a", f"{OWN}/#", "$share/g/a", f"$share/g/{OWN}/jobs/notify"])
def test_a_thing_does_not_snoop(world: World, topic_filter: str):  # MU-2
    with world.connected("lock-7", THING) as client:
        with pytest.raises(ConnectionError):
            client.subscribe(topic_filter)
        assert world.refused()[0][:2] == ("Subscribe", topic_filter)


@pytest.mark.parametrize("topic", ["a", "$aws/things/other/jobs/get", "$aws/things/lock-7/shadow/get", "$aws/rules/r"])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_thing_does_not_publish_elsewhere(world: World, topic: str, qos: int):  # MU-3
    with world.connected("lock-7", THING) as client:
        client.publish(topic, b"x", qos=qos)
        with pytest.raises(ConnectionError):
            client.until_ping()
    assert world.refused() == [("Publish-In", topic, "no statement of policy ota-stream-thing allows it")]
    assert not any(isinstance(each, RequestRecord) for each in world.server.records), "the cloud was not asked"


def test_a_will_is_a_publish(world: World):
    world.put(principal("lock-7", THING, thing="lock-7"))
    with world.holder("lock-7") as client, pytest.raises(ConnectionError):
        client.connect("lock-7", will=("a", b"x", 0, False))
    ((event, topic, rule),) = world.refused()
    assert (event, topic) == ("Publish-In", "a")
    assert rule.endswith("(it is the will)")


def test_to_retain_is_a_right_of_its_own(world: World):  # MP-3
    allowed = policy(statement(["iot:Connect", "iot:Publish"], "*"))
    with world.connected("d", allowed) as client:
        client.publish("a", b"x")
        assert client.until_ping() == []
        client.publish("a", b"x", retain=True)
        with pytest.raises(ConnectionError):
            client.until_ping()
    assert world.refused() == [("Publish-In", "a", "no statement of policy p allows it")]


def test_what_no_policy_could_allow_is_recorded_too(world: World):  # MU-6, MU-7, MB-8
    for topic, retain in ((f"{OWN}/jobs/get", True), ("$mine", False)):
        with world.connected("op", ALL) as client:
            client.publish(topic, b"x", retain=retain)
            assert client.is_closed()
    assert [refusal[:2] for refusal in world.refused()] == [("Publish-In", f"{OWN}/jobs/get"), ("Publish-In", "$mine")]
    with world.connected("op", ALL) as client:
        client.send(b"\xf0\0")
        assert client.is_closed()
    last = world.server.records[-1]
    assert isinstance(last, BrokerRecord)
    assert (last.event, last.disconnect_reason, last.client_id) == ("Disconnect", "CLIENT_ERROR", "op")


# An operator


def test_an_operator_sees_everything(world: World):
    with world.connected("op", ALL) as operator, world.connected("lock-7", THING) as thing:
        assert operator.subscribe("#", "$aws/#", "$aws/things/+/jobs/+/update") == b"\0\0\0"
        thing.publish(f"{OWN}/streams/s/get/json", b"{}")
        assert len(thing.messages()) == 1
        assert {topic.removeprefix(OWN) for topic, _ in operator.messages()} == {
            "/streams/s/get/json",
            "/streams/s/rejected/json",
        }
    assert world.refused() == []


# Without certificates


@pytest.mark.parametrize("anonymous", Anonymous)
def test_who_signs_is_an_operator(anonymous: Anonymous):  # MS-2
    admission = PolicyAdmission(PolicyService(Registry(), ARN), anonymous)
    access = admission.admit("d", Identity(signed=True), "127.0.0.1")
    assert not isinstance(access, str)
    assert access.subscribe("#") is None


def test_without_certificates_everybody_is_an_operator():
    with serving(Anonymous.OPERATOR) as server, RawClient(server) as client:
        client.connect("anybody")
        assert client.subscribe(*SNOOPING) == b"\0" * len(SNOOPING)
        client.publish("a", b"x")
        assert client.messages() == [("a", b"x")]
    assert server.records == []


def test_least_rights_can_be_tried_without_certificates():
    with serving(Anonymous.THING) as server:
        with RawClient(server) as client:
            client.connect("lock-7")
            client.publish(f"{OWN}/jobs/get", b"{}")
            assert len(client.messages()) == 1
            client.publish("$aws/things/lock-8/jobs/get", b"{}")
            assert client.is_closed()
        for client_id in ("+", "*", "a b", "lock/7"):
            with RawClient(server) as client, pytest.raises(ConnectionError):
                client.connect(client_id)


# Rights that change


def test_a_right_that_is_taken_away_ends_at_the_next_publish(world: World):
    with world.connected("d", ALL) as client:
        client.publish("a", b"x")
        client.publish("a", b"x")
        assert client.until_ping() == []
        world.put(principal("d", policy(statement("iot:*", "*"), statement("iot:Publish", "topic/a", "Deny"))))
        client.publish("b", b"x")
        assert client.until_ping() == []
        client.publish("a", b"x")
        assert client.is_closed()
    assert world.refused() == [("Publish-In", "a", "explicit deny: statement 2 of policy p")]


def test_a_right_that_is_given_holds_at_once(world: World):
    with world.connected("lock-7", THING) as client:
        world.put(principal("lock-7", THING, policy(statement("iot:*", "*")), thing="lock-7"))
        client.publish("a", b"x")
        assert client.subscribe("a") == b"\0"


@pytest.mark.parametrize("qos", [0, 1])
def test_receiving_ends_for_who_has_subscribed(world: World, qos: int, caplog):  # MP-3
    with world.connected("d", ALL) as client, world.connected("op", ALL) as sender:
        client.subscribe("a", "b", qos=qos)
        world.put(principal("d", policy(statement("iot:*", "*"), statement("iot:Receive", "topic/a", "Deny"))))
        for topic in ("a", "b", "a", "a"):
            sender.publish(topic, b"x", qos=qos)
        sender.until_ping()
        assert [topic for topic, _ in client.messages()] == ["b"]
        assert world.refused() == [("Publish-Out", "a", "explicit deny: statement 2 of policy p")], "once, not thrice"
        assert any("a message on a from d: explicit deny" in line for line in caplog.messages)
        world.server.clock.move(61.0)
        sender.publish("a", b"x")
        sender.until_ping()
        assert len(world.refused()) == 2
        world.put(principal("d", ALL))
        sender.publish("a", b"y")
        sender.until_ping()
        assert client.messages() == [("a", b"y")]


def test_what_waited_for_a_client_is_judged_when_it_leaves(world: World):  # MP-3
    world.put(principal("d", ALL))
    with world.holder("d") as client:
        client.connect("d", clean=False)
        client.subscribe("a", "b", qos=1)
    live.wait_until(lambda: len(world.server.listener._connections) == 0)
    with world.connected("op", ALL) as sender:
        for topic in ("a", "b"):
            sender.publish(topic, b"x", qos=1)
        sender.until_ping()
    world.put(principal("d", policy(statement("iot:*", "*"), statement("iot:Receive", "topic/a", "Deny"))))
    with world.holder("d") as client:
        assert client.connect("d", clean=False) is True
        assert [topic for topic, _ in client.messages()] == ["b"]
    assert [refusal[:2] for refusal in world.refused()] == [("Publish-Out", "a")]


def test_what_waits_for_an_acknowledgement_of_others_is_judged_too(world: World):  # MP-3, Q-25
    with world.connected("d", ALL) as client, world.connected("op", ALL) as sender:
        client.subscribe("a", qos=1)
        for _ in range(limits.IN_FLIGHT_MAX + 5):
            sender.publish("a", b"x", qos=1)
        sender.until_ping()
        sent = [body for first, body in client.until_ping() if first >> 4 == PacketType.PUBLISH]
        assert len(sent) == limits.IN_FLIGHT_MAX
        world.put(principal("d", policy(statement("iot:Connect", "*"))))
        for body in sent:
            client.send(live.packet(0x40, body[3:5]))
        assert client.messages() == []


def test_answers_are_judged_too(world: World):
    silent = policy(statement(["iot:Connect", "iot:Publish"], "*"))
    with world.connected("lock-7", silent) as client:
        client.publish(f"{OWN}/jobs/get", b"{}")
        assert client.messages() == []
    assert [refusal[:2] for refusal in world.refused()] == [("Publish-Out", f"{OWN}/jobs/get/accepted")]


@pytest.mark.parametrize(
    ("left", "rule"),
    [
        (principal("lock-7", THING, thing="lock-7", active=False), "the certificate lock-7 is not ACTIVE"),
        (principal("lock-7", thing="lock-7"), "no policy is attached"),
        (principal("lock-7", THING), "no statement of policy ota-stream-thing allows it"),  # detached from its thing
        (None, "the certificate lock-7 is not registered"),
    ],
)
def test_who_may_not_be_connected_any_more_is_closed(world: World, left: Principal | None, rule: str):  # MS-4
    with world.connected("lock-7", THING) as client, world.connected("lock-8", THING) as other:
        if left is None:
            del world.registry.known["lock-7"]
        else:
            world.registry.known["lock-7"] = left
        world.changed()
        world.server.run(world.server.listener.reexamine)
        assert client.is_closed()
        assert other.until_ping() == []
    assert world.refused() == [("Connect", None, rule)]
    last = world.server.records[-1]
    assert isinstance(last, BrokerRecord)
    assert last.disconnect_reason == "AUTH_ERROR"


def test_many_are_asked_for_in_turns(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.front.listener.REEXAMINED_MAX", 2)
    clients = [world.connected(f"d{number}", THING) for number in range(7)]
    for number in range(0, 7, 2):
        world.registry.known[f"d{number}"] = principal(f"d{number}", THING, active=False)
    world.changed()
    world.server.run(world.server.listener.reexamine)
    world.server.run(world.server.listener.reexamine)  # once more, while that is under way
    assert all(client.is_closed() for client in clients[::2])
    assert [client.until_ping() for client in clients[1::2]] == [[], [], []]
    assert len(world.refused()) == 4
    for client in clients:
        client.socket.close()


def test_attributes_of_the_thing_count_as_they_are_now(world: World):
    template = "topic/room/${iot:Connection.Thing.Attributes[room]}"
    own = policy(statement("iot:Connect", "*"), statement("iot:Publish", template))
    view = ThingView("d", None, {"room": "hall"})
    with world.connected("d", own, things=(view,)) as client:
        client.publish("room/hall", b"x")
        assert client.until_ping() == []
        world.put(principal("d", own, things=(msgspec.structs.replace(view, attributes={"room": "attic"}),)))
        client.publish("room/attic", b"x")
        assert client.until_ping() == []
        client.publish("room/hall", b"x")
        assert client.is_closed()


def test_policies_of_groups_hold_for_the_thing_of_the_client_id(world: World):
    grouped = ThingView("d", policies=(policy(statement("iot:*", "*"), name="group"),))
    with world.connected("d", things=(grouped,)) as client:
        client.publish("a", b"x")
        assert client.until_ping() == []
    world.put(principal("e", things=(grouped,)))
    with world.holder("e") as client, pytest.raises(ConnectionError):
        client.connect("e")
    assert world.refused() == [("Connect", None, "no policy is attached")]
