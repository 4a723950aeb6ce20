"""One call over HTTP, read whole and within bounds, before a service hears of it."""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ota_stream.errors import ControlError
from ota_stream.streams.quotas import FILE_SIZE_MAX

JSON_MAX: Final = 128 * 1024  # bytes
IMAGE_MAX: Final = FILE_SIZE_MAX  # what a stream carries

_FLAGS: Final = {"": True, "true": True, "false": False}
_TOO_LARGE: Final = 413
_WRONG_TYPE: Final = 415

T = TypeVar("T")


class Call(Struct, frozen=True):
    """A call: the parts of its path and query by name, and its body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    content_type: str
    body: bytes

    def json(self, shape: type[T]) -> T:
        """Return the body, read as JSON.

        Raises:
            HTTPException: 415, it does not say that it is JSON; a form of a web page cannot say so (A17).
            ControlError: it is not JSON, or not of this shape.
        """
        self.must_be("application/json")
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _invalid(f"the body cannot be read: {error}") from None

    def must_be(self, media_type: str) -> None:
        """Raise HTTPException (415) for a body of another media type."""
        if self.content_type.partition(";")[0].strip().lower() != media_type:
            raise HTTPException(_WRONG_TYPE, f"send this with Content-Type: {media_type}")

    def flag(self, name: str) -> bool:
        """Return a switch of the query: `?force` and `?force=true` turn it on. Raises ControlError."""
        text = self.query.get(name, "false")
        if text not in _FLAGS:
            raise _invalid(f"{name}: use true or false, not {text[:40]!r}")
        return _FLAGS[text]

    def number(self, name: str) -> int | None:
        """Return a number of the query, None when it is not there. Raises ControlError."""
        text = self.query.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - more than any number here
            raise _invalid(f"{name}: use a number, not {text[:40]!r}")
        return int(text)

    def choice(self, name: str, kind: type[T]) -> T | None:
        """Return a value of the query that is one of few, None when it is not there. Raises ControlError."""
        try:
            return msgspec.convert(self.query.get(name), kind | None)
        except msgspec.ValidationError as error:
            raise _invalid(f"{name}: {error}") from None


async def read(request: Request, body_max: int) -> Call:
    """Take a request in, at most `body_max` bytes of body.

    Raises:
        HTTPException: 413, the body is larger; what follows is not read.
    """
    said = request.headers.get("content-length", "0")
    if len(said) > len(str(body_max)) or int(said) > body_max:  # the server has seen to it that these are digits
        raise _too_large(body_max)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > body_max:
            raise _too_large(body_max)
    return Call(request.path_params, request.query_params, request.headers.get("content-type", ""), bytes(body))


def _too_large(body_max: int) -> HTTPException:
    return HTTPException(_TOO_LARGE, f"the body is larger than {body_max} bytes", {"Connection": "close"})


def _invalid(message: str) -> ControlError:
    return ControlError("InvalidRequestException", 400, message)
