"""The operator's calls to a running simulator, over plain HTTP on this machine."""

import http.client
import json
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlencode

import msgspec

from ota_stream.cli import endpoints
from ota_stream.cli.endpoints import Endpoint, EndpointError
from ota_stream.errors import OtaStreamError

PATIENCE: Final = 30.0  # seconds for one answer
_OK: Final = 200

Json = dict[str, Any]
Member = str | int | bool  # of a query


class CallError(OtaStreamError):
    """The simulator refused a call. `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ControlClient:
    """Calls the simulator at an endpoint, a connection per call.

    Every method may raise CallError (refused) or EndpointError (nobody is there, or no simulator).
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def get(self, *path: str, **query: Member) -> Json:
        """Read something."""
        return self._call("GET", path, query)

    def put(self, *path: str, body: Json | None = None, **query: Member) -> Json:
        """Make or set something."""
        return self._call("PUT", path, query, body)

    def post(self, *path: str, body: Json) -> Json:
        """Make something."""
        return self._call("POST", path, {}, body)

    def delete(self, *path: str, **query: Member) -> Json:
        """Take something away."""
        return self._call("DELETE", path, query)

    def put_object(self, bucket: str, key: str, content: bytes) -> Json:
        """Upload an image: `{"bucket", "key", "version"}`, which is an `s3Location`."""
        return self._call("PUT", ("objects", bucket, key), {}, content)

    def pages(self, *path: str, member: str) -> Json:
        """Read a list to its end: the first answer, with everything of `member` in it."""
        whole = page = self.get(*path)
        while "nextToken" in page:
            page = self.get(*path, nextToken=page["nextToken"])
            whole[member] += page[member]
        whole.pop("nextToken", None)
        return whole

    def _call(
        self, method: str, path: tuple[str, ...], query: dict[str, Member], body: Json | bytes | None = None
    ) -> Json:
        target = "/_ota/" + "/".join(quote(part, safe="") for part in path)
        if query:
            target += "?" + urlencode({name: _text(member) for name, member in query.items()})
        headers = {"Content-Type": "application/octet-stream" if isinstance(body, bytes) else "application/json"}
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        with closing(http.client.HTTPConnection(*self._endpoint, timeout=PATIENCE)) as connection:
            try:
                connection.request(method, target, content, headers if content is not None else {})
                answer = connection.getresponse()
                given = answer.read()
            except TimeoutError:
                raise EndpointError(f"the simulator at {self._endpoint} did not answer in {PATIENCE:g} s") from None
            except (OSError, http.client.HTTPException) as error:
                raise self._unanswered(error) from error
        if answer.status != _OK:
            self._refused(answer, given)
        return self._decode(given)

    def _unanswered(self, error: Exception) -> EndpointError:
        if isinstance(error, ConnectionRefusedError):
            return EndpointError(f"no simulator listens at {self._endpoint}: start `ota-stream serve`")
        if isinstance(error, OSError) and not isinstance(error, http.client.HTTPException):
            return EndpointError(f"the simulator at {self._endpoint} cannot be asked: {error.strerror or error}")
        return EndpointError(f"{self._endpoint} is no simulator's HTTP address: use the one `ota-stream serve` prints")

    def _refused(self, answer: http.client.HTTPResponse, given: bytes) -> NoReturn:
        name = answer.getheader("x-amzn-ErrorType")
        try:
            message = str(json.loads(given)["message"])
        except (ValueError, LookupError, TypeError):
            lines = given.decode(errors="replace").splitlines()
            message = f"{self._endpoint} answered {answer.status}: {lines[0][:200] if lines else answer.reason}"
        raise CallError(f"{name}: {message}" if name else message, answer.status)

    def _decode(self, given: bytes) -> Json:
        try:
            return msgspec.json.decode(given, type=Json)
        except msgspec.MsgspecError:
            raise EndpointError(f"{self._endpoint} is no simulator: its answer is not JSON") from None


def _text(member: Member) -> str:
    return str(member).lower() if isinstance(member, bool) else str(member)


def connect(data_dir: Path, endpoint_url: str | None) -> ControlClient:
    """Return a client of the running simulator. Raises EndpointError."""
    return ControlClient(endpoints.find(data_dir, endpoint_url))
