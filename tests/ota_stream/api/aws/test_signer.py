"""The operations of AWS Signer, every request and answer held against the service's model."""

from typing import Any

from moto.acm.models import acm_backends

from aws_calls import Caller
from http_cloud import World
from ota_stream.api.aws.moto.acm_keys import AcmKeys, imported
from ota_stream.signing.platforms import KeyKind

ACM = "arn:aws:acm:us-east-1:123456789012:certificate/c1"
PROFILE: dict[str, Any] = {
    "profileName": "p1",
    "signingMaterial": {"certificateArn": ACM},
    "platformId": "AmazonFreeRTOS-Default",
    "signingParameters": {"certname": "/cert.pem"},
}
RSA = {"signingConfiguration": {"encryptionAlgorithm": "RSA"}}


def test_a_profile_is_put_shown_and_cancelled(signer: Caller) -> None:
    names = signer("PutSigningProfile", **PROFILE, overrides=RSA)
    assert names["arn"] == "arn:aws:signer:us-east-1:123456789012:/signing-profiles/p1"
    assert signer("PutSigningProfile", **PROFILE, overrides=RSA) == names
    shown = signer("GetSigningProfile", profileName="p1")
    assert {name: shown[name] for name in PROFILE} == PROFILE
    assert shown["overrides"]["signingConfiguration"] == {"encryptionAlgorithm": "RSA", "hashAlgorithm": "SHA256"}
    assert [each["profileName"] for each in signer("ListSigningProfiles")["profiles"]] == ["p1"]
    signer("CancelSigningProfile", profileName="p1")
    assert signer("ListSigningProfiles") == {"profiles": []}
    for asked in ({"includeCanceled": True}, {"statuses": ["Canceled"]}):
        assert [each["status"] for each in signer("ListSigningProfiles", **asked)["profiles"]] == ["Canceled"]
    assert signer("ListSigningProfiles", statuses=["Active"]) == {"profiles": []}


def test_a_profile_that_could_never_sign_is_refused(signer: Caller) -> None:
    wrong = (
        {"platformId": "Atari"},
        {"signingParameters": {}},
        {"overrides": {"signingConfiguration": {"hashAlgorithm": "SHA1"}}},
    )
    for change in wrong:
        assert signer.refused("PutSigningProfile", **{**PROFILE, **change})[:2] == ("ValidationException", 400)
    assert signer.refused("GetSigningProfile", profileName="p1")[:2] == ("ResourceNotFoundException", 404)


def test_platforms_are_shown(signer: Caller) -> None:
    everything = signer("ListSigningPlatforms")["platforms"]
    assert len(everything) == 3
    for platform in everything:
        assert signer("GetSigningPlatform", platformId=platform["platformId"]) == platform
    found = signer("ListSigningPlatforms", partner="AmazonFreeRTOS", target="SHA256-ECDSA")["platforms"]
    assert [each["platformId"] for each in found] == ["AmazonFreeRTOS-Default"]
    assert signer.refused("GetSigningPlatform", platformId="Atari")[0] == "ResourceNotFoundException"


def _order(version: str, number: int = 0) -> dict[str, Any]:
    return {
        "source": {"s3": {"bucketName": "images", "key": "app.bin", "version": version}},
        "destination": {"s3": {"bucketName": "signed", "prefix": "s/"}},
        "profileName": "p1",
        "clientRequestToken": f"t{number}",
    }


def test_a_job_signs_an_image_of_a_bucket(world: World, signer: Caller) -> None:
    signer("PutSigningProfile", **PROFILE)
    order = _order(world.operated.objects.put("images", "app.bin", b"image"))
    job_id = signer("StartSigningJob", **order)["jobId"]
    assert signer("StartSigningJob", **order)["jobId"] == job_id  # the same token
    shown = signer("DescribeSigningJob", jobId=job_id)
    assert (shown["status"], shown["profileName"], shown["source"]) == ("Succeeded", "p1", order["source"])
    signed = shown["signedObject"]["s3"]
    assert signed == {"bucketName": "signed", "key": f"s/{job_id}"}
    assert world.operated.objects.find("signed", signed["key"]).image.read(0, 5) == b"image"
    (listed,) = signer("ListSigningJobs", status="Succeeded")["jobs"]
    assert listed["jobId"] == job_id
    assert signer("ListSigningJobs", platformId="AWSIoTDeviceManagement-SHA256-ECDSA") == {"jobs": []}


def test_a_job_whose_key_does_not_fit_has_failed_and_says_why(world: World, signer: Caller) -> None:
    world.operated.keys.get_or_mint(ACM, KeyKind.RSA)
    signer("PutSigningProfile", **PROFILE)
    order = _order(world.operated.objects.put("images", "app.bin", b"image"))
    shown = signer("DescribeSigningJob", jobId=signer("StartSigningJob", **order)["jobId"])
    assert (shown["status"], shown.get("signedObject")) == ("Failed", None)
    assert "the key is RSA" in shown["statusReason"]


def test_lists_of_jobs_come_in_pages(world: World, signer: Caller) -> None:
    signer("PutSigningProfile", **PROFILE)
    version = world.operated.objects.put("images", "app.bin", b"image")
    made = {signer("StartSigningJob", **_order(version, number))["jobId"] for number in range(3)}
    first = signer("ListSigningJobs", maxResults=2)
    second = signer("ListSigningJobs", maxResults=2, nextToken=first["nextToken"])
    assert {each["jobId"] for each in first["jobs"] + second["jobs"]} == made
    assert signer.refused("ListSigningJobs", nextToken="-1")[0] == "ValidationException"


def test_an_image_that_cannot_be_read_starts_no_job(signer: Caller) -> None:  # OL-7
    signer("PutSigningProfile", **PROFILE)
    name, status, message = signer.refused("StartSigningJob", **_order("v1"))
    assert (name, status) == ("AccessDeniedException", 403)
    assert "S3 object app.bin not accessible" in message
    assert signer("ListSigningJobs") == {"jobs": []}
    assert signer.refused("StartSigningJob", **{**_order("v1"), "source": {}})[0] == "ValidationException"
    assert signer.refused("ListSigningJobs", status="Done")[0] == "ValidationException"


def test_an_imported_key_comes_before_a_minted_one(world: World) -> None:
    below = world.operated.keys
    theirs = below.get_or_mint("theirs", KeyKind.ECDSA)
    keys = AcmKeys(below, {ACM: theirs}.get)
    assert keys.get_or_mint(ACM, KeyKind.ECDSA) == theirs
    assert keys.get_or_mint("other", KeyKind.ECDSA) == below.get_or_mint("other", KeyKind.ECDSA)


def test_the_key_of_an_acm_certificate_is_found_by_its_arn(world: World) -> None:
    state = world.services.moto
    theirs = world.operated.keys.get_or_mint("theirs", KeyKind.ECDSA)
    state.load()  # what another test of this process has left is gone from here on
    acm = acm_backends["123456789012"]["eu-west-1"]
    arn = acm.import_certificate(theirs.certificate, theirs.key, None, None, [])
    try:
        assert imported(state, arn) == theirs
    finally:
        acm.delete_certificate(arn)
    assert imported(state, arn) is None
    assert imported(state, ACM) is None
    assert imported(state, "a name, no ARN") is None
