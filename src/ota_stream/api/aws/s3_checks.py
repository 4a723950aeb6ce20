"""What S3 refuses and moto does not: names no bucket has, documents that would break a bucket once they are kept."""

import json
import re
from typing import Final
from urllib.parse import parse_qs, unquote
from xml.parsers import expat

from ota_stream.errors import ControlError

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_XML: Final = frozenset(
    {"accelerate", "acl", "cors", "delete", "encryption", "lifecycle", "logging", "notification", "object-lock",
     "ownershipControls", "publicAccessBlock", "replication", "requestPayment", "tagging", "versioning", "website"}
)  # fmt: skip
_NUMBERS: Final = ("max-keys", "max-parts", "max-uploads", "partNumber")


def check(method: str, target: str, body: bytes) -> None:
    """Let a request pass. Raises ControlError, named as S3 names it."""
    path, _, query = target.partition("?")
    given = parse_qs(query, keep_blank_values=True)
    bucket, _, key = path.removeprefix("/").partition("/")
    if method == "PUT" and not key and not query and not _is_bucket(unquote(bucket)):
        raise ControlError("InvalidBucketName", 400, "The specified bucket is not valid: use 3 to 63 of a-z 0-9 . -")
    for name in _NUMBERS:
        for value in given.get(name, ()):
            if not re.fullmatch("[0-9]{1,10}", value):
                raise ControlError("InvalidArgument", 400, f"{name} is not a number from 0 on")
    if method in {"PUT", "POST"} and body:
        if not key and "policy" in given:
            _check_policy(body)
        elif not _XML.isdisjoint(given):
            _check_xml(body)


def _is_bucket(name: str) -> bool:
    return _BUCKET.fullmatch(name) is not None and ".." not in name


def _check_policy(body: bytes) -> None:
    try:
        policy = json.loads(body)
    except (ValueError, RecursionError):
        policy = None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise ControlError("MalformedPolicy", 400, "Policies must be valid JSON, an object with statements")


def _check_xml(body: bytes) -> None:
    """Refuse what is no XML, and documents with entities: they could be anything of any size."""
    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = _refuse_doctype
    try:
        reader.Parse(body, True)  # noqa: FBT003 - positional in the standard library
    except expat.ExpatError:
        raise _malformed() from None


def _refuse_doctype(*_: object) -> None:
    raise _malformed()


def _malformed() -> ControlError:
    return ControlError("MalformedXML", 400, "The XML of the request is not well-formed, or has a document type")
