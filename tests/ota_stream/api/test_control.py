"""The operator's calls: what they answer, and that what they changed is on the disk before they do."""

import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from http_cloud import HttpCloud, World, serving_http
from images import image_bytes
from live import wait_until
from ota_stream.api import control
from ota_stream.jobs import topics
from ota_stream.records import Action
from processes import tool

IMAGE = image_bytes(10_000)
ROLE = "arn:aws:iam::123456789012:role/ota"
ARN = "arn:aws:iot:us-east-1:123456789012"
PROFILE = {
    "platform": "AmazonFreeRTOS-Default",
    "certificate": "code-signing",
    "certificatePath": "Code Verify Key",
}


@pytest.fixture
def cloud(tmp_path):
    with serving_http(tmp_path) as cloud:
        yield cloud


def done(answer: Any) -> Any:
    assert answer.status == 200, answer
    return answer.json


def upload(cloud: HttpCloud, key: str = "app.bin") -> dict[str, str]:
    target = f"/_ota/objects/firmware/{key}"
    return done(cloud.ask("PUT", target, IMAGE, content_type="application/octet-stream"))


def update_body(cloud: HttpCloud, **more: Any) -> dict[str, Any]:
    file = {"fileName": "/app.bin", "fileLocation": {"s3Location": upload(cloud)}}
    return {"targets": ["thing/lock-1"], "files": [file], "roleArn": ROLE, **more}


def make_update(cloud: HttpCloud, ota_update_id: str = "u1", **more: Any) -> dict[str, Any]:
    """Make an update and wait until it is made, or not."""
    done(cloud.ask("POST", f"/_ota/updates/{ota_update_id}", update_body(cloud, **more)))
    wait_until(lambda: info(cloud, ota_update_id)["otaUpdateStatus"] in {"CREATE_COMPLETE", "CREATE_FAILED"})
    return info(cloud, ota_update_id)


def info(cloud: HttpCloud, ota_update_id: str = "u1") -> dict[str, Any]:
    return done(cloud.ask("GET", f"/_ota/updates/{ota_update_id}"))["otaUpdateInfo"]


def report(cloud: HttpCloud, tail: str, **body: Any) -> None:
    """Play the device: a request to the jobs service of lock-1."""
    topic = topics.parse(f"$aws/things/lock-1/jobs/{tail}")
    assert topic is not None
    payload = json.dumps(body).encode()
    answer = cloud.run(lambda: cloud.devices.answer(topic, payload, "lock-1", cloud.clock.wall()))
    assert answer.record.failure is None, answer.record


# Objects


def test_an_object_is_kept_and_every_version_stays(cloud: HttpCloud):
    first, second = upload(cloud), upload(cloud)
    assert (first["bucket"], first["key"]) == ("firmware", "app.bin")
    assert first["version"] != second["version"]
    found = cloud.run(lambda: cloud.operated.objects.find("firmware", "app.bin", first["version"]))
    assert found.image.read(0, found.image.size) == IMAGE


def test_a_key_may_be_a_path_and_stays_one_name(cloud: HttpCloud):  # A5
    assert upload(cloud, "../a%20b/c%2Fd%C3%A4.bin")["key"] == "../a b/c/dä.bin"


@pytest.mark.parametrize("bucket", ["_ota", "ab", "UPPER", "a%20b", "a" * 64, "-ab"])
def test_a_bucket_has_a_name_as_in_s3(cloud: HttpCloud, bucket: str):
    answer = cloud.ask("PUT", f"/_ota/objects/{bucket}/k", IMAGE, content_type="application/octet-stream")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestException")


@pytest.mark.parametrize(("key", "body"), [("", IMAGE), ("k" * 1025, IMAGE), ("k", b"")])
def test_an_object_without_a_name_or_bytes_is_refused(cloud: HttpCloud, key: str, body: bytes):
    answer = cloud.ask("PUT", f"/_ota/objects/firmware/{key}", body, content_type="application/octet-stream")
    assert answer.status == 400


