"""The HTTP side in one application: which call goes where, and how an error becomes an answer."""

import errno
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

from ota_stream.api import control, downloads
from ota_stream.api.bad_line import Line
from ota_stream.api.control import Usage
from ota_stream.api.operated import Operated
from ota_stream.api.presign import Forbidden
from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.stores.errors import StoreError
from ota_stream.streams.catalog import ImageForbidden, ImageGone

logger: Final = logging.getLogger(__name__)

_STATUSES: Final[dict[type[OtaStreamError], int]] = {Forbidden: 403, ImageForbidden: 403, ImageGone: 404}
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def create_app(cloud: Operated, usage: Usage = list, more: Sequence[Route] = (), line: Line | None = None) -> ASGIApp:
    """Return what answers HTTP: presigned downloads, and the operator's calls under `/_ota/`, `more` of them included.

    `usage` shows the quotas; `line` has the faults in the way of downloads.

    No bucket has a name that begins with an underscore, so no object is hidden by `/_ota/`. LocalOnly
    belongs before it.
    """
    app = Starlette(
        routes=[
            Mount("/_ota", Router([*control.routes(cloud, usage), *more], redirect_slashes=False)),
            Route(downloads.PATH, downloads.download(cloud, line)),
        ],
        exception_handlers={
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            OtaStreamError: _told,
            Exception: _fault,
        },
    )
    app.router.redirect_slashes = False  # a key may end in a slash: it is another object
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer for what no handler was asked about: the route, the method, the size or the type of the body."""
    error = cast("HTTPException", error)  # starlette's type for handlers says less than it gives them
    message = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"there is nothing at {request.url.path}: objects are at /BUCKET/KEY, the operator's calls at /_ota/"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not possible for {request.url.path}"
    return _error(error.status_code, message, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    """Answer to nobody: the caller went away before its call was whole."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _told(_: Request, error: Exception) -> Response:
    """Answer with the one line that an error is made for; a refusal in the way of AWS (SC-12)."""
    if isinstance(error, ControlError):
        return _error(error.status, error.message, {"x-amzn-ErrorType": error.name})
    for kind, status in _STATUSES.items():
        if isinstance(error, kind):
            return _error(status, str(error))
    logger.error("a call over HTTP has failed: %s", error)
    return _error(507 if isinstance(error, StoreError) and _is_full(error) else 500, str(error))


async def _fault(request: Request, error: Exception) -> Response:
    """Answer for a fault of ours. The traceback is in the log, written by the server that gets the error too."""
    fault = f"{type(error).__name__}, a fault of ota-stream: its log has the traceback"
    return _error(500, f"{request.method} {request.url.path} ended in {fault}")


def _is_full(error: StoreError) -> bool:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(cause, OSError) and cause.errno in _FULL


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = msgspec.json.encode({"message": message})
    return Response(body, status, headers, "application/json")
