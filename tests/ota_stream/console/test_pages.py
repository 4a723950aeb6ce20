"""What the pages show, as JSON, from a real simulator with real devices."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from images import image_bytes
from live import RawClient
from ota_stream.cli.control_client import CallError, ControlClient
from ota_stream.cli.endpoints import Endpoint
from ota_stream.testing import LocalCloud

IMAGE = image_bytes(50_000)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path) as cloud:
        yield cloud


def client(cloud: LocalCloud) -> ControlClient:
    host, _, port = cloud.http.removeprefix("http://").rpartition(":")
    return ControlClient(Endpoint(host, int(port)))


def aws(cloud: LocalCloud, service: str) -> Any:
    return boto3.client(service, "us-east-1", endpoint_url=cloud.http, aws_access_key_id="a", aws_secret_access_key="b")


def shown(cloud: LocalCloud, *path: str, **query: str) -> dict[str, Any]:
    return client(cloud).get("console", *path[:-1], f"{path[-1]}.json", **query)


def test_an_update_shows_its_moments_and_how_far_each_thing_is(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "dev1", "dev2")
    (row,) = shown(cloud, "updates")["otaUpdates"]
    assert (row["otaUpdateStatus"], row["jobStatus"]) == ("CREATE_COMPLETE", "IN_PROGRESS")
    before = shown(cloud, "updates", update.ota_update_id)
    assert [each["at"] is None for each in before["moments"]] == [False] * 5 + [True] * 2
    assert [(one["thingName"], one["status"]) for one in before["things"]] == [("dev1", "QUEUED"), ("dev2", "QUEUED")]
    cloud.device("dev1").run()
    cloud.device("dev2").run()
    after = shown(cloud, "updates", update.ota_update_id)
    assert [each["at"] is None for each in after["moments"]] == [False] * 7
    assert [(one["status"], one["done"]) for one in after["things"]] == [("SUCCEEDED", 1)] * 2
    (done, _) = after["things"]
    assert done["download"]["complete"]
    assert done["download"]["streamId"] == update.stream_id == after["streamId"]
    assert len(after["signingJobIds"]) == 1


def test_a_failure_is_told_in_words(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "dev1")
    with RawClient(cloud.mqtt) as agent:
        agent.connect("dev1")
        agent.publish("$aws/things/dev1/jobs/start-next", b"{}", qos=1)
        told = b'{"status":"FAILED","statusDetails":{"reason":"0xe3000000: 0x00000000"}}'
        agent.publish(f"$aws/things/dev1/jobs/{update.job_id}/update", told, qos=1)
        agent.messages()
    (row,) = shown(cloud, "updates", update.ota_update_id)["things"]
    assert (row["status"], row["reason"]) == ("FAILED", "0xe3000000: 0x00000000")
    assert "signature check failed" in row["reasonInWords"]


def test_a_stream_shows_the_map_of_each_download_from_the_first_look_on(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "dev1")
    assert update.stream_id is not None
    assert shown(cloud, "streams", update.stream_id)["newest"] == []
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")
        for payload in (b'{"f":0,"l":5000,"n":3}', b'{"f":0,"l":5000,"o":2,"n":2}'):
            device.publish(f"$aws/things/dev1/streams/{update.stream_id}/get/json", payload)
            device.messages()
    (download,) = shown(cloud, "streams", update.stream_id, thing="dev")["newest"]
    assert download["map"] == [["sent", 2], ["repeated", 1], ["sent", 1], ["missing", 6]]
    assert shown(cloud, "streams", update.stream_id, thing="other")["newest"] == []
    (row,) = shown(cloud, "streams")["streams"]
    assert (row["streamId"], row["requests"], row["downloads"]) == (update.stream_id, 2, 1)


def test_a_fault_that_loses_blocks_leaves_holes(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "dev1")
    assert update.stream_id is not None
    shown(cloud, "streams")
    cloud.faults.add("drop", blocks="1")
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")
        device.publish(f"$aws/things/dev1/streams/{update.stream_id}/get/json", b'{"f":0,"l":5000,"n":3}')
        device.messages()
    (download,) = shown(cloud, "streams", update.stream_id)["newest"]
    assert download["map"] == [["sent", 1], ["missing", 1], ["sent", 1], ["missing", 7]]
    assert shown(cloud, "faults")["faults"][0]["hits"] == 1


def test_a_thing_shows_its_connection_its_job_and_what_is_wrong(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "dev1")
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")
        device.subscribe("$aws/things/dev1/jobs/notify", qos=1)
        device.publish("$aws/things/dev1/streams/none/get/json", b'{"f":0,"l":256}')
        device.messages()
        (row,) = shown(cloud, "things")["things"]
        assert (row["thingName"], row["connected"], row["filters"]) == ("dev1", True, 1)
        assert row["peer"].startswith("127.0.0.1:")
        found = shown(cloud, "things", "dev1")
        assert found["subscriptions"] == [{"filter": "$aws/things/dev1/jobs/notify", "qos": 1}]
        assert found["job"] == {"jobId": update.job_id, "status": "QUEUED"}
        assert "stream-not-found" in {each["kind"] for each in found["findings"]}
    with pytest.raises(CallError, match="no thing and no client"):
        shown(cloud, "things", "ghost")


def test_things_are_found_by_a_part_of_their_name(cloud: LocalCloud):
    for number in range(60):
        cloud.create_thing(f"lock-{number}")
    assert (len(shown(cloud, "things")["things"]), shown(cloud, "things")["more"]) == (50, True)
    assert [row["thingName"] for row in shown(cloud, "things", name="k-59")["things"]] == ["lock-59"]


def test_the_clock_and_the_kinds_of_faults(cloud: LocalCloud):
    cloud.clock.freeze()
    found = shown(cloud, "clock")
    assert (found["movable"], found["speed"], found["now"]) == (True, 0, pytest.approx(cloud.clock.now))
    kinds = {kind["fault"]: kind for kind in shown(cloud, "faults")["kinds"]}
    assert kinds["delay"]["attributes"]
    assert all(kind["says"] for kind in kinds.values())


def test_a_fleet_tells_how_it_stands(cloud: LocalCloud):
    moment: dict[str, Any] = {
        "title": "locks",
        "things": 10,
        "at": 1.0,
        "connected": 9,
        "stages": {"downloading": 9},
        "blocksPerSecond": 5.5,
        "bytesPerSecond": 22_528.0,
    }
    client(cloud).put("fleets", "f1", body=moment)
    client(cloud).put("fleets", "f1", body={**moment, "at": 2.0, "ended": True})
    (fleet,) = shown(cloud, "fleet")["fleets"]
    assert (fleet["fleetId"], fleet["at"], fleet["ended"], len(fleet["moments"])) == ("f1", 2.0, True, 2)
    with pytest.raises(CallError, match="cannot be read"):
        client(cloud).put("fleets", "f1", body={"title": "x"})
    with pytest.raises(CallError, match="a fleet's id"):
        client(cloud).put("fleets", "f" * 65, body=moment)


def test_requests_are_told_from_the_first_look_on_with_payloads_and_the_rule(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "dev1")
    topic = f"$aws/things/dev1/streams/{update.stream_id}/get"
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")
        device.publish(f"{topic}/json", b'{"f":0,"l":512,"n":1}')
        device.messages()
        assert shown(cloud, "requests")["conversations"] == []
        device.publish(f"{topic}/cbor", bytes.fromhex("a3616600616c190200616e05"))
        device.messages()
        device.publish(f"{topic}/json", b'{"f":0}')
        device.messages()
        device.publish("$aws/things/dev1/jobs/$next/get", b"")
        device.publish("$aws/things/dev1/none", b"{}", qos=1)
        device.messages()
    told = shown(cloud, "requests")
    rows = [(one["what"], one["status"], one["rule"]["id"], one["more"]) for one in told["conversations"]]
    assert rows == [
        ("publish", "Failure", "MU-4", 0),
        ("DescribeJobExecution", "Success", "JT-4", 0),
        ("GetStream", "Failure", "SG-4", 0),
        ("GetStream", "Success", "ST-2", 2),
    ]
    asked, block, *_ = told["conversations"][3]["messages"]
    assert asked["cbor"] == '{"f": 0, "l": 512, "n": 5}'
    assert asked["format"] == block["format"] == "cbor"
    assert f"h'{IMAGE[:32].hex()}'" in block["cbor"]
    assert [one["what"] for one in shown(cloud, "requests", name="$next")["conversations"]] == ["DescribeJobExecution"]


def test_calls_are_told_by_the_name_of_their_operation_without_secrets(cloud: LocalCloud):
    shown(cloud, "requests")
    iot = aws(cloud, "iot")
    key = iot.create_keys_and_certificate()["keyPair"]["PrivateKey"].splitlines()[1]
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_job(jobId="none")
    client(cloud).get("streams")
    told = shown(cloud, "requests")["conversations"]
    assert [(one["what"], one["status"], one["rule"]["id"]) for one in told] == [
        ("GET /_ota/streams", "Success 200", ""),
        ("DescribeJob", "Failure 404", "ResourceNotFoundException"),
        ("CreateKeysAndCertificate", "Success 200", ""),
    ]
    assert told[1]["rule"]["says"] == "Job none cannot be found."
    answer = told[2]["messages"][1]
    assert '"PrivateKey": "(not shown)"' in answer["json"]
    assert key not in str(told)


def test_a_call_with_a_long_body_keeps_its_beginning_and_its_size(cloud: LocalCloud):
    shown(cloud, "requests")
    s3 = aws(cloud, "s3")
    s3.create_bucket(Bucket="images")
    s3.put_object(Bucket="images", Key="image", Body=IMAGE)
    (call, *_) = shown(cloud, "requests")["conversations"]
    assert (call["what"], call["messages"][0]["size"]) == ("PUT /images/image", len(IMAGE))
