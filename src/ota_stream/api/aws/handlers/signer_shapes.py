"""Signing platforms, profiles and jobs as the API of AWS Signer shows them; times are epoch seconds."""

from hashlib import sha256
from typing import Final

from ota_stream.api.aws.given import Shown
from ota_stream.api.operated import Operated
from ota_stream.signing.jobs import SigningJob
from ota_stream.signing.platforms import ABILITIES, MIB, Platform
from ota_stream.signing.profiles import SigningProfile

CERTIFICATE_NAME: Final = "certname"  # the signing parameter that becomes `certfile` (OD-6)

_TOLD: Final = {  # display name, partner, target, format of the signed image
    Platform.FREERTOS: ("Amazon FreeRTOS SHA256-ECDSA", "AmazonFreeRTOS", "SHA256-ECDSA", "JSONEmbedded"),
    Platform.TI_CC3220SF: (
        "Amazon FreeRTOS SHA1-RSA CC3220SF-Format",
        "AmazonFreeRTOS",
        "SHA1-RSA-TISHA1",
        "JSONEmbedded",
    ),
    Platform.DEVICE_MANAGEMENT: (
        "AWS IoT Device Management SHA256-ECDSA",
        "AWSIoTDeviceManagement",
        "SHA256-ECDSA",
        "JSONDetached",
    ),
}
_VALIDITY: Final = {"value": 135, "type": "MONTHS"}


def platform(known: Platform) -> Shown:
    """Return a platform as GetSigningPlatform and ListSigningPlatforms show it."""
    display, partner, target, image_format = _TOLD[known]
    algorithms = ABILITIES[known].algorithms
    keys = sorted({algorithm.kind.value for algorithm in algorithms})
    hashes = sorted({algorithm.hash_name for algorithm in algorithms})
    return {
        "platformId": known.value,
        "displayName": display,
        "partner": partner,
        "target": target,
        "category": "AWSIoT",
        "signingConfiguration": {
            "encryptionAlgorithmOptions": {"allowedValues": keys, "defaultValue": algorithms[0].kind.value},
            "hashAlgorithmOptions": {"allowedValues": hashes, "defaultValue": algorithms[0].hash_name},
        },
        "signingImageFormat": {"supportedFormats": [image_format], "defaultFormat": image_format},
        "maxSizeInMB": ABILITIES[known].image_max // MIB,
        "revocationSupported": False,
    }


def names(cloud: Operated, profile: SigningProfile) -> Shown:
    """Return the ARN and the version of a profile; a profile never changes, so its version follows from its name."""
    arn = cloud.arn("").replace(":iot:", ":signer:", 1) + f"/signing-profiles/{profile.name}"
    version = sha256(profile.name.encode()).hexdigest()[:10]
    return {"arn": arn, "profileVersion": version, "profileVersionArn": f"{arn}/{version}"}


def profile_summary(cloud: Operated, profile: SigningProfile) -> Shown:
    """Return an entry of ListSigningProfiles."""
    return {
        "profileName": profile.name,
        **names(cloud, profile),
        **_settings(profile),
        "signatureValidityPeriod": _VALIDITY,
        "signingParameters": {CERTIFICATE_NAME: profile.certificate_path},
        "status": profile.status.value,
    }


def profile(cloud: Operated, known: SigningProfile) -> Shown:
    """Return what GetSigningProfile shows."""
    return {**profile_summary(cloud, known), **_overrides(known)}


def job(cloud: Operated, known: SigningJob) -> Shown:
    """Return what DescribeSigningJob shows."""
    profile = cloud.signing.get_profile(known.request.profile_name)
    summary = job_summary(cloud, known)
    del summary["isRevoked"]
    shown = {
        **summary,
        **_overrides(profile),
        "signingParameters": {CERTIFICATE_NAME: known.certificate_path},
        "completedAt": known.completed_at,
        "requestedBy": f"arn:aws:iam::{account(cloud)}:root",
        "statusReason": known.reason,
    }
    return {name: value for name, value in shown.items() if value is not None}


def job_summary(cloud: Operated, known: SigningJob) -> Shown:
    """Return an entry of ListSigningJobs."""
    profile = cloud.signing.get_profile(known.request.profile_name)
    source, signed = known.request.source, known.signed_object
    shown: Shown = {
        "jobId": known.job_id,
        "source": {"s3": {"bucketName": source.bucket, "key": source.key, "version": source.version}},
        **_settings(profile),
        "profileName": profile.name,
        "profileVersion": names(cloud, profile)["profileVersion"],
        "createdAt": known.created_at,
        "status": known.status.value,
        "isRevoked": False,
        "jobOwner": account(cloud),
        "jobInvoker": account(cloud),
    }
    if signed is not None:
        shown["signedObject"] = {"s3": {"bucketName": signed.bucket, "key": signed.key}}
    return shown


def _settings(profile: SigningProfile) -> Shown:
    return {
        "signingMaterial": {"certificateArn": profile.certificate},
        "platformId": profile.platform,
        "platformDisplayName": _TOLD[Platform(profile.platform)][0],
    }


def _overrides(profile: SigningProfile) -> Shown:
    if profile.algorithm is None:
        return {}
    configuration = {
        "encryptionAlgorithm": profile.algorithm.kind.value,
        "hashAlgorithm": profile.algorithm.hash_name,
    }
    return {"overrides": {"signingConfiguration": configuration}}


def account(cloud: Operated) -> str:
    """Return whose profiles and jobs these are."""
    return cloud.arn("").split(":")[4]