def test_an_image_comes_as_bytes_not_as_a_form(cloud: HttpCloud):  # A17
    assert cloud.ask("PUT", "/_ota/objects/firmware/k", IMAGE, content_type="text/plain").status == 415


# Updates


def test_an_update_goes_from_its_request_to_its_job(cloud: HttpCloud):
    answer = done(cloud.ask("POST", "/_ota/updates/u1", update_body(cloud)))
    assert answer == {
        "otaUpdateId": "u1",
        "otaUpdateArn": f"{ARN}:otaupdate/u1",
        "otaUpdateStatus": "CREATE_PENDING",  # OU-22: no job yet
    }
    wait_until(lambda: info(cloud)["otaUpdateStatus"] == "CREATE_COMPLETE")
    shown = info(cloud)
    assert list(shown) == [  # OL-8
        "otaUpdateId",
        "otaUpdateArn",
        "creationDate",
        "lastModifiedDate",
        "targets",
        "protocols",
        "awsJobExecutionsRolloutConfig",
        "awsJobPresignedUrlConfig",
        "targetSelection",
        "otaUpdateFiles",
        "otaUpdateStatus",
        "awsIotJobId",
        "awsIotJobArn",
    ]
    assert (shown["awsIotJobId"], shown["awsIotJobArn"]) == ("AFR_OTA-u1", f"{ARN}:job/AFR_OTA-u1")
    assert shown["otaUpdateFiles"][0]["fileLocation"]["s3Location"]["key"] == "app.bin"
    stream_id = done(cloud.ask("GET", "/_ota/updates/u1"))["streamId"]
    streams = done(cloud.ask("GET", "/_ota/streams"))["streams"]
    assert [(stream["streamId"], stream["files"][0]["size"]) for stream in streams] == [(stream_id, len(IMAGE))]
    assert [record.action for record in cloud.records][-1] is Action.CREATE_OTA_UPDATE


def test_an_update_that_fails_says_why(cloud: HttpCloud):  # OL-7
    location = {"s3Location": {"bucket": "firmware", "key": "never.bin"}}
    signing = {"startSigningJobParameter": {"signingProfileName": "p1"}}
    done(cloud.ask("PUT", "/_ota/signing-profiles/p1", PROFILE))
    shown = make_update(cloud, files=[{"fileLocation": location, "codeSigning": signing}])
    assert shown["otaUpdateStatus"] == "CREATE_FAILED"
    assert shown["errorInfo"]["code"] == "AccessDeniedException"
    assert "never.bin not accessible" in shown["errorInfo"]["message"]


def test_the_same_id_twice_is_refused(cloud: HttpCloud):
    make_update(cloud)
    answer = cloud.ask("POST", "/_ota/updates/u1", update_body(cloud))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (409, "ResourceAlreadyExistsException")


def test_updates_are_listed_newest_first_page_by_page(cloud: HttpCloud):  # OU-3
    for name in ("u1", "u2", "u3"):
        make_update(cloud, name)
    first = done(cloud.ask("GET", "/_ota/updates?maxResults=2"))
    rest = done(cloud.ask("GET", f"/_ota/updates?maxResults=2&nextToken={first['nextToken']}"))
    assert [one["otaUpdateId"] for one in first["otaUpdates"] + rest["otaUpdates"]] == ["u3", "u2", "u1"]
    assert "nextToken" not in rest
    assert done(cloud.ask("GET", "/_ota/updates?otaUpdateStatus=CREATE_FAILED")) == {"otaUpdates": []}
    assert cloud.ask("GET", "/_ota/updates?otaUpdateStatus=DONE").status == 400
    assert cloud.ask("GET", "/_ota/updates?maxResults=251").status == 400


