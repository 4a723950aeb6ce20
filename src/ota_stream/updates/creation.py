"""How an OTA update comes about, one step at a time: signing job, stream, IoT job, complete (OL-3)."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.answers import Effect
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.control import JobControl
from ota_stream.records import UpdateRecord
from ota_stream.signing.jobs import ObjectVersion, SigningStatus
from ota_stream.signing.service import SigningService
from ota_stream.streams import quotas
from ota_stream.streams.catalog import Catalog, ImageError, Stream, StreamFile
from ota_stream.updates import document, errors, orders
from ota_stream.updates.document import Document, DocumentFile
from ota_stream.updates.files import Delivery, Source, entry
from ota_stream.updates.messages import S3Location
from ota_stream.updates.objects import Objects, StoredObject
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.roles import PASSING, AnyRole, Right, RoleImage, Roles, reading, writing
from ota_stream.updates.states import ACTIONS, OtaUpdate, Step


class MadeStream(Struct, frozen=True):
    """A stream made for an update, as a restart needs it: the object of each file, in the order of file ids from 0.

    With `role_arn` the objects are read in the name of this role. `created_at` is epoch seconds.
    """

    stream_id: str
    ota_update_id: str
    files: tuple[S3Location, ...]
    role_arn: str | None = None
    created_at: float | None = None


class Means(Struct, frozen=True):
    """What a creation works with."""

    streams: Catalog
    signing: SigningService
    jobs: JobControl
    objects: Objects
    made: MutableMapping[str, MadeStream]
    options: UpdateOptions
    new_id: Callable[[], str]
    roles: Roles


Done = tuple[OtaUpdate, Effect]


def take(step: Step, means: Means, update: OtaUpdate, now: float) -> Done:
    """Take a step: the update after it, and what comes of it. Raises OtaStreamError when it fails."""
    if not update.as_role:
        means = replace(means, roles=AnyRole())
    _check_role(means, update.request.role_arn, step)
    return _STEPS[step](means, update, now)


def record(step: Step, update: OtaUpdate, now: float, failure: str | None = None) -> UpdateRecord:
    """Return the record of a step, done or failed: what it made is named in it (LR-1..LR-4, LR-19)."""
    return UpdateRecord(
        at=now,
        action=ACTIONS[step],
        ota_update_id=update.ota_update_id,
        job_id=update.job_id if step is Step.JOB else None,
        stream_id=update.stream_id if step is Step.STREAM else None,
        failure=failure,
    )


def provide(means: Means, made: MadeStream) -> None:
    """Put a made stream into the catalog, unless it is there. Raises CatalogError or ImageError."""
    if means.streams.find(made.stream_id) is None:
        files = {file_id: _stream_file(means, made, file_id) for file_id in range(len(made.files))}
        means.streams.keep(Stream(made.stream_id, quotas.STREAM_VERSION_FIRST, files))


def _stream_file(means: Means, made: MadeStream, file_id: int) -> StreamFile:
    """Take an object in as it is now (SC-9); whether the role may read it is asked anew at each request."""
    place = made.files[file_id]
    image = means.objects.find(place.bucket, place.key, place.version).image
    shown = image
    if made.role_arn is not None:
        shown = RoleImage(image, means.roles, made.role_arn, reading(place.bucket, place.key, place.version))
    return StreamFile(file_id, shown, image.size, image.etag())


# The steps


def _start_signing(means: Means, update: OtaUpdate, now: float) -> Done:
    files = update.request.files
    index, (start, s3) = next((index, file.to_sign) for index, file in enumerate(files) if file.to_sign is not None)
    profile = orders.profile(start)
    if profile is not None:
        means.signing.put_profile(profile)
    found = _for_signer(means, update, s3)
    source = ObjectVersion(found.bucket, found.key, found.version)
    token = f"{update.ota_update_id}/{update.created_at!r}/{index}"
    wanted = orders.signing_request(start, source, token, orders.damage_of(update.request))
    job = means.signing.start_signing_job(wanted, now)
    signing = replace(files[index].code_signing, aws_signer_job_id=job.job_id)  # OL-10
    files = (*files[:index], replace(files[index], code_signing=signing), *files[index + 1 :])
    update = replace(update, request=replace(update.request, files=files))
    return update, Effect(records=(record(Step.START_SIGNING, update, now),))  # LR-1


def _finish_signing(means: Means, update: OtaUpdate, now: float) -> Done:
    started = [file.code_signing for file in update.request.files if file.code_signing.start is not None]
    job_id = [signing.aws_signer_job_id for signing in started if signing.aws_signer_job_id is not None][-1]
    source = means.signing.describe_job(job_id).request.source
    try:
        image = _for_signer(means, update, S3Location(source.bucket, source.key, source.version)).image
        content = image.read(0, image.size)
    except OtaStreamError as error:
        means.signing.fail_signing_job(job_id, errors.ErrorInfo.of(error).message, now)
        raise
    job = means.signing.finish_signing_job(job_id, content, _put(means, update), now)  # OL-4
    if job.status is SigningStatus.FAILED:
        raise errors.invalid_request(f"signing job {job_id} has failed: {job.reason}")
    wanted = means.options.record_signing_end  # spec 5.4
    ended = replace(record(Step.FINISH_SIGNING, update, now), ended=True)
    return update, Effect(records=(ended,) if wanted else ())


def _stream(means: Means, update: OtaUpdate, now: float) -> Done:
    sources = _sources(means, update)
    locations = tuple(each.location for each in sources if each.location is not None)
    stream_id = means.options.stream_prefix + means.new_id()  # OL-6
    role_arn = update.request.role_arn if update.as_role else None
    for place in locations:
        _check(means, update, reading(place.bucket, place.key, place.version))
    made = MadeStream(stream_id, update.ota_update_id, locations, role_arn, now)
    provide(means, made)
    means.made[stream_id] = made
    update = replace(update, stream_id=stream_id)
    return update, Effect(records=(record(Step.STREAM, update, now),))


def _job(means: Means, update: OtaUpdate, now: float) -> Done:
    job_id = means.options.job_prefix + update.ota_update_id  # OL-5
    text = document.encode(_document(means, update))
    effect = means.jobs.create_job(orders.job_spec(update.request, job_id, text), now)
    update = replace(update, job_id=job_id)
    return update, Effect(effect.replies, (record(Step.JOB, update, now), *effect.records))


def _complete(_: Means, update: OtaUpdate, now: float) -> Done:
    return update, Effect(records=(record(Step.COMPLETE, update, now),))  # LR-3: last of all


_HANDS_ON: Final = frozenset({Step.STREAM, Step.JOB})
_STEPS: Final[Mapping[Step, Callable[[Means, OtaUpdate, float], Done]]] = {
    Step.START_SIGNING: _start_signing,
    Step.FINISH_SIGNING: _finish_signing,
    Step.STREAM: _stream,
    Step.JOB: _job,
    Step.COMPLETE: _complete,
}


# What a step needs


def _sources(means: Means, update: OtaUpdate) -> list[Source]:
    return [Source.of(file, means.signing) for file in update.request.files]  # OD-14: in the order of the request


def _check_role(means: Means, role_arn: str, step: Step) -> None:
    """Let a role pass that the service can act as, and hand on for a stream or a job. Raises ControlError."""
    reason = means.roles.may_assume(role_arn)
    if reason is not None:
        raise errors.not_assumed(reason)
    if step in _HANDS_ON and means.roles.may(role_arn, PASSING, role_arn) is not None:
        raise errors.not_passed(role_arn, means.new_id())


def _check(means: Means, update: OtaUpdate, right: Right) -> None:
    reason = means.roles.may(update.request.role_arn, *right)
    if reason is not None:
        raise errors.unauthorized(reason)


def _put(means: Means, update: OtaUpdate) -> Callable[[str, str, bytes], str]:
    """Return how a signed object is kept."""

    def put(bucket: str, key: str, content: bytes) -> str:
        _check(means, update, writing(bucket, key))
        return means.objects.put(bucket, key, content)

    return put


def _for_signer(means: Means, update: OtaUpdate, s3: S3Location) -> StoredObject:
    """Return an object to sign. Raises ControlError with the signer's text for one it cannot read (OL-7)."""
    right = reading(s3.bucket, s3.key, s3.version)
    if means.roles.may(update.request.role_arn, *right) is not None:
        raise errors.not_accessible(s3.key, means.new_id())
    try:
        return means.objects.find(s3.bucket, s3.key, s3.version)
    except ImageError:
        raise errors.not_accessible(s3.key, means.new_id()) from None


