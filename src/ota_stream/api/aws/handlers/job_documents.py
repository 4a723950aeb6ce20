"""Where CreateJob's document comes from: the call itself, or an object that an S3 URL names (JC-1)."""

import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from ota_stream.api.aws.given import invalid
from ota_stream.jobs import quotas
from ota_stream.streams.catalog import ImageError
from ota_stream.updates.messages import S3Location
from ota_stream.updates.objects import Objects

_OF_BUCKET: Final = re.compile(r"(?P<bucket>.+)\.s3[.-].*")  # bucket.s3.region.amazonaws.com
_BYTES_MAX: Final = 4 * quotas.DOCUMENT_MAX  # no more in UTF-8


def document(objects: Objects, text: str | None, source: str | None) -> str:
    """Return the document of a job.

    Raises:
        ControlError: InvalidRequestException: neither or both are given, or there is no such document.
    """
    if (text is None) == (source is None):
        raise invalid("Give one of document and documentSource")
    if source is None:
        return text or ""
    place = location(source)
    try:
        image = objects.find(place.bucket, place.key, place.version).image
        if image.size > _BYTES_MAX:
            raise invalid(f"The job document is longer than {quotas.DOCUMENT_MAX} characters")
        return image.read(0, image.size).decode()
    except (ImageError, UnicodeDecodeError) as error:
        raise invalid(f"The job document cannot be read from documentSource: {error}") from None


def location(url: str) -> S3Location:
    """Return the object an S3 URL names: the bucket is in its host, or begins its path.

    Raises:
        ControlError: InvalidRequestException, it names none.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise invalid("documentSource is not an S3 URL") from None
    path = unquote(parts.path).lstrip("/")
    in_host = _OF_BUCKET.fullmatch(host)
    if parts.scheme == "s3":
        bucket, key = host, path
    elif in_host is not None:
        bucket, key = in_host["bucket"], path
    else:
        bucket, _, key = path.partition("/")
    if parts.scheme not in {"s3", "http", "https"} or not (bucket and key):
        raise invalid("documentSource is not an S3 URL: use https://s3.REGION.amazonaws.com/BUCKET/KEY")
    return S3Location(bucket, key, parse_qs(parts.query).get("versionId", [None])[0])
