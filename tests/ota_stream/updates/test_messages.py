"""Requests as the AWS API writes them."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.errors import ControlError
from ota_stream.jobs.configs import AbortCriterion, RolloutConfig, TimeoutConfig
from ota_stream.updates import messages
from ota_stream.updates.messages import CreateOtaUpdate, Tag, decode

BODY = {
    "targets": ["arn:aws:iot:us-east-1:123456789012:thing/lock-1"],
    "files": [
        {
            "fileName": "fw.bin",
            "fileType": 3,
            "fileVersion": "1",
            "fileLocation": {"s3Location": {"bucket": "fw", "key": "fw.bin", "version": "v1"}},
            "codeSigning": {
                "startSigningJobParameter": {
                    "signingProfileParameter": {
                        "certificateArn": "arn:acm",
                        "platform": "AmazonFreeRTOS-Default",
                        "certificatePathOnDevice": "cert",
                    },
                    "signingProfileName": "profile",
                    "destination": {"s3Destination": {"bucket": "fw", "prefix": "SignedImages/"}},
                }
            },
            "attributes": {"a": "b"},
        }
    ],
    "roleArn": "arn:aws:iam::123456789012:role/ota",
    "description": "Door lock 1.2.3",
    "protocols": ["HTTP", "MQTT"],
    "targetSelection": "CONTINUOUS",
    "awsJobExecutionsRolloutConfig": {"maximumPerMinute": 50},
    "awsJobPresignedUrlConfig": {"expiresInSec": 60},
    "awsJobAbortConfig": {
        "abortCriteriaList": [
            {
                "failureType": "FAILED",
                "thresholdPercentage": 50.5,
                "minNumberOfExecutedThings": 2,
                "action": "CANCEL",
            }
        ]
    },
    "awsJobTimeoutConfig": {"inProgressTimeoutInMinutes": 5},
    "additionalParameters": {"x": "y"},
    "tags": [{"Key": "k", "Value": "v"}],
}


def test_every_field_of_the_api_is_read():
    """OU-10..OU-21."""
    request = decode("update-1", json.dumps(BODY).encode())
    assert request.ota_update_id == "update-1"
    assert request.aws_job_executions_rollout_config == RolloutConfig(50)
    assert request.aws_job_abort_config.abort_criteria_list == (AbortCriterion("FAILED", 50.5, 2),)
    assert request.aws_job_timeout_config == TimeoutConfig(5)
    assert request.aws_job_presigned_url_config.expires_in_sec == 60
    assert request.tags == (Tag("k", "v"),)
    assert json.loads(msgspec.json.encode(request)) == {"otaUpdateId": "update-1", **BODY}


def test_what_is_left_out_has_the_documented_default():
    """OU-13, G-22; OU-14; OU-16."""
    least = {"targets": BODY["targets"], "roleArn": BODY["roleArn"], "files": [{}]}
    request = decode("u", json.dumps(least).encode())
    assert request.protocols == ("MQTT",)
    assert request.target_selection == "SNAPSHOT"
    assert request.aws_job_presigned_url_config.expires_in_sec == 1800
    assert request.description is None


def test_the_id_is_that_of_the_path():
    body = {**BODY, "otaUpdateId": "other"}
    assert decode("mine", json.dumps(body).encode()).ota_update_id == "mine"


def test_a_blob_is_base64_on_the_wire():
    """OU-19."""
    wire = {"customCodeSigning": {"signature": {"inlineDocument": base64.b64encode(b"\x30\x06").decode()}}}
    body = {**BODY, "files": [{"codeSigning": wire}]}
    custom = decode("u", json.dumps(body).encode()).files[0].code_signing.custom
    assert custom is not None
    assert custom.signature == messages.InlineSignature(b"\x30\x06")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"{}", "targets"),
        (json.dumps({**BODY, "protocols": ["FTP"]}).encode(), "protocols"),
        (json.dumps({**BODY, "targetSelection": "ALL"}).encode(), "targetSelection"),
        (json.dumps({**BODY, "files": [{"fileType": "0"}]}).encode(), r"files\[0\].fileType"),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_its_place(body, message):
    with pytest.raises(ControlError, match=message) as refused:
        decode("u", body)
    assert (refused.value.name, refused.value.status) == ("InvalidRequestException", 400)


@given(st.binary(max_size=60) | st.sampled_from(list(BODY)).map(lambda key: b'{"%s":[{' % key.encode()), st.text())
def test_any_bytes_are_a_request_or_refused(body, ota_update_id):
    with pytest.raises(ControlError, match="cannot be read"):
        decode(ota_update_id, body)


@pytest.mark.parametrize("body", [b'{"targets":' + b"[" * 100_000, b'{"roleArn":"\xff"}', b'{"roleArn":"\\ud800"}'])
def test_a_hostile_body_is_refused(body):
    with pytest.raises(ControlError, match="cannot be read"):
        decode("u", body)


def test_a_part_without_content_counts_as_left_out():
    """OL-9."""
    wire = {
        "startSigningJobParameter": {"signingProfileName": "p", "signingProfileParameter": {}},
        "customCodeSigning": {},
    }
    signing = decode("u", json.dumps({**BODY, "files": [{"codeSigning": wire}]}).encode()).files[0].code_signing
    assert signing.custom is None
    assert signing.start is not None
    assert signing.start.new_profile is None
    empty = messages.CodeSigning(start_signing_job_parameter=messages.StartSigningJobParameter())
    assert empty.start is None


def test_a_request_outlives_a_restart():
    request = decode("u", json.dumps(BODY).encode())
    assert msgspec.json.decode(msgspec.json.encode(request), type=CreateOtaUpdate) == request
