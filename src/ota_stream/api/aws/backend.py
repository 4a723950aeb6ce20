"""The rest of AWS: moto in this process, or another endpoint that speaks the same."""

import http.client
import logging
import re
import traceback
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from ota_stream.api.aws.moto.state import ACCOUNT, backends_of, check_region
from ota_stream.errors import ControlError

logger: Final = logging.getLogger(__name__)

_HOSTS: Final = {
    "s3": "s3.amazonaws.com",
    "iam": "iam.amazonaws.com",
    "sts": "sts.amazonaws.com",
    "iot-data": "data.iot.{region}.amazonaws.com",
}
HERE: Final = frozenset({"s3", "iam", "sts", "acm", "iot", "iot-data", "logs", "signer"})
"""The services moto has."""

_EVERYWHERE: Final = frozenset({"s3", "iam", "sts"})  # they have no regions

NOBODY: Final = "NotImplementedException"
_WITHIN: Final = 60.0  # seconds for another endpoint
_OWN_LINE: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length"}
)


class Sent(Struct, frozen=True):
    """A request to pass on; `target` is path and query as they came."""

    service: str
    region: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Got(Struct, frozen=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Backend(Protocol):
    """Answers what ota-stream does not. It is called in a thread, one call at a time."""

    def __call__(self, sent: Sent) -> Got:
        """Answer. Raises ControlError."""
        ...


class InProcess:
    """Moto, called without a socket, for one account whatever key a caller has."""

    def __init__(self, account: str = ACCOUNT) -> None:
        self._account = account

    def __call__(self, sent: Sent) -> Got:
        """Answer. Raises ControlError: moto does not have the operation, or failed at it."""
        if sent.service not in HERE:
            raise not_implemented(sent.service)
        if sent.service not in _EVERYWHERE:
            check_region(sent.service, self._account, sent.region)
        from werkzeug.exceptions import HTTPException  # noqa: PLC0415 - a second to import, in this thread

        from ota_stream.api.aws import model  # noqa: PLC0415 - as above

        host = _HOSTS.get(sent.service, f"{sent.service}.{{region}}.amazonaws.com").format(region=sent.region)
        headers = {name: value for name, value in sent.headers.items() if name not in {"host", "expect"}}
        headers["x-moto-account-id"] = self._account
        request = model.new_request(sent.method, f"https://{host}{sent.target}", headers, sent.body)
        address = f"https://{host}{sent.target.partition('?')[0]}"
        for pattern, answer in _routes(sent.service):
            if pattern.match(address):
                try:
                    return _got(*answer(request, request.raw_url, request.headers))
                except HTTPException as error:
                    return _got(error.code or 500, dict(error.get_headers()), error.get_body())
                except NotImplementedError:
                    raise not_implemented(sent.service) from None
                except Exception as error:  # noqa: BLE001 - whatever moto comes upon
                    raise _failed(sent, error) from None
        raise not_implemented(sent.service)


class Elsewhere:
    """Another endpoint, by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connect: Callable[[], http.client.HTTPConnection] = partial(
            kind, parts.hostname or "", parts.port, timeout=_WITHIN
        )

    def __call__(self, sent: Sent) -> Got:
        """Answer. Raises ControlError: the endpoint cannot be reached."""
        headers = {name: value for name, value in sent.headers.items() if name not in _OWN_LINE - {"host"}}
        connection = self._connect()
        try:
            connection.request(sent.method, sent.target, sent.body, headers)
            answer = connection.getresponse()
            return _got(answer.status, dict(answer.getheaders()), answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(
                "ServiceUnavailableException", 503, f"The AWS backend {self._url} does not answer: {error}"
            ) from None
        finally:
            connection.close()


def _failed(sent: Sent, error: Exception) -> ControlError:
    """Return what is told of an error in moto: nearly always a request that it takes on trust."""
    *_, place = traceback.extract_tb(error.__traceback__)
    where, kind = f"{Path(place.filename).name}:{place.lineno}", type(error).__name__
    logger.warning("moto has failed at %s %s: %s in %s", sent.method, sent.target.partition("?")[0], kind, where)
    logger.debug("moto has failed", exc_info=error)
    if isinstance(error, ValueError | RecursionError):
        return ControlError("InvalidRequest", 400, f"The request cannot be read: {kind}")
    return ControlError("InternalFailure", 500, f"moto has failed ({kind} in {where})")


def not_implemented(service: str, name: str | None = None) -> ControlError:
    """Return the refusal of an operation nobody has: 501, which no SDK tries again."""
    what = f"operation {name}" if name else "operation"
    return ControlError(NOBODY, 501, f"ota-stream does not have this {what} of {service}")


def implemented(service: str) -> frozenset[str]:
    """Return the operations of a service that moto has."""
    if service not in HERE:
        return frozenset()
    from ota_stream.api.aws import model  # noqa: PLC0415 - a second to import

    classes = {getattr(answer, "__self__", None) for _, answer in _routes(service)}
    return frozenset(
        name
        for name in model.operation_names(service)
        if any(hasattr(each, model.method_name(name)) for each in classes)
    )


@cache
def _routes(service: str) -> tuple[tuple[re.Pattern[str], Any], ...]:
    regions = backends_of(service)[ACCOUNT]
    backend = regions["us-east-1"] if "us-east-1" in regions else regions["aws"]
    return tuple((re.compile(url), answer) for url, answer in backend.urls.items())


def _got(status: int, headers: Mapping[str, Any], body: str | bytes) -> Got:
    content = body.encode() if isinstance(body, str) else bytes(body)
    kept = {str(name): str(value) for name, value in headers.items() if name.lower() not in _OWN_LINE}
    length = next((str(value) for name, value in headers.items() if name.lower() == "content-length"), None)
    if not content and length is not None:  # the answer to HEAD says how long the object is
        kept["content-length"] = length
    return Got(int(status), kept, content)
