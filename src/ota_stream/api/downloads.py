"""Objects over HTTP for devices: a presigned URL opens one object for a while, whole or one range of it."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ota_stream.api import ranges
from ota_stream.api.operated import Operated

PATH = "/{bucket}/{key:path}"


def download(cloud: Operated) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers GET and HEAD of an object.

    206 for a range, which is all that the HTTP agents accept (device-agents 3.4), 200 without one, 416 for one outside
    the object. What it raises becomes 403 (no signature, not ours, expired) or 404 (gone). Only stored objects are
    here; a stream of firmware files has no URL.
    """

    async def answer(request: Request) -> Response:
        bucket, key = request.path_params["bucket"], request.path_params["key"]
        cloud.presigner.check(f"{bucket}/{key}", request.url.query, cloud.clock.wall())  # before anything is looked up
        image = cloud.objects.find(bucket, key).image
        etag = f'"{image.etag()}"'
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        asked = request.headers.get("range")
        if request.headers.get("if-range", etag) != etag:
            asked = None  # a range of what it has begun to download is no use: the object is another one now
        try:
            span = ranges.span(asked, image.size)
        except ValueError:
            return PlainTextResponse("the range lies outside the object\n", 416, _of(headers, f"*/{image.size}"))
        if span is None:
            return Response(image.read(0, image.size), 200, headers, "application/octet-stream")
        start, end = span
        headers = _of(headers, f"{start}-{end - 1}/{image.size}")
        return Response(image.read(start, end), 206, headers, "application/octet-stream")

    return answer


def _of(headers: dict[str, str], content_range: str) -> dict[str, str]:
    return {**headers, "Content-Range": f"bytes {content_range}"}