def test_an_update_is_deleted_with_its_stream_and_job(cloud: HttpCloud):  # OL-11
    make_update(cloud)
    assert cloud.ask("DELETE", "/_ota/updates/u1?deleteStream=true").status == 400  # its job runs
    assert cloud.ask("DELETE", "/_ota/updates/u1?deleteStream=yes").status == 400
    assert done(cloud.ask("DELETE", "/_ota/updates/u1?deleteStream=true&forceDeleteAWSJob=true")) == {}
    assert cloud.ask("GET", "/_ota/updates/u1").status == 404
    assert done(cloud.ask("GET", "/_ota/streams")) == {"streams": []}
    assert done(cloud.ask("GET", "/_ota/jobs/AFR_OTA-u1"))["job"]["status"] == "DELETION_IN_PROGRESS"


def test_an_update_that_cannot_be_deleted_is_shown_with_its_error(cloud: HttpCloud):
    for number in range(11):
        make_update(cloud, f"u{number}")
        answer = done(cloud.ask("DELETE", f"/_ota/updates/u{number}?forceDeleteAWSJob"))
    assert answer["otaUpdateInfo"]["otaUpdateStatus"] == "DELETE_FAILED"
    assert answer["otaUpdateInfo"]["errorInfo"]["code"] == "LimitExceededException"  # ten jobs at a time


# Jobs


def test_a_job_is_shown_with_its_executions_as_devices_report_them(cloud: HttpCloud):
    make_update(cloud, targets=["thing/lock-1", "thing/lock:2"])
    report(cloud, "start-next")
    report(cloud, "AFR_OTA-u1/update", status="IN_PROGRESS", statusDetails={"receive": "1/3"})
    answer = done(cloud.ask("GET", "/_ota/jobs/AFR_OTA-u1"))
    assert answer["job"]["jobProcessDetails"]["numberOfInProgressThings"] == 1
    assert json.loads(answer["document"])["afr_ota"]["protocols"] == ["MQTT"]
    one, two = answer["executions"]
    assert (one["thingName"], one["status"], one["versionNumber"]) == ("lock-1", "IN_PROGRESS", 3)
    assert one["statusDetails"] == {"detailsMap": {"receive": "1/3"}}
    assert (two["thingName"], two["status"], two["thingArn"]) == ("lock:2", "QUEUED", f"{ARN}:thing/lock:2")
    assert [job["jobId"] for job in done(cloud.ask("GET", "/_ota/jobs?status=IN_PROGRESS"))["jobs"]] == ["AFR_OTA-u1"]
    assert done(cloud.ask("GET", "/_ota/jobs?status=CANCELED"))["jobs"] == []


def test_the_executions_of_a_large_job_come_page_by_page(cloud: HttpCloud):
    make_update(cloud, targets=[f"thing/t{number}" for number in range(5)])
    seen, token = [], ""
    while True:
        page = done(cloud.ask("GET", f"/_ota/jobs/AFR_OTA-u1?maxResults=2{token}"))
        seen += [one["thingName"] for one in page["executions"]]
        if "nextToken" not in page:
            break
        token = f"&nextToken={page['nextToken']}"
    assert seen == [f"t{number}" for number in range(5)]


def test_a_job_is_cancelled_and_deleted(cloud: HttpCloud):
    make_update(cloud)
    report(cloud, "start-next")
    target = "/_ota/jobs/AFR_OTA-u1"
    assert cloud.ask("DELETE", target).status == 409
    body = {"reasonCode": "TOO_SOON", "comment": "not yet"}
    assert done(cloud.ask("PUT", f"{target}/cancel", body)) == {
        "jobArn": f"{ARN}:job/AFR_OTA-u1",
        "jobId": "AFR_OTA-u1",
    }
    shown = done(cloud.ask("GET", target))
    assert (shown["job"]["status"], shown["job"]["comment"]) == ("CANCELED", "not yet")
    assert shown["executions"][0]["status"] == "IN_PROGRESS"
    cloud.replies.clear()
    done(cloud.ask("PUT", f"{target}/cancel?force"))
    assert done(cloud.ask("GET", target))["executions"][0]["status"] == "CANCELED"
    assert [reply.topic.rpartition("/")[2] for reply in cloud.replies] == ["notify", "notify-next"]
    done(cloud.ask("DELETE", target))
    assert cloud.ask("PUT", f"{target}/cancel").status == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/_ota/jobs/none"),
        ("PUT", "/_ota/jobs/none/cancel"),
        ("DELETE", "/_ota/jobs/none"),
        ("GET", "/_ota/updates/none"),
        ("DELETE", "/_ota/updates/none"),
        ("GET", "/_ota/thing-groups/none"),
        ("PUT", "/_ota/thing-groups/none/things/t"),
        ("DELETE", "/_ota/thing-groups/none/things/t"),
        ("GET", "/_ota/signing-profiles/none/certificate"),
    ],
)
def test_what_is_not_there_is_not_found(cloud: HttpCloud, method: str, target: str):
    answer = cloud.ask(method, target)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert len(answer.json["message"].splitlines()) == 1


