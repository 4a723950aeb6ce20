"""`ota-stream updates` against a real HTTP server."""

import json

import pytest
import typer
from typer.testing import CliRunner

from http_cloud import HttpCloud, serving_http
from images import image_bytes
from live import wait_until
from ota_stream.cli.updates import updates_app
from ota_stream.errors import OtaStreamError

ROLE = "arn:aws:iam::123456789012:role/ota"


@pytest.fixture
def cloud(tmp_path):
    with serving_http(tmp_path) as cloud:
        cloud.run(lambda: cloud.operated.objects.put("firmware", "app.bin", image_bytes(5000)))
        yield cloud


def run(cloud: HttpCloud, *arguments: str) -> str:
    result = CliRunner().invoke(updates_app, [*arguments, "--endpoint-url", cloud.base])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


def failure(cloud: HttpCloud, *arguments: str) -> str:
    result = CliRunner().invoke(updates_app, [*arguments, "--endpoint-url", cloud.base])
    assert isinstance(result.exception, OtaStreamError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def create(cloud: HttpCloud, ota_update_id: str, key: str = "app.bin", **more) -> None:
    location = {"s3Location": {"bucket": "firmware", "key": key}}
    file = {"fileName": "app", "fileVersion": "1.2.3", "fileLocation": location}
    body = {"targets": ["thing/lock-1"], "roleArn": ROLE, "files": [file], **more}
    assert cloud.ask("POST", f"/_ota/updates/{ota_update_id}", body).status == 200
    wait_until(lambda: "PROGRESS" not in (status := status_of(cloud, ota_update_id)) and "PENDING" not in status)


def status_of(cloud: HttpCloud, ota_update_id: str) -> str:
    return cloud.ask("GET", f"/_ota/updates/{ota_update_id}").json["otaUpdateInfo"]["otaUpdateStatus"]


def test_updates_are_a_table_newest_first(cloud: HttpCloud):
    create(cloud, "u1")
    create(cloud, "u22")
    head, *lines = run(cloud, "list").splitlines()
    assert head == "UPDATE  STATUS           CREATED"
    assert [line.split()[:2] for line in lines] == [["u22", "CREATE_COMPLETE"], ["u1", "CREATE_COMPLETE"]]
    assert [one["otaUpdateId"] for one in json.loads(run(cloud, "list", "--json"))["otaUpdates"]] == ["u22", "u1"]


def test_an_update_is_shown_with_its_files(cloud: HttpCloud):
    create(cloud, "u1", description="the first")
    shown = json.loads(run(cloud, "show", "u1", "--json"))
    lines = run(cloud, "show", "u1").splitlines()
    pairs = dict(line.split(maxsplit=1) for line in lines[: lines.index("")])
    assert pairs["update"] == "u1"
    assert pairs["job"] == "AFR_OTA-u1"
    assert pairs["description"] == "the first"
    assert pairs["stream"] == shown["streamId"]
    assert "error" not in pairs
    assert lines[-2:] == ["FILE  VERSION  IMAGE", "app   1.2.3    firmware/app.bin"]


def test_an_update_of_a_stream_of_the_caller_names_it(cloud: HttpCloud):
    image = cloud.run(lambda: cloud.operated.objects.find("firmware", "app.bin").image)
    cloud.run(lambda: cloud.catalog.put("mine", {0: image}))
    create(cloud, "u1", files=[{"fileLocation": {"stream": {"streamId": "mine"}}}])
    assert run(cloud, "show", "u1").splitlines()[-1].strip() == "stream mine, file 0"


def test_an_update_of_a_signed_object_says_so(cloud: HttpCloud):
    profile = {"platform": "AmazonFreeRTOS-Default", "certificate": "c", "certificatePath": "p"}
    assert cloud.ask("PUT", "/_ota/signing-profiles/p1", profile).status == 200
    location = {"s3Location": {"bucket": "firmware", "key": "app.bin"}}
    signing = {"startSigningJobParameter": {"signingProfileName": "p1"}}
    create(cloud, "u1", files=[{"fileLocation": location, "codeSigning": signing}])
    signed = cloud.updates.get("u1").request.files[0].code_signing.aws_signer_job_id
    create(cloud, "u2", files=[{"codeSigning": {"awsSignerJobId": signed}}])
    assert run(cloud, "show", "u2").splitlines()[-1].strip() == "as signed"


def test_an_update_that_failed_is_shown_with_its_error(cloud: HttpCloud):
    create(cloud, "u1", key="never.bin")
    assert "error      InvalidRequestException: there is no object" in run(cloud, "show", "u1")


def test_an_update_is_deleted_alone_or_with_what_was_made_for_it(cloud: HttpCloud):
    create(cloud, "u1")
    assert failure(cloud, "delete", "u1").startswith("InvalidRequestException: job AFR_OTA-u1 has not ended")
    assert run(cloud, "delete", "u1", "--force", "--delete-stream") == "deleted  u1\n"
    assert cloud.ask("GET", "/_ota/streams").json == {"streams": []}
    create(cloud, "u2")
    assert run(cloud, "delete", "u2", "--force") == "deleted  u2\n"
    assert len(cloud.ask("GET", "/_ota/streams").json["streams"]) == 1


def test_an_update_that_could_not_be_deleted_says_why(cloud: HttpCloud):
    for number in range(10):
        create(cloud, f"u{number}")
        run(cloud, "delete", f"u{number}", "--force")
    create(cloud, "last")
    text = failure(cloud, "delete", "last", "--force")
    assert text.startswith("OTA update last is still there: LimitExceededException: ")


@pytest.mark.parametrize("command", ["show", "delete"])
@pytest.mark.parametrize("ota_update_id", ["none", "a/b", "..", "", "x" * 200])
def test_an_unknown_update_is_one_line(cloud: HttpCloud, command: str, ota_update_id: str):
    assert failure(cloud, command, ota_update_id)


def test_every_command_has_help_with_an_example():
    app = typer.Typer()
    app.add_typer(updates_app, name="updates")
    for command in ("list", "show", "delete"):
        result = CliRunner().invoke(app, ["updates", command, "--help"])
        assert f"Example: ota-stream updates {command}" in result.output
