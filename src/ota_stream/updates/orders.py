"""What an OTA update orders from the services below: a signing profile, a signing job, an IoT job."""

from typing import Final

from ota_stream.jobs import configs
from ota_stream.jobs.jobs import JobSpec
from ota_stream.signing import damage
from ota_stream.signing.damage import Damage
from ota_stream.signing.jobs import Destination, ObjectVersion, SigningRequest
from ota_stream.signing.profiles import SigningProfile
from ota_stream.updates.messages import CreateOtaUpdate, StartSigningJobParameter

DAMAGE: Final = "ota-stream.damage"
"""The additional parameter that spoils an update's signatures. Additional parameters never reach a device (OD-12)."""


def damage_of(request: CreateOtaUpdate) -> Damage | None:
    """Return how the signatures shall be spoilt. Raises ControlError (ValidationException) for an unknown way."""
    name = request.additional_parameters.get(DAMAGE)
    return None if name is None else damage.damage(name)


def profile(start: StartSigningJobParameter) -> SigningProfile | None:
    """Return the signing profile to make first, if any."""
    new = start.new_profile
    if new is None:
        return None
    return SigningProfile(
        start.signing_profile_name or "",
        new.platform or "",
        new.certificate_arn or "",
        new.certificate_path_on_device or "",
    )


def signing_request(
    start: StartSigningJobParameter, source: ObjectVersion, token: str, spoilt: Damage | None
) -> SigningRequest:
    """Return the signing job for one file; without a destination the signed object goes where the image is."""
    wanted = None if start.destination is None else start.destination.s3_destination
    return SigningRequest(
        profile_name=start.signing_profile_name or "",
        source=source,
        destination=Destination(source.bucket) if wanted is None else Destination(wanted.bucket, wanted.prefix),
        token=token,
        damage=spoilt,
    )


def job_spec(request: CreateOtaUpdate, job_id: str, document: str) -> JobSpec:
    """Return the IoT job of an update."""
    criteria = request.aws_job_abort_config.abort_criteria_list
    return JobSpec(
        job_id=job_id,
        targets=request.targets,
        document=document,
        description=request.description,
        target_selection=request.target_selection,
        presigned_url_config=configs.PresignedUrlConfig(
            request.role_arn, request.aws_job_presigned_url_config.expires_in_sec
        ),
        job_executions_rollout_config=request.aws_job_executions_rollout_config,
        abort_config=configs.AbortConfig(criteria) if criteria else None,
        timeout_config=request.aws_job_timeout_config,
    )
