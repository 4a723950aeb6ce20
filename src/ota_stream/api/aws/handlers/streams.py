"""The operator's operations on streams, as the AWS API has them (SC-1..SC-13)."""

import base64
import binascii
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from msgspec.structs import replace

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown, invalid
from ota_stream.errors import ControlError
from ota_stream.stores.kept_streams import KeptFile, KeptStream
from ota_stream.streams import quotas
from ota_stream.streams.catalog import CatalogError, ImageForbidden, ImageGone, Stream

PAGE_MAX: Final = 250  # SC-5
_LIMIT: Final = "You have exceeded the limit"


class AlreadyExists(ControlError):
    """A resource has this id (SC-1); the answer names it."""

    def __init__(self, cloud: AwsOperated, stream_id: str) -> None:
        super().__init__("ResourceAlreadyExistsException", 409, f"Stream {stream_id} already exists")
        self.members = {"resourceId": stream_id, "resourceArn": cloud.arn(f"stream/{stream_id}")}


def create(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """CreateStream (SC-1)."""
    stream_id, now = given["streamId"], cloud.clock.wall()
    if cloud.catalog.find(stream_id) is not None:
        raise AlreadyExists(cloud, stream_id)
    files = _files(cloud, given["roleArn"], given["files"])
    kept = KeptStream(
        stream_id, quotas.STREAM_VERSION_FIRST, given["roleArn"], files, given.get("description"), now, now
    )
    _put(cloud, kept)
    return _named(cloud, kept), Effect()


def update(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """UpdateStream (SC-2)."""
    kept = _kept(cloud, given["streamId"])
    if kept.version >= quotas.STREAM_VERSION_MAX:  # SC-6
        raise invalid(f"Stream {kept.stream_id} has had all its {quotas.STREAM_VERSION_MAX} versions")
    role_arn = given.get("roleArn", kept.role_arn)
    if given.get("files"):
        files = _files(cloud, role_arn, given["files"])
    else:
        files = kept.files
        for file in files:
            with _refusals(file.file_id):
                cloud.kept.check(role_arn, file.bucket, file.key, file.version)
    kept = replace(
        kept,
        version=kept.version + 1,
        files=files,
        role_arn=role_arn,
        description=given.get("description", kept.description),
        updated_at=cloud.clock.wall(),
    )
    _put(cloud, kept)
    return _named(cloud, kept), Effect()


def describe(cloud: AwsOperated, given: Given) -> Shown:
    """DescribeStream (SC-4). One made by an update or for a served file has no times and no role of its own."""
    known = _known(cloud, given["streamId"])
    kept = cloud.kept.get(known.stream_id)
    info = _named(cloud, known)
    if kept is not None:
        files = [{"fileId": file.file_id, "s3Location": _location(file)} for file in kept.files]
        info |= {
            "files": files, "roleArn": kept.role_arn, "createdAt": kept.created_at, "lastUpdatedAt": kept.updated_at,
        }  # fmt: skip
    else:
        info["files"] = [{"fileId": file_id} for file_id in known.files]
    return {"streamInfo": info}


def delete(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """DeleteStream (SC-3)."""
    stream_id = _known(cloud, given["streamId"]).stream_id
    user = cloud.updates.user_of(stream_id)
    if user is not None:  # SC-11
        raise ControlError("DeleteConflictException", 409, f"Stream {stream_id} is in use by OTA update {user}")
    cloud.kept.delete(stream_id)
    return {}, Effect()


def list_streams(cloud: AwsOperated, given: Given) -> Shown:
    """ListStreams (SC-5): in the order of their ids, from the last one on unless ascending order is asked for."""
    ascending = bool(given.get("ascendingOrder"))
    found = sorted(cloud.catalog, key=lambda stream: stream.stream_id, reverse=not ascending)
    token = given.get("nextToken")
    if token is not None:
        after = _read_token(token)
        found = [each for each in found if (each.stream_id > after) == ascending and each.stream_id != after]
    size = given.get("maxResults", PAGE_MAX)
    if not 1 <= size <= PAGE_MAX:
        raise invalid(f"maxResults: {size} is outside 1 to {PAGE_MAX}")
    page = found[:size]
    shown: Shown = {"streams": [_named(cloud, stream) for stream in page]}
    if len(found) > size:
        shown["nextToken"] = base64.urlsafe_b64encode(page[-1].stream_id.encode()).decode()
    return shown


def _files(cloud: AwsOperated, role_arn: str, given: list[dict[str, Any]]) -> tuple[KeptFile, ...]:
    """Take the objects in, all or none."""
    seen: set[int] = set()
    files: list[KeptFile] = []
    for file in given:
        file_id = file.get("fileId")
        location: dict[str, Any] = file.get("s3Location") or {}
        if file_id is None or not location.get("bucket") or not location.get("key"):
            raise invalid("Each file needs a fileId and an s3Location with bucket and key")
        if file_id in seen:  # SC-8
            raise invalid(f"fileId {file_id} is given twice")
        seen.add(file_id)
        place = location["bucket"], location["key"], location.get("version")
        with _refusals(file_id):
            files.append(cloud.kept.file(role_arn, file_id, *place))
    return tuple(files)


@contextmanager
def _refusals(file_id: int) -> Generator[None]:
    """Tell of an object that cannot be had as the API does. Raises ControlError."""
    try:
        yield
    except ImageGone as error:  # SC-8
        raise ControlError("ResourceNotFoundException", 404, f"file {file_id}: {error}") from None
    except ImageForbidden as error:  # SC-1
        raise ControlError("UnauthorizedException", 401, f"file {file_id}: {error}") from None


def _put(cloud: AwsOperated, kept: KeptStream) -> None:
    try:
        cloud.kept.put(kept)
    except CatalogError as error:
        if str(error).startswith(_LIMIT):
            raise ControlError("LimitExceededException", 410, str(error)) from None
        raise invalid(str(error)) from None


def _known(cloud: AwsOperated, stream_id: str) -> Stream:
    stream = cloud.catalog.find(stream_id)
    if stream is None:
        raise ControlError("ResourceNotFoundException", 404, f"Stream {stream_id} does not exist")
    return stream


def _kept(cloud: AwsOperated, stream_id: str) -> KeptStream:
    _known(cloud, stream_id)
    kept = cloud.kept.get(stream_id)
    if kept is None:
        raise invalid(f"Stream {stream_id} was made by ota-stream and cannot be changed: make a stream of your own")
    return kept


def _named(cloud: AwsOperated, stream: Stream | KeptStream) -> Shown:
    shown: Shown = {
        "streamId": stream.stream_id,
        "streamArn": cloud.arn(f"stream/{stream.stream_id}"),  # SC-7
        "streamVersion": stream.version,
    }
    return shown if stream.description is None else {**shown, "description": stream.description}


def _location(file: KeptFile) -> Shown:
    location = {"bucket": file.bucket, "key": file.key}
    return location if file.version is None else {**location, "version": file.version}


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("nextToken: use the one of the page before") from None


READS: Final = {"DescribeStream": describe, "ListStreams": list_streams}
CHANGES: Final = {"CreateStream": create, "UpdateStream": update, "DeleteStream": delete}
