"""What the page OTA updates does: create from an uploaded image, cancel, delete. As the command line does it."""

import re
import secrets
from typing import Final, TypeVar

from ota_stream.answers import Effect
from ota_stream.api.operated import Operated
from ota_stream.api.usual import BUCKET, PROFILES, ROLE, Sign
from ota_stream.console.drawing import part
from ota_stream.console.forms import Form
from ota_stream.console.outlook import Outlook
from ota_stream.errors import ControlError
from ota_stream.jobs.configs import RolloutConfig
from ota_stream.jobs.names import is_group_name
from ota_stream.streams.quotas import FILE_SIZE_MAX
from ota_stream.updates.messages import (
    CodeSigning,
    CreateOtaUpdate,
    FileLocation,
    Protocol,
    S3Location,
    StartSigningJobParameter,
    TargetSelection,
    UpdateFile,
)

T = TypeVar("T")

PROTOCOLS: Final[dict[str, tuple[Protocol, ...]]] = {
    "MQTT": ("MQTT",),
    "HTTP": ("HTTP",),
    "MQTT and HTTP": ("MQTT", "HTTP"),
}
SELECTIONS: Final[dict[str, TargetSelection]] = {"SNAPSHOT": "SNAPSHOT", "CONTINUOUS": "CONTINUOUS"}
_STEM_MAX: Final = 40  # with its ending the id still fits into a job id
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]+")
_NOT_IN_KEY: Final = re.compile(r"[^a-zA-Z0-9._-]+")


async def create(outlook: Outlook, _about: str, form: Form) -> str:
    """Keep the image, make the profile on first use, and ask for the update (OU-1)."""
    cloud = outlook.cloud
    if not 1 <= len(form.content) <= FILE_SIZE_MAX:
        raise _invalid(f"Image: choose a file of 1 to {FILE_SIZE_MAX} bytes")
    targets = tuple(_target(cloud, name) for name in re.split(r"[\s,]+", form.text("targets")) if name)
    if not targets:
        raise _invalid("Things or thing groups: name one, or several with blanks between them")
    name = _NOT_IN_KEY.sub("-", form.file_name) or "firmware.bin"
    ota_update_id = form.text("id") or _new_id(name)
    protocols = _chosen(form, "protocol", PROTOCOLS)
    selection = _chosen(form, "selection", SELECTIONS)
    signing = _signing(cloud, form.text("signing", Sign.ECDSA))
    rate = int(form.number("rate")) if form.text("rate") else None
    key = f"{ota_update_id}/{name}"
    location = S3Location(BUCKET, key, cloud.objects.put(BUCKET, key, form.content))
    file = UpdateFile(
        form.text("path", name),
        file_version=form.text("version") or None,
        file_location=FileLocation(s3_location=location),
        code_signing=signing,
    )
    request = CreateOtaUpdate(
        ota_update_id,
        targets,
        (file,),
        ROLE,
        description=form.text("description") or None,
        protocols=protocols,
        target_selection=selection,
        aws_job_executions_rollout_config=RolloutConfig(maximum_per_minute=rate),
    )
    _, effect = cloud.updates.create(request, cloud.clock.wall())
    return _keep(cloud, effect, ota_update_id)


async def cancel(outlook: Outlook, about: str, form: Form) -> str:
    """Cancel the job of an update (JC-7); with `force` what is in progress too."""
    cloud = outlook.cloud
    job_id = cloud.updates.get(about).job_id
    if job_id is None:
        raise _invalid("this update has no job yet")
    return _keep(cloud, cloud.jobs.cancel_job(job_id, cloud.clock.wall(), force=bool(form.text("force"))), about)


async def delete(outlook: Outlook, about: str, form: Form) -> str:
    """Delete an update, and what was made for it if that is wanted (OU-4)."""
    cloud = outlook.cloud
    effect = cloud.updates.delete(
        about,
        delete_stream=bool(form.text("stream")),
        force_delete_job=bool(form.text("job")),
        now=cloud.clock.wall(),
    )
    _keep(cloud, effect, about)
    failure = next((why for record in effect.records if (why := getattr(record, "failure", None))), None)
    return "updates" if failure is None else f"updates/{part(about)}"


def _keep(cloud: Operated, effect: Effect, ota_update_id: str) -> str:
    cloud.hand_over(effect)
    cloud.commit()
    return f"updates/{part(ota_update_id)}"


def _target(cloud: Operated, name: str) -> str:
    """Return a target as the API takes it: a name that is no group's is a thing's; an ARN is one already."""
    if "/" in name:
        return name
    return cloud.arn(f"thinggroup/{name}" if is_group_name(name) and name in cloud.groups else f"thing/{name}")


def _signing(cloud: Operated, chosen: str) -> CodeSigning:
    """Return how the image is signed: with a kind of key, a profile there is, or not at all."""
    if chosen == Sign.NONE:
        return CodeSigning()
    known = {each.name for each in cloud.signing.list_profiles()}
    profile = PROFILES.get(Sign(chosen)) if chosen in {*Sign} else None
    if profile is not None and profile.name not in known:
        cloud.signing.put_profile(profile)
    elif profile is None and chosen not in known:
        raise _invalid(f"Code signing: there is no profile {chosen[:64]!r}")
    name = chosen if profile is None else profile.name
    return CodeSigning(start_signing_job_parameter=StartSigningJobParameter(signing_profile_name=name))


def _chosen(form: Form, name: str, choices: dict[str, T]) -> T:
    return choices.get(form.text(name)) or next(iter(choices.values()))


def _new_id(file_name: str) -> str:
    stem = _NOT_IN_ID.sub("-", file_name.rpartition(".")[0] or file_name)[:_STEM_MAX].strip("-") or "update"
    return f"{stem}-{secrets.token_hex(4)}"


def _invalid(message: str) -> ControlError:
    return ControlError("InvalidRequestException", 400, message)