def test_events_are_published_once_they_are_switched_on(cloud: HttpCloud):  # JE-1
    body = {"eventConfigurations": {"JOB": {"Enabled": True}, "JOB_EXECUTION": {"Enabled": False}}}
    assert done(cloud.ask("PUT", "/_ota/event-configurations", body)) == {}
    make_update(cloud)
    done(cloud.ask("PUT", "/_ota/jobs/AFR_OTA-u1/cancel"))
    assert "$aws/events/job/AFR_OTA-u1/canceled" in {reply.topic for reply in cloud.replies}
    for bad in ({"THING": {"Enabled": True}}, {"JOB": {}}, {"JOB": {"Enabled": True}, "X": {"Enabled": True}}):
        assert cloud.ask("PUT", "/_ota/event-configurations", {"eventConfigurations": bad}).status == 400


# Things and groups


def test_a_thing_that_joins_a_group_gets_its_running_job(cloud: HttpCloud):  # JC-18, JC-19
    group = {"thingGroupName": "doors", "thingGroupArn": f"{ARN}:thinggroup/doors"}
    done(cloud.ask("PUT", "/_ota/thing-groups/house"))
    assert done(cloud.ask("PUT", "/_ota/thing-groups/doors", {"parentGroupName": "house"})) == group
    assert done(cloud.ask("GET", "/_ota/thing-groups/doors")) == group
    assert cloud.ask("PUT", "/_ota/thing-groups/doors", {"parentGroupName": "doors"}).status == 409
    make_update(cloud, targets=["thinggroup/house"], targetSelection="CONTINUOUS")
    cloud.replies.clear()
    done(cloud.ask("PUT", "/_ota/thing-groups/doors/things/lock-1"))
    assert [reply.topic for reply in cloud.replies] == [
        "$aws/things/lock-1/jobs/notify",
        "$aws/things/lock-1/jobs/notify-next",
    ]
    executions = done(cloud.ask("GET", "/_ota/jobs/AFR_OTA-u1"))["executions"]
    assert [(one["thingName"], one["status"]) for one in executions] == [("lock-1", "QUEUED")]
    done(cloud.ask("DELETE", "/_ota/thing-groups/doors/things/lock-1"))
    assert done(cloud.ask("GET", "/_ota/jobs/AFR_OTA-u1"))["executions"][0]["status"] == "REMOVED"


def test_a_thing_is_made_once(cloud: HttpCloud):
    for _ in range(2):
        answer = done(cloud.ask("PUT", "/_ota/things/lock:1"))
        assert answer == {"thingName": "lock:1", "thingArn": f"{ARN}:thing/lock:1"}
    assert cloud.ask("PUT", f"/_ota/things/{'x' * 129}").status == 400


# Code signing


