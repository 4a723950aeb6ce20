"""Each refusal is a record in the broker's family, and a flood of them is bounded."""

import json

import pytest

from live import MovableClock
from ota_broker.front.access import Denial, Identity
from ota_broker.front.notices import Notices
from ota_broker.refusals import EVERY, RECORDS_MAX, TOPICS_MAX, RecordedRefusals
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.levels import Level
from ota_stream.policies.actions import Action
from ota_stream.records import BrokerEvent, BrokerRecord

HOLDER = Identity("c" * 64)


class World:
    """Refusals into a list."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.kept: list[BrokerRecord] = []
        self.refusals = RecordedRefusals(self.kept.append, self.clock, Notices(self.clock.monotonic))  # type: ignore[arg-type]

    def deny(self, action: Action, resource: str, client_id: str = "d", peer: str = "127.0.0.1:5") -> None:
        self.refusals.denied(Denial(action, resource, "no policy is attached", client_id, peer, HOLDER))


@pytest.fixture
def world() -> World:
    return World()


def entry(record: BrokerRecord) -> dict[str, object]:
    return json.loads(EntryWriter().entry(record))


@pytest.mark.parametrize(
    ("action", "resource", "event"),
    [
        (Action.CONNECT, "client/d", "Connect"),
        (Action.PUBLISH, "topic/a/b", "Publish-In"),
        (Action.SUBSCRIBE, "topicfilter/a/#", "Subscribe"),
        (Action.RECEIVE, "topic/a", "Publish-Out"),
    ],
)
def test_a_denial_is_an_entry_of_the_brokers_family(world: World, action: Action, resource: str, event: str):  # MU-8
    world.deny(action, resource)
    (record,) = world.kept
    found = entry(record)
    topic = {} if action is Action.CONNECT else {"topicName": resource.partition("/")[2]}
    trace = found.pop("traceId")
    assert isinstance(trace, str)
    assert len(trace) == 36
    found.pop("timestamp")
    expected = {
        "logLevel": "ERROR", "accountId": "123456789012", "status": "Failure", "eventType": event, "protocol": "MQTT",
        **topic, "clientId": "d", "principalId": "c" * 64, "sourceIp": "127.0.0.1", "sourcePort": 5,
        "reason": "AUTHORIZATION_FAILURE", "details": "Authorization Failure: no policy is attached",
    }  # fmt: skip
    assert list(found.items()) == list(expected.items())  # LR-16: in this order
    assert list(entry(record))[:4] == ["timestamp", "logLevel", "traceId", "accountId"]
    assert EntryWriter().level(record) is Level.ERROR


def test_the_end_of_a_connection_is_an_entry_too(world: World):  # LR-14
    world.refusals.dismissed("", "unknown peer", Identity(), "CLIENT_ERROR", "malformed\n\u202e")
    found = entry(world.kept[0])
    assert (found["eventType"], found["reason"], found["disconnectReason"]) == ("Disconnect", *["CLIENT_ERROR"] * 2)
    assert (found["clientId"], found["sourceIp"], found["sourcePort"]) == ("", "", 0)
    assert "principalId" not in found
    assert "\\u202e" in EntryWriter().entry(world.kept[0]).decode()  # A14


def test_an_address_of_ipv6_is_told(world: World):
    world.deny(Action.PUBLISH, "topic/a", peer="::1:77")
    assert (world.kept[0].source_ip, world.kept[0].source_port) == ("::1", 77)


def test_what_is_withheld_is_recorded_once_in_a_while(world: World):
    for _ in range(100):
        world.deny(Action.RECEIVE, "topic/a")
        world.deny(Action.RECEIVE, "topic/b")
        world.deny(Action.RECEIVE, "topic/a", client_id="e")
    assert len(world.kept) == 3
    world.clock.move(EVERY + 1)
    world.deny(Action.RECEIVE, "topic/a")
    assert len(world.kept) == 4


def test_a_flood_is_bounded_and_told(world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(world.clock, "wall", lambda: 1000.25)
    for _ in range(3 * RECORDS_MAX):
        world.deny(Action.PUBLISH, "topic/a")
    assert len(world.kept) == RECORDS_MAX
    assert any(f"more than {RECORDS_MAX} refusals in a second" in line for line in caplog.messages)
    monkeypatch.setattr(world.clock, "wall", lambda: 1001.0)
    world.deny(Action.PUBLISH, "topic/a")
    assert len(world.kept) == RECORDS_MAX + 1
    for number in range(2 * TOPICS_MAX):
        world.deny(Action.RECEIVE, f"topic/{number}")
    assert len(world.refusals._withheld) <= TOPICS_MAX


def test_every_event_has_its_action():
    assert {*BrokerEvent} - {BrokerEvent.DISCONNECT} == {"Connect", "Publish-In", "Publish-Out", "Subscribe"}
