"""Objects over HTTP for devices: a presigned URL opens one object for a while, whole or one range of it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ota_stream.api import ranges
from ota_stream.api.bad_line import BadLine, Line
from ota_stream.api.operated import Operated
from ota_stream.faults import subject
from ota_stream.faults.served import Served

PATH = "/{bucket}/{key:path}"


def download(cloud: Operated, line: Line | None = None) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers GET and HEAD of an object; `line` has the faults that stand in its way.

    206 for a range, which is all that the HTTP agents accept (device-agents 3.4), 200 without one, 416 for one outside
    the object. What it raises becomes 403 (no signature, not ours, expired) or 404 (gone). Only stored objects are
    here; a stream of firmware files has no URL.
    """

    async def answer(request: Request) -> Response:
        bucket, key, query = request.path_params["bucket"], request.path_params["key"], request.url.query
        path, now = f"{bucket}/{key}", cloud.clock.wall()
        thing = cloud.presigner.check(path, query, now)  # before anything is looked up
        image = cloud.objects.find(bucket, key).image
        etag, size, condition = image.etag(), image.size, request.headers.get("if-range")
        try:
            span = ranges.span(request.headers.get("range") if _holds(condition, etag) else None, size)
        except ValueError:
            headers = _headers(etag, f"*/{size}")
            return PlainTextResponse(
                "the range lies outside the object\n", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers
            )
        start, end = span or (0, size)
        status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
        whole = Served(status=status, etag=etag, body=image.read(start, end), whole=lambda: image.read(0, size))
        served = whole if line is None else line.serve(subject.of_download(path, thing, start, end), whole)
        if served.ends_url:
            cloud.presigner.end(path, query)
            cloud.presigner.check(path, query, now)
        if not _holds(condition, served.etag):
            served = replace(served, status=HTTPStatus.OK, body=served.whole())
        response = _response(served, f"{start}-{end - 1}/{size}")
        return response if line is None or served.is_usual else BadLine(response, served, line)

    return answer


def _holds(condition: str | None, etag: str) -> bool:
    """Tell whether a range is of use, as If-Range has it: the object is still the one that was begun."""
    return condition in {None, f'"{etag}"'}


def _response(served: Served, content_range: str) -> Response:
    if served.refusal is not None:
        return Response(msgspec.json.encode({"message": served.refusal}), served.status, media_type="application/json")
    is_part = served.status == HTTPStatus.PARTIAL_CONTENT
    headers = _headers(served.etag, content_range if is_part else None)
    return Response(served.body, served.status, headers, "application/octet-stream")


def _headers(etag: str, content_range: str | None) -> dict[str, str]:
    of_part = {} if content_range is None else {"Content-Range": f"bytes {content_range}"}
    return {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", **of_part}