@pytest.mark.parametrize("algorithm", [None, "sig-sha256-rsa"])
def test_a_profile_brings_the_certificate_that_a_device_needs(cloud: HttpCloud, algorithm: str | None):
    body = PROFILE if algorithm is None else {**PROFILE, "algorithm": algorithm}
    answer = done(cloud.ask("PUT", "/_ota/signing-profiles/p1", body))
    assert done(cloud.ask("PUT", "/_ota/signing-profiles/p1", body)) == answer  # quiet
    certificate = cloud.ask("GET", "/_ota/signing-profiles/p1/certificate")
    assert certificate.headers["content-type"] == "application/x-pem-file"
    text = subprocess.run(
        [tool("openssl"), "x509", "-in", answer["certificateFile"], "-noout", "-text"], check=True, capture_output=True
    ).stdout
    assert (b"id-ecPublicKey" if algorithm is None else b"rsaEncryption") in text
    assert Path(answer["certificateFile"]).read_bytes() == certificate.body
    other = cloud.ask("PUT", "/_ota/signing-profiles/p1", {**body, "certificatePath": "else"})
    assert (other.status, other.headers["x-amzn-errortype"]) == (409, "ConflictException")


# Durability


def stored(cloud: HttpCloud) -> set[tuple[str, str, bytes]]:
    """Return what another process finds in the database now."""
    connection = sqlite3.connect(cloud.database.path)
    try:
        return set(connection.execute("SELECT kind, key, value FROM state"))
    finally:
        connection.close()


def test_what_a_call_changed_is_on_the_disk_when_it_is_answered(cloud: HttpCloud, tmp_path):
    """Every change of the table but one at a time, with time standing still: nothing else can have written it."""
    make_update(cloud)
    done(cloud.ask("PUT", "/_ota/thing-groups/house"))
    body = update_body(cloud)
    cloud.works = False
    calls = [
        ("/objects/{bucket}/{key:path}", "/objects/firmware/new.bin", IMAGE),
        ("POST /updates/{id}", "/updates/u2", body),
        ("PUT /jobs/{id}/cancel", "/jobs/AFR_OTA-u1/cancel", None),
        ("DELETE /jobs/{id}", "/jobs/AFR_OTA-u1", None),
        ("DELETE /updates/{id}", "/updates/u1", None),
        ("/event-configurations", "/event-configurations", {"eventConfigurations": {"JOB": {"Enabled": True}}}),
        ("/things/{thing}", "/things/lock-3", None),
        ("/thing-groups/{group}", "/thing-groups/doors", None),
        ("PUT /thing-groups/{group}/things/{thing}", "/thing-groups/doors/things/lock-3", None),
        ("DELETE /thing-groups/{group}/things/{thing}", "/thing-groups/doors/things/lock-3", None),
        ("/signing-profiles/{name}", "/signing-profiles/p1", PROFILE),
    ]
    assert len(calls) == len(control.CHANGES)
    for name, target, content in calls:
        row = next(row for row in control.CHANGES if name in {row.path, f"{row.method} {row.path}"})
        before = stored(cloud)
        headers = {"content_type": "application/octet-stream"} if content is IMAGE else {}
        done(cloud.ask(row.method, f"/_ota{target}", content, **headers))
        assert stored(cloud) != before, row
        assert not cloud.database.waiting, row
    again = tmp_path / "again"
    again.mkdir()
    with sqlite3.connect(cloud.database.path) as source, sqlite3.connect(again / "state.db") as target:
        source.backup(target)
    source.close()
    target.close()
    world = World(again)  # what a process killed with SIGKILL now would find
    try:
        assert dict(world.book.things) == dict(cloud.book.things)
        assert dict(world.book.groups) == dict(cloud.book.groups)
        assert dict(world.book.jobs) == dict(cloud.book.jobs)
        assert world.updates.get("u2") == cloud.updates.get("u2")
    finally:
        world.database.close()


def test_records_and_replies_are_handed_over_before_the_commit(cloud: HttpCloud):
    make_update(cloud)
    cloud.works = False
    handed: list[int] = []

    def commit() -> None:
        handed.append(len(cloud.records))
        cloud.database.flush()

    before = len(cloud.records)
    cloud.commit = commit
    done(cloud.ask("DELETE", "/_ota/updates/u1?forceDeleteAWSJob"))
    assert cloud.records[-1].action is Action.DELETE_OTA_UPDATE
    assert handed == [len(cloud.records)]
    assert handed[0] > before
