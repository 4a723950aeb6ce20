"""The workflow of the FreeRTOS guide, typed into the command line of AWS."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from aws_guide import BUCKET, DEVICE_POLICY, IMAGE, ROLE_POLICY, THING, TRUST, check_signature, file_to_sign, until_made
from ota_stream.signing.keys import KeyPair
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.signatures import sign

JOB = "AFR_OTA-guide-update"

pytestmark = pytest.mark.timeout(240)  # each command is a process that takes a second to start


def _file(folder: Path, name: str, content: Any) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return f"file://{path}"


def _uploaded(aws: Any, folder: Path) -> str:
    _file(folder, "app.bin", IMAGE)
    aws("s3", "mb", f"s3://{BUCKET}")
    aws("s3api", "put-bucket-versioning", "--bucket", BUCKET, "--versioning-configuration", "Status=Enabled")
    aws("s3", "cp", str(folder / "app.bin"), f"s3://{BUCKET}/app.bin")
    (version,) = aws("s3api", "list-object-versions", "--bucket", BUCKET)["Versions"]
    return version["VersionId"]


def _role(aws: Any, folder: Path) -> str:
    trust, policy = _file(folder, "trust.json", TRUST), _file(folder, "policy.json", ROLE_POLICY)
    made = aws("iam", "create-role", "--role-name", "ota-role", "--assume-role-policy-document", trust)
    aws("iam", "put-role-policy", "--role-name", "ota-role", "--policy-name", "ota", "--policy-document", policy)
    return made["Role"]["Arn"]


def _profile(aws: Any, folder: Path, pair: KeyPair) -> None:
    certificate, key = _file(folder, "signer.crt", pair.certificate), _file(folder, "signer.key", pair.key)
    imported = aws("acm", "import-certificate", "--certificate", certificate, "--private-key", key)
    aws(
        "signer", "put-signing-profile", "--profile-name", "guide_profile", "--platform", "AmazonFreeRTOS-Default",
        "--signing-material", f"certificateArn={imported['CertificateArn']}",
        "--signing-parameters", "certname=/cert.pem",
    )  # fmt: skip


def _thing(aws: Any, folder: Path) -> None:
    assert aws("iot", "create-thing", "--thing-name", "guide-thing")["thingArn"] == THING
    made = aws("iot", "create-keys-and-certificate", "--set-as-active")
    policy = _file(folder, "device.json", DEVICE_POLICY)
    aws("iot", "create-policy", "--policy-name", "device", "--policy-document", policy)
    aws("iot", "attach-policy", "--policy-name", "device", "--target", made["certificateArn"])
    aws("iot", "attach-thing-principal", "--thing-name", "guide-thing", "--principal", made["certificateArn"])


def _create_update(aws: Any, folder: Path, file: dict[str, Any], role: str) -> dict[str, Any]:
    aws(
        "iot", "create-ota-update", "--ota-update-id", "guide-update", "--targets", THING, "--protocols", "MQTT",
        "--target-selection", "SNAPSHOT", "--files", _file(folder, "files.json", [file]), "--role-arn", role,
    )  # fmt: skip
    return until_made(lambda: aws("iot", "get-ota-update", "--ota-update-id", "guide-update"))


def test_the_guides_workflow(aws: Any, tmp_path: Path, signer_pair: KeyPair) -> None:
    version, role = _uploaded(aws, tmp_path), _role(aws, tmp_path)
    _profile(aws, tmp_path, signer_pair)
    _thing(aws, tmp_path)
    location = {"bucket": BUCKET, "key": "app.bin", "version": version}
    files = _file(tmp_path, "stream.json", [{"fileId": 0, "s3Location": location}])
    aws("iot", "create-stream", "--stream-id", "guide-stream", "--files", files, "--role-arn", role)
    info = _create_update(aws, tmp_path, file_to_sign(version), role)
    assert (info["otaUpdateStatus"], info["awsIotJobId"]) == ("CREATE_COMPLETE", JOB)
    (listed,) = aws("iot", "list-ota-updates")["otaUpdates"]
    assert listed["otaUpdateId"] == "guide-update"
    assert aws("iot", "describe-job", "--job-id", JOB)["job"]["targets"] == [THING]
    check_signature(aws("iot", "get-job-document", "--job-id", JOB)["document"], signer_pair)
    (execution,) = aws("iot", "list-job-executions-for-job", "--job-id", JOB)["executionSummaries"]
    assert execution["jobExecutionSummary"]["status"] == "QUEUED"
    (execution,) = aws("iot", "list-job-executions-for-thing", "--thing-name", "guide-thing")["executionSummaries"]
    assert execution["jobId"] == JOB
    aws("iot", "cancel-job", "--job-id", JOB)
    assert aws("iot", "describe-job", "--job-id", JOB)["job"]["status"] == "CANCELED"
    aws(
        "iot", "delete-ota-update", "--ota-update-id", "guide-update", "--delete-stream", "--force-delete-aws-job"
    )  # fmt: skip
    said = aws("iot", "get-ota-update", "--ota-update-id", "guide-update", fails=True)
    assert "(ResourceNotFoundException)" in said
    aws("iot", "delete-stream", "--stream-id", "guide-stream")
    assert aws("iot", "list-streams")["streams"] == []


def test_a_signature_in_a_file_of_json_is_base64_text_and_reaches_the_device_once_encoded(
    aws: Any, tmp_path: Path, signer_pair: KeyPair
) -> None:
    version, role = _uploaded(aws, tmp_path), _role(aws, tmp_path)
    signature = base64.b64encode(sign(IMAGE, signer_pair.key, Algorithm.SHA256_ECDSA)).decode()
    signing = {
        "signature": {"inlineDocument": signature},
        "certificateChain": {"certificateName": "/cert.pem"},
        "hashAlgorithm": "SHA256",
        "signatureAlgorithm": "ECDSA",
    }
    _create_update(aws, tmp_path, {**file_to_sign(version), "codeSigning": {"customCodeSigning": signing}}, role)
    check_signature(aws("iot", "get-job-document", "--job-id", JOB)["document"], signer_pair)
