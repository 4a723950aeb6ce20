"""What the FreeRTOS guide's workflow is made of, whoever walks it: the SDK or the command line."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from live import PATIENCE
from ota_stream.signing.keys import KeyPair
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.signatures import verify

BUCKET = "afr-ota-images"
IMAGE = bytes(range(256)) * 40
THING = "arn:aws:iot:us-east-1:123456789012:thing/guide-thing"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ROLE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*", "signer:*", "iot:*", "iam:PassRole"], "Resource": "*"}],
}
DEVICE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
}


def make_role(iam: Any, name: str, policy: dict[str, Any], trust: dict[str, Any] | None = None) -> str:
    """Make a role that AWS IoT may assume, or whom `trust` says; return its ARN."""
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust or TRUST))
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return str(made["Role"]["Arn"])


def file_to_sign(version: str) -> dict[str, Any]:
    """An update's file that a signing job shall sign with the guide's profile."""
    return {
        "fileName": "app.bin",
        "fileVersion": "1",
        "fileLocation": {"s3Location": {"bucket": BUCKET, "key": "app.bin", "version": version}},
        "codeSigning": {
            "startSigningJobParameter": {
                "signingProfileName": "guide_profile",
                "destination": {"s3Destination": {"bucket": BUCKET, "prefix": "SignedImages/"}},
            }
        },
    }


def until_made(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Look at an update until its creation is over."""
    until = time.monotonic() + PATIENCE
    while (info := look()["otaUpdateInfo"])["otaUpdateStatus"] in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
        assert time.monotonic() < until, f"the update is still {info['otaUpdateStatus']}"
    return info


def check_signature(document: str, pair: KeyPair) -> None:
    """Fail unless the image is signed with the certificate that was imported."""
    (file,) = json.loads(document)["afr_ota"]["files"]
    assert file["certfile"] == "/cert.pem"
    signature = base64.b64decode(file["sig-sha256-ecdsa"])
    assert verify(IMAGE, signature, pair.certificate, Algorithm.SHA256_ECDSA)
