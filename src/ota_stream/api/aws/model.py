"""The services of AWS by botocore's model, read and written with moto.core: the only module that knows how.

Importing it imports moto and botocore, which takes a second: the gateway does so at its first request.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import cache
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from botocore import xform_name  # type: ignore[import-untyped] # pyright: ignore[reportUnknownVariableType]
from moto.core.eventstream import EventStream, EventStreamEncoder
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from msgspec import Struct
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import HTTPException

from ota_stream.api.aws import bodies, constraints, raw_types
from ota_stream.api.aws.raw_types import unreadable

_CONTENT_TYPES: Final = {"json": "application/x-amz-json-1.1", "rest-json": "application/json"}
"""Of the protocols that the services have whose operations are ours."""


class Asked(Struct, frozen=True):
    """A request and the operation it asks for; `labels` are the parts of its path by name."""

    request: Any
    operation: Any
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """The operation."""
        name: str = self.operation.name
        return name


class _Seen(Struct, frozen=True):
    """What moto's routers and parsers look at of a request; moto's own class takes ten times as long to make."""

    method: str
    raw_path: str
    args: MultiDict[str, str]
    headers: Headers
    data: bytes
    host: str = "localhost"

    @property
    def content_type(self) -> str | None:
        return self.headers.get("content-type")

    @property
    def values(self) -> MultiDict[str, str]:
        """What the query says, and the form in the body."""
        form = parse_qsl(self.data.decode("utf-8", "replace"), keep_blank_values=True)
        return MultiDict([*self.args.items(multi=True), *form])


def asked(service: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Asked | None:
    """Return what a request asks for, None when no operation of the service is called like this.

    `target` is path and query as they came.
    """
    path, _, query = target.partition("?")
    request: Any = _Seen(method, path, MultiDict(parse_qsl(query, keep_blank_values=True)), Headers(headers), body)
    try:
        operation, labels = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):
        return None
    return Asked(request, operation, labels)


def new_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:  # noqa: ANN401 - moto's
    """Return a request as moto takes it that answers it."""
    return Request.from_primitives(method, url, headers, body)


def given(service: str, call: Asked) -> dict[str, Any]:
    """Return the parameters of a request, by the names of the model, after the checks the model asks for.

    Raises:
        ControlError: it cannot be read, or breaks a constraint.
    """
    shape = call.operation.input_shape
    if shape is None:
        return {}
    request, body = call.request, call.request.data
    raw_types.check_query(shape, request.args)
    protocol = call.operation.service_model.protocol
    if protocol in _CONTENT_TYPES and "payload" not in shape.serialization:
        body = _members_of_body(shape, body)
    parts: Any = {
        "method": request.method, "url_path": request.raw_path, "url_params": call.labels, "headers": request.headers,
        "values": request.args if protocol in _CONTENT_TYPES else request.values, "body": body,
    }  # fmt: skip
    try:
        parsed: dict[str, Any] = PROTOCOL_PARSERS[protocol](call.operation).parse(parts)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError) as error:
        raise unreadable(f"The request cannot be read: {type(error).__name__}") from None
    constraints.check(service, shape, parsed)
    return parsed


def answer(call: Asked, shown: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer."""
    operation = call.operation
    headers = {"Content-Type": _CONTENT_TYPES[operation.service_model.protocol]}
    return operation.http.get("responseCode", 200), headers, bodies.encode(operation.output_shape, shown)


EVENT_STREAM: Final = "application/vnd.amazon.eventstream"


async def event_stream(call: Asked, events: AsyncGenerator[dict[str, Any]]) -> AsyncGenerator[bytes]:
    """Encode the answer to an operation that has no end: each event is `{name of the model: members}`."""
    operation = call.operation
    service = operation.service_model
    serializer_class: Any = get_serializer_class(service.service_name, service.protocol).EVENT_STREAM_SERIALIZER_CLS
    serializer = serializer_class(operation)
    member, encoder = operation.output_shape.event_stream_name, EventStreamEncoder()
    shape = operation.output_shape.members[member]
    yield encoder.encode_event(EventStream({}, operation.output_shape, serializer).get_initial_response())
    async with aclosing(events):
        async for event in events:
            *_, message = EventStream(
                {member: [event]}, operation.output_shape, serializer
            )  # the initial one is before
            (name,) = event
            if shape.members[name].metadata.get("exception"):
                del message.headers[":event-type"]
                message.headers |= {":message-type": "exception", ":exception-type": name}
            yield encoder.encode_event(message)


@cache
def operation_names(service: str) -> tuple[str, ...]:
    """Return all operations of a service."""
    return tuple(_names(get_service_model(service)))


def method_name(operation: str) -> str:
    """Return what moto calls the method that answers an operation."""
    return str(xform_name(operation))


def _names(service: Any) -> list[str]:  # noqa: ANN401 - moto's, which has half a type
    names: list[str] = service.operation_names
    return names


def _members_of_body(shape: Any, body: bytes) -> bytes:  # noqa: ANN401 - moto's
    """Return the body without members that belong to path, query or header: those are not the body's to say."""
    if not body:
        return body
    try:
        members = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise unreadable("The body is not JSON") from None
    if not isinstance(members, dict):
        raise unreadable("The body is not a JSON object")
    members = cast("dict[str, Any]", members)
    raw_types.check_json(shape, members)
    elsewhere = {name for name, member in shape.members.items() if "location" in member.serialization}
    elsewhere |= {shape.members[name].serialization.get("name", name) for name in elsewhere}
    if elsewhere.isdisjoint(members):
        return body
    return json.dumps({name: value for name, value in members.items() if name not in elsewhere}).encode()


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity: Python writes them, JSON has none."""
    raise ValueError(name)
