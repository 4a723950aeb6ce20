"""The operations of AWS Signer: platforms, profiles, and jobs that sign an image in a bucket."""

from collections.abc import Sequence
from typing import Any, Final

from ota_stream.answers import Effect
from ota_stream.api.aws.given import Change, Given, Read, Shown, part
from ota_stream.api.aws.handlers import signer_shapes as shapes
from ota_stream.api.operated import Operated
from ota_stream.errors import ControlError
from ota_stream.signing import errors, platforms
from ota_stream.signing.jobs import Destination, ObjectVersion, SigningRequest, SigningStatus
from ota_stream.signing.platforms import ABILITIES, Algorithm, Platform
from ota_stream.signing.profiles import SigningProfile
from ota_stream.streams.catalog import ImageError

PAGE: Final = 25  # entries, as the API's default

# Platforms


def list_platforms(_: Operated, given: Given) -> Shown:
    """ListSigningPlatforms: those of devices that have an OTA agent."""
    shown = [shapes.platform(platform) for platform in Platform]
    asked = {name: given[name] for name in ("category", "partner", "target") if given.get(name)}
    return _page("platforms", [each for each in shown if asked.items() <= each.items()], given)


def get_platform(_: Operated, given: Given) -> Shown:
    """GetSigningPlatform."""
    name = given["platformId"]
    if name not in {platform.value for platform in Platform}:
        raise errors.not_found(f"signing platform {name!r}")
    return shapes.platform(Platform(name))


# Profiles


def put_profile(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """PutSigningProfile: the signing parameter `certname` is where the device keeps the certificate (OD-6)."""
    platform = platforms.platform(given["platformId"])
    profile = SigningProfile(
        given["profileName"],
        platform.value,
        part(given, "signingMaterial").get("certificateArn", ""),
        part(given, "signingParameters").get(shapes.CERTIFICATE_NAME, ""),
        _algorithm(platform, part(part(given, "overrides"), "signingConfiguration")),
    )
    return shapes.names(cloud, cloud.signing.put_profile(profile)), Effect()


def get_profile(cloud: Operated, given: Given) -> Shown:
    """GetSigningProfile."""
    return shapes.profile(cloud, cloud.signing.get_profile(given["profileName"]))


def list_profiles(cloud: Operated, given: Given) -> Shown:
    """ListSigningProfiles: the active ones, unless others are asked for."""
    statuses: list[str] = given.get("statuses") or []
    found = cloud.signing.list_profiles(canceled=bool(given.get("includeCanceled")) or bool(statuses))
    shown = [
        shapes.profile_summary(cloud, profile)
        for profile in found
        if given.get("platformId") in {None, profile.platform} and (not statuses or profile.status in statuses)
    ]
    return _page("profiles", shown, given)


def cancel_profile(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """CancelSigningProfile."""
    cloud.signing.cancel_profile(given["profileName"])
    return {}, Effect()


def _algorithm(platform: Platform, asked: Given) -> Algorithm | None:
    """Return what overrides the platform's default; what is not given is the default's."""
    if not asked:
        return None
    default = ABILITIES[platform].algorithms[0]
    return platforms.algorithm(
        asked.get("hashAlgorithm", default.hash_name), asked.get("encryptionAlgorithm", default.kind.value)
    )


# Jobs


def start_job(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """StartSigningJob: the image is signed before the answer, so that the job is over when it is first looked at."""
    source, to = part(part(given, "source"), "s3"), part(part(given, "destination"), "s3")
    if not source or not to.get("bucketName"):
        raise errors.validation("source and destination: name a bucket (s3)")
    request = SigningRequest(
        given["profileName"],
        ObjectVersion(source["bucketName"], source["key"], source["version"]),
        Destination(to["bucketName"], to.get("prefix", "")),
        given["clientRequestToken"],
    )
    image = _image(cloud, request.source)
    now = cloud.clock.wall()
    job = cloud.signing.start_signing_job(request, now)
    cloud.signing.finish_signing_job(job.job_id, image, cloud.objects.put, now)
    return {"jobId": job.job_id, "jobOwner": shapes.account(cloud)}, Effect()


def describe_job(cloud: Operated, given: Given) -> Shown:
    """DescribeSigningJob."""
    return shapes.job(cloud, cloud.signing.describe_job(given["jobId"]))


def list_jobs(cloud: Operated, given: Given) -> Shown:
    """ListSigningJobs, the newest first."""
    status = given.get("status")
    if status is not None and status not in set(SigningStatus):
        raise errors.validation(f"status: use one of {', '.join(SigningStatus)}")
    found = cloud.signing.list_jobs(status=None if status is None else SigningStatus(status))
    shown = [shapes.job_summary(cloud, job) for job in found]
    return _page("jobs", [job for job in shown if given.get("platformId") in {None, job["platformId"]}], given)


def _image(cloud: Operated, source: ObjectVersion) -> bytes:
    """Return the image to sign. Raises ControlError (AccessDeniedException): it cannot be read (OL-7)."""
    try:
        image = cloud.objects.find(source.bucket, source.key, source.version).image
        return image.read(0, image.size)
    except ImageError:
        text = f"S3 object {source.key} not accessible. Please check your permissions"
        raise ControlError("AccessDeniedException", 403, text) from None


def _page(name: str, entries: Sequence[Any], given: Given) -> Shown:
    token = given.get("nextToken") or "0"
    if not (token.isascii() and token.isdigit()) or len(token) > 9:  # noqa: PLR2004 - digits of any place in a list
        raise errors.validation("nextToken is none that was given out")
    start = int(token)
    end = start + (given.get("maxResults") or PAGE)
    more = {"nextToken": str(end)} if end < len(entries) else {}
    return {name: list(entries[start:end]), **more}


READS: Final[dict[str, Read]] = {
    "ListSigningPlatforms": list_platforms,
    "GetSigningPlatform": get_platform,
    "GetSigningProfile": get_profile,
    "ListSigningProfiles": list_profiles,
    "DescribeSigningJob": describe_job,
    "ListSigningJobs": list_jobs,
}
CHANGES: Final[dict[str, Change]] = {
    "PutSigningProfile": put_profile,
    "CancelSigningProfile": cancel_profile,
    "StartSigningJob": start_job,
}
