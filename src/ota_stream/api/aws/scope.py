"""Which service of AWS a request is meant for: its credential scope says so. No signature is checked here."""

import re
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from ota_stream.errors import ControlError

SERVICES: Final = {
    "iot": "iot",
    "execute-api": "iot",  # what older SDKs, and the command line that Debian has, sign calls of iot with
    "iotdata": "iot-data",
    "iot-data": "iot-data",
    "iotdevicegateway": "iot-data",
    "iot-jobs-data": "iot-jobs-data",
    "signer": "signer",
    "s3": "s3",
    "iam": "iam",
    "sts": "sts",
    "acm": "acm",
    "logs": "logs",
}
"""From the name a request is signed with to botocore's name of the service."""

_CREDENTIAL: Final = re.compile(r"Credential=([^,\s]+)")
_SCOPE: Final = re.compile(r"([^/\s]+)/\d{8}/([a-z0-9-]{1,40})/([a-z0-9-]{1,40})/aws4_request")


class Scope(Struct, frozen=True):
    """Who asks whom: access key, region, and the service by botocore's name."""

    access_key: str
    region: str
    service: str


def read(authorization: str, query: str) -> Scope | None:
    """Return the scope of a request, None for one that was not signed for AWS.

    Raises:
        ControlError: it says that it is signed, but not how, or in two ways; or for a service that is not here.
    """
    by_query = [
        value
        for name, value in parse_qsl(query, keep_blank_values=True)
        if name in {"X-Amz-Credential", "AWSAccessKeyId"}
    ]
    if len(_CREDENTIAL.findall(authorization)) + len(by_query) > 1 or (by_query and authorization.startswith("AWS")):
        raise ControlError("InvalidRequestException", 400, "The request is signed in two ways: sign it once")
    if authorization.startswith("AWS4-"):
        found = _CREDENTIAL.search(authorization)
        return _parse(found[1] if found else "")
    if authorization.startswith("AWS "):  # the older signature, which only S3 has
        return Scope(authorization[4:].partition(":")[0], "us-east-1", "s3")
    given = dict(parse_qsl(query, keep_blank_values=True))
    if "AWSAccessKeyId" in given:
        return Scope(given["AWSAccessKeyId"], "us-east-1", "s3")
    return _parse(given["X-Amz-Credential"]) if "X-Amz-Credential" in given else None


def _parse(credential: str) -> Scope:
    match = _SCOPE.fullmatch(credential)
    if match is None:
        raise ControlError(
            "IncompleteSignatureException",
            400,
            "The credential scope is not of the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request",
        )
    service = SERVICES.get(match[3])
    if service is None:
        names = ", ".join(sorted(set(SERVICES.values())))
        raise ControlError("NotImplementedException", 501, f"ota-stream has no service {match[3]!r}. It has {names}")
    return Scope(match[1], match[2], service)
