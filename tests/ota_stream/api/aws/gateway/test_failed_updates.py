"""An update that cannot be made says why, and leaves neither a stream nor a job (OL-7)."""

from collections.abc import Callable
from typing import Any

import pytest

from aws_cloud import AwsCloud
from aws_guide import until_made
from ota_stream.signing.keys import Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import sign

ROLE = "arn:aws:iam::123456789012:role/ota"
THING = "arn:aws:iot:us-east-1:123456789012:thing/t1"
VALIDITY = Validity(1.6e9, 4e9, 1)
CA = mint_ca("ca", KeyKind.ECDSA, VALIDITY)

Change = Callable[[Any, dict[str, Any]], dict[str, Any]]


def custom(location: dict[str, str]) -> dict[str, Any]:
    signing = {
        "signature": {"inlineDocument": sign(b"image", CA.key, Algorithm.SHA256_ECDSA)},
        "certificateChain": {"certificateName": "c"},
        "hashAlgorithm": "SHA256",
        "signatureAlgorithm": "ECDSA",
    }
    return {"fileName": "a", "fileLocation": {"s3Location": location}, "codeSigning": {"customCodeSigning": signing}}


def started(location: dict[str, str], **more: Any) -> dict[str, Any]:
    destination = {"s3Destination": {"bucket": "images", "prefix": "signed/"}}
    start = {"signingProfileName": "made", "destination": destination, **more}
    return {
        "fileName": "a", "fileLocation": {"s3Location": location}, "codeSigning": {"startSigningJobParameter": start},
    }  # fmt: skip


def new_profile(arn: str, platform: str = "AmazonFreeRTOS-Default") -> dict[str, Any]:
    made = {"certificateArn": arn, "platform": platform, "certificatePathOnDevice": "/c.pem"}
    return {"signingProfileParameter": made}


def imported(client: Any, certificate: bytes, key: bytes) -> str:
    return str(client("acm").import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"])


def object_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [custom({**image, "key": "gone"})]}


def object_to_sign_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/minted"
    return {"files": [started({**image, "key": "gone"}, **new_profile(arn))]}


def profile_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [started(image)]}


def certificate_for_no_code(client: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [started(image, **new_profile(imported(client, CA.certificate, CA.key)))]}


def certificate_of_another_kind(client: Any, image: dict[str, str]) -> dict[str, Any]:
    pair = mint_code_signing("signer", KeyKind.ECDSA, CA, VALIDITY)
    arn = imported(client, pair.certificate, pair.key)
    return {"files": [started(image, **new_profile(arn, "AmazonFreeRTOS-TI-CC3220SF"))]}


def job_taken(client: Any, image: dict[str, str]) -> dict[str, Any]:
    client("iot").create_job(jobId="AFR_OTA-u", targets=[THING], document="{}")
    return {"files": [custom(image)]}


def job_name_too_long(_: Any, image: dict[str, str]) -> dict[str, Any]:  # OU-10
    return {"files": [custom(image)], "otaUpdateId": "u" * 57}


def group_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [custom(image)], "targets": [THING.replace("thing/t1", "thinggroup/none")]}


def second_file_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [custom(image), custom({**image, "version": "gone"})]}


def stream_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [{**custom(image), "fileLocation": {"stream": {"streamId": "none", "fileId": 0}}}]}


def role_gone(_: Any, image: dict[str, str]) -> dict[str, Any]:
    return {"files": [custom(image)], "roleArn": f"{ROLE}-none"}


FAILURES: list[tuple[Change, str, str]] = [
    (role_gone, "InvalidRequestException", "does not exist"),
    (object_gone, "InvalidRequestException", "there is no object images/gone"),
    (object_to_sign_gone, "AccessDeniedException", "S3 object gone not accessible"),
    (profile_gone, "ResourceNotFoundException", "there is no signing profile 'made'"),
    (certificate_for_no_code, "InvalidRequestException", "certificate"),
    (certificate_of_another_kind, "InvalidRequestException", "RSA"),
    (job_taken, "ResourceAlreadyExistsException", "Job AFR_OTA-u already exists"),
    (job_name_too_long, "InvalidRequestException", "64"),
    (group_gone, "ResourceNotFoundException", "none"),
    (second_file_gone, "InvalidRequestException", "version gone"),
    (stream_gone, "ResourceNotFoundException", "'none'"),
]


@pytest.mark.parametrize(("change", "code", "told"), FAILURES, ids=[each[0].__name__ for each in FAILURES])
def test_an_update_that_fails_leaves_nothing_but_its_reason(
    client, cloud: AwsCloud, image, caplog, change: Change, code: str, told: str
):
    iot = client("iot")
    request = {"otaUpdateId": "u", "targets": [THING], "roleArn": ROLE, **change(client, image)}
    jobs = iot.list_jobs()["jobs"]
    assert iot.create_ota_update(**request)["otaUpdateStatus"] == "CREATE_PENDING"
    info = until_made(lambda: iot.get_ota_update(otaUpdateId=request["otaUpdateId"]))
    assert (info["otaUpdateStatus"], info["errorInfo"]["code"]) == ("CREATE_FAILED", code), info["errorInfo"]
    assert told in info["errorInfo"]["message"]
    assert "awsIotJobId" not in info
    assert iot.list_jobs()["jobs"] == jobs
    assert iot.list_streams()["streams"] == []
    assert cloud.run(lambda: len(cloud.updates._book.streams)) == 0  # a restart brings none back
    assert {job["status"] for job in client("signer").list_signing_jobs()["jobs"]} <= {"Failed"}
    assert "Traceback" not in caplog.text
    iot.delete_ota_update(otaUpdateId=request["otaUpdateId"])
    assert iot.list_ota_updates()["otaUpdates"] == []
