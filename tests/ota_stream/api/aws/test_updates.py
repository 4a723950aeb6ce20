"""The operations on OTA updates (spec 4.2), every request and answer held against the service's model."""

import base64
from typing import Any

import pytest

from aws_calls import Caller
from http_cloud import World
from ota_stream.signing.keys import KeyPair
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import sign

THING = "arn:aws:iot:us-east-1:123456789012:thing/t1"
ROLE = "arn:aws:iam::123456789012:role/ota-role"
IMAGE = b"an image"


@pytest.fixture
def pair(world: World) -> KeyPair:
    return world.operated.keys.get_or_mint("mine", KeyKind.ECDSA)


@pytest.fixture
def der(pair: KeyPair) -> bytes:
    return sign(IMAGE, pair.key, Algorithm.SHA256_ECDSA)


def _request(world: World, signature: bytes) -> dict[str, Any]:
    version = world.operated.objects.put("images", "app.bin", IMAGE)
    signing = {
        "signature": {"inlineDocument": signature},
        "certificateChain": {"certificateName": "/cert.pem"},
        "hashAlgorithm": "SHA256",
        "signatureAlgorithm": "ECDSA",
    }
    file = {
        "fileName": "app",
        "fileLocation": {"s3Location": {"bucket": "images", "key": "app.bin", "version": version}},
        "codeSigning": {"customCodeSigning": signing},
    }
    return {"otaUpdateId": "u1", "targets": [THING], "files": [file], "roleArn": ROLE, "protocols": ["MQTT"]}


def _made(world: World) -> None:
    for _ in range(10):
        world.turn()


@pytest.mark.parametrize("text", [False, True], ids=["bytes", "base64 text"])
def test_an_update_takes_a_signature_as_bytes_or_as_text(world: World, iot: Caller, der: bytes, text: bool) -> None:
    request = _request(world, base64.b64encode(der) if text else der)
    made = iot("CreateOTAUpdate", **request)
    assert (made["otaUpdateId"], made["otaUpdateStatus"]) == ("u1", "CREATE_PENDING")
    _made(world)
    shown = iot("GetOTAUpdate", otaUpdateId="u1")["otaUpdateInfo"]
    assert (shown["otaUpdateStatus"], shown["awsIotJobId"]) == ("CREATE_COMPLETE", "AFR_OTA-u1")
    assert shown["awsJobExecutionsRolloutConfig"] == {}  # OL-9
    assert shown["otaUpdateFiles"] == request["files"]  # the blob is what was sent
    document = iot("GetJobDocument", jobId="AFR_OTA-u1")["document"]
    assert base64.b64encode(der).decode() in document


def test_updates_are_listed_in_pages(world: World, iot: Caller, der: bytes) -> None:  # OU-3
    request = _request(world, der)
    for number in range(3):
        iot("CreateOTAUpdate", **{**request, "otaUpdateId": f"u{number}"})
    first = iot("ListOTAUpdates", maxResults=2)
    second = iot("ListOTAUpdates", maxResults=2, nextToken=first["nextToken"])
    assert {each["otaUpdateId"] for each in first["otaUpdates"] + second["otaUpdates"]} == {"u0", "u1", "u2"}
    assert iot("ListOTAUpdates", otaUpdateStatus="CREATE_COMPLETE") == {"otaUpdates": []}
    assert iot.refused("ListOTAUpdates", otaUpdateStatus="DONE")[:2] == ("InvalidRequestException", 400)


def test_an_update_is_deleted_with_its_job_and_stream(world: World, iot: Caller, der: bytes) -> None:  # OL-11
    iot("CreateOTAUpdate", **_request(world, der))
    assert iot.refused("DeleteOTAUpdate", otaUpdateId="u1")[:2] == ("VersionConflictException", 409)
    _made(world)
    assert iot.refused("DeleteOTAUpdate", otaUpdateId="u1")[:2] == ("InvalidRequestException", 400)
    assert iot("DeleteOTAUpdate", otaUpdateId="u1", deleteStream=True, forceDeleteAWSJob=True) == {}
    assert iot.refused("GetOTAUpdate", otaUpdateId="u1")[:2] == ("ResourceNotFoundException", 404)
    assert not list(world.catalog)


def test_a_failed_update_says_why(world: World, iot: Caller) -> None:  # OL-7
    signing = {"startSigningJobParameter": {"signingProfileName": "none"}}
    request = _request(world, b"")
    request["files"][0]["codeSigning"] = signing
    iot("CreateOTAUpdate", **request)
    _made(world)
    shown = iot("GetOTAUpdate", otaUpdateId="u1")["otaUpdateInfo"]
    assert shown["otaUpdateStatus"] == "CREATE_FAILED"
    assert "signing profile 'none'" in shown["errorInfo"]["message"]
    assert iot("ListJobs") == {"jobs": []}


@pytest.mark.parametrize(
    ("change", "name", "status"),
    [
        ({"protocols": ["FTP"]}, "InvalidRequestException", 400),
        ({"targets": ["arn:aws:s3:::bucket"]}, "InvalidRequestException", 400),
        ({"otaUpdateId": "a b"}, "InvalidRequestException", 400),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(
    world: World, iot: Caller, der: bytes, change: dict[str, Any], name: str, status: int
) -> None:
    assert iot.refused("CreateOTAUpdate", **{**_request(world, der), **change})[:2] == (name, status)
    assert iot("ListOTAUpdates") == {"otaUpdates": []}


def test_an_id_is_taken_once(world: World, iot: Caller, der: bytes) -> None:
    iot("CreateOTAUpdate", **_request(world, der))
    refused = iot.refused("CreateOTAUpdate", **_request(world, der))
    assert refused[:2] == ("ResourceAlreadyExistsException", 409)
