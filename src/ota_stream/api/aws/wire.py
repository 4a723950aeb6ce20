"""A refusal as each protocol of AWS writes it: JSON, or one of two kinds of XML."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec
from starlette.responses import Response

from ota_stream.errors import ControlError

_REQUEST_ID: Final = "00000000-0000-0000-0000-000000000000"


def refusal(service: str, error: ControlError) -> Response:
    """Return the answer to a call that is refused; `service` is botocore's name, or "" for one that is not known."""
    members: Mapping[str, Any] = getattr(error, "members", {})
    return _WRITERS.get(service, _json)(error, members)


def _json(error: ControlError, members: Mapping[str, Any]) -> Response:
    """Write it as REST services do (SC-12); `__type` is what the others look at."""
    body = msgspec.json.encode({"__type": error.name, "message": _printable(error.message), **members})
    return Response(body, error.status, {"x-amzn-ErrorType": error.name}, "application/json")


def _s3(error: ControlError, _: Mapping[str, Any]) -> Response:
    body = f"<Error><Code>{escape(error.name)}</Code><Message>{_text(error.message)}</Message></Error>"
    return Response(_xml(body), error.status, media_type="application/xml")


def _query(error: ControlError, _: Mapping[str, Any]) -> Response:
    who = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 - where HTTP draws the line
    told = f"<Type>{who}</Type><Code>{escape(error.name)}</Code><Message>{_text(error.message)}</Message>"
    body = f"<ErrorResponse><Error>{told}</Error><RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
    return Response(_xml(body), error.status, media_type="text/xml")


def _xml(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'


def _text(text: str) -> str:
    """Escape a message; what no XML may contain becomes a question mark."""
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Return a message without control characters: a terminal shows it, and it may tell back what a caller has sent."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


_WRITERS: Final[Mapping[str, Callable[[ControlError, Mapping[str, Any]], Response]]] = {
    "s3": _s3,
    "iam": _query,
    "sts": _query,
}
