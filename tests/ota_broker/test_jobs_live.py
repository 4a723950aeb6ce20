"""The Jobs topics on a real socket: who gets what, once, in which order (JT-9, JT-10, JT-12, JT-13, JNF-7)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import live
from live import RawClient, Server

JOBS = "$aws/things/d/jobs/"
NEXT = JOBS + "$next/get"


@pytest.fixture(params=[4, 5], ids=["MQTT 3.1.1", "MQTT 5"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with live.serving() as server:
        server.level = request.param
        yield server


def connected(server: Server, client_id: str, *filters: str, qos: int = 0) -> RawClient:
    client = RawClient(server)
    client.connect(client_id)
    if filters:
        client.subscribe(*filters, qos=qos)
    return client


def said(client: RawClient) -> list[tuple[str, dict[str, Any]]]:
    return [(topic.removeprefix(JOBS), json.loads(payload)) for topic, payload in client.messages()]


@pytest.mark.parametrize(
    "filters", [(), (NEXT + "/accepted",), (JOBS + "#",), (JOBS + "$next/get/+", NEXT + "/accepted")]
)
def test_the_requester_is_answered_once_subscribed_or_not(server: Server, filters: tuple[str, ...]):  # JT-9, JT-12
    with connected(server, "d", *filters) as client:
        client.publish(NEXT, b'{"clientToken":":dev1"}', qos=1)
        ((topic, answer),) = said(client)
        assert topic == "$next/get/accepted"
        assert answer.keys() == {"clientToken", "timestamp"}


def test_nobody_else_gets_an_answer(server: Server):  # JT-9
    with connected(server, "d") as requester, connected(server, "spy", JOBS + "#", "$aws/things/+/jobs/#") as spy:
        requester.publish(NEXT, b"")
        assert len(said(requester)) == 1
        assert [topic for topic, _ in spy.messages()] == [NEXT], "an observer sees the request, never the answer"


def test_an_answer_comes_at_the_granted_qos_and_at_0_without_a_subscription(server: Server):  # JT-13
    for filters, qos, expected in [((), 0, 0x30), ((NEXT + "/+",), 0, 0x30), ((NEXT + "/+",), 1, 0x32)]:
        with connected(server, "d", *filters, qos=qos) as client:
            client.publish(NEXT, b"{}")
            assert [first for first, _ in client.until_ping()] == [expected]


def test_a_job_from_its_notification_to_its_end(server: Server):  # JNF-7, JX-2
    with connected(server, "d", JOBS + "notify", JOBS + "notify-next", qos=1) as client:
        server.create_job("j", "d", document='{"operation":"x"}')
        notify, notify_next = said(client)
        assert notify[0] == "notify"
        assert [entry["jobId"] for entry in notify[1]["jobs"]["QUEUED"]] == ["j"]
        assert notify_next[1]["execution"]["jobDocument"] == {"operation": "x"}
        client.publish(JOBS + "start-next", b'{"clientToken":"test"}')
        ((topic, started),) = said(client)
        assert topic == "start-next/accepted"
        assert (started["execution"]["status"], started["execution"]["versionNumber"]) == ("IN_PROGRESS", 2)
        client.publish(JOBS + "j/update", b'{"status":"SUCCEEDED","expectedVersion":"2"}', qos=1)
        messages = said(client)
        assert [topic for topic, _ in messages] == ["j/update/accepted", "notify", "notify-next"]
        assert messages[1][1]["jobs"] == {}
        assert messages[2][1].keys() == {"timestamp"}


def test_a_persistent_session_hears_of_a_job_that_was_made_while_it_was_away(server: Server):  # JNF-8
    with RawClient(server) as client:
        client.connect("d", clean=False)
        client.subscribe(JOBS + "notify-next", qos=1)
    server.create_job("j", "d")
    with RawClient(server) as client:
        assert client.connect("d", clean=False) is True
        ((topic, message),) = said(client)
        assert (topic, message["execution"]["jobId"]) == ("notify-next", "j")


def test_a_late_subscriber_is_told_nothing_and_asks(server: Server):  # JNF-9
    server.create_job("j", "d")
    with connected(server, "d", JOBS + "notify-next") as client:
        assert said(client) == []
        client.publish(NEXT, b"")
        ((_, answer),) = said(client)
        assert answer["execution"]["jobId"] == "j"


def test_a_topic_that_is_no_request_is_rejected_and_the_connection_lives(server: Server):  # JT-14
    with connected(server, "d") as client:
        client.publish(JOBS + "j/nonsense", b"{}")
        ((topic, answer),) = said(client)
        assert (topic, answer["code"]) == ("j/nonsense/rejected", "InvalidTopic")
        client.publish(NEXT, b"{}")
        assert len(said(client)) == 1
