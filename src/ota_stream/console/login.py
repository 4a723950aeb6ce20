"""Who may look where others than this machine can reach the port: who has the token that was printed at the start."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

COOKIE: Final = "ota-console"
QUERY: Final = "login"
LASTS: Final = 7 * 86_400  # seconds
_REFUSAL: Final = "open the console with the address that the simulator printed at its start, ?login=TOKEN and all\n"

Endpoint = Callable[[Request], Awaitable[Response]]


def new_token() -> str:
    """Return a token for one start."""
    return secrets.token_urlsafe(24)


def guarded(endpoint: Endpoint, token: str | None) -> Endpoint:
    """Let only those in who bring the token: in the query once, then in a cookie; programs in each query.

    No token: everybody.
    """
    if token is None:
        return endpoint

    async def checked(request: Request) -> Response:
        if _is(request.cookies.get(COOKIE), token):
            return await endpoint(request)
        if request.method == "GET" and _is(request.query_params.get(QUERY), token):
            if request.url.path.endswith(".json"):  # a program keeps no cookie
                return await endpoint(request)
            answer = RedirectResponse(request.url.path, 303)  # the token stays in no address bar
            answer.set_cookie(
                COOKIE, token, LASTS, httponly=True, samesite="strict", secure=request.url.scheme == "https"
            )
            return answer
        return Response(_REFUSAL, 401, media_type="text/plain")

    return checked


def _is(given: str | None, token: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), token.encode())