def _document(means: Means, update: OtaUpdate) -> Document:
    request = update.request
    sources = _sources(means, update)
    by_mqtt = "MQTT" in request.protocols
    callers = next((each.file.stream.stream_id for each in sources if each.file.stream is not None), None)
    stream_id = (callers or update.stream_id) if by_mqtt else None  # OD-2
    damage = orders.damage_of(request)
    entries: list[DocumentFile] = []
    for index, source in enumerate(sources):
        if "HTTP" in request.protocols and source.location is not None:  # its URL is signed in the role's name
            _check(means, update, reading(source.location.bucket, source.location.key, source.location.version))
        delivery = _delivery(means, source, index, stream_id, by_http="HTTP" in request.protocols)
        entries.append(entry(source, delivery, damage, means.options))
    return Document(request.protocols, stream_id, tuple(entries))


def _delivery(means: Means, source: Source, index: int, stream_id: str | None, *, by_http: bool) -> Delivery:
    """Return how a file reaches the device. Raises OtaStreamError: there is no such stream, file or object."""
    location = source.location
    file_id = index if source.file.stream is None else source.file.stream.file_id  # OD-5, OD-14
    url = None
    if by_http and location is not None:
        url = document.placeholder(means.options.region, location.bucket, location.key)  # OD-8
    size = _size(means, location, stream_id, file_id)
    if size == 0:
        raise errors.invalid_request(f"file {file_id} is empty, and a device refuses that")  # OD-4
    return Delivery(file_id, size, url)


def _size(means: Means, location: S3Location | None, stream_id: str | None, file_id: int) -> int:
    if stream_id is None and location is not None:
        return means.objects.find(location.bucket, location.key, location.version).image.size
    stream = means.streams.find(stream_id or "")
    file = None if stream is None else stream.files.get(file_id)
    if file is None:
        raise errors.not_found(f"file {file_id} in a stream {stream_id!r}")
    return file.size
