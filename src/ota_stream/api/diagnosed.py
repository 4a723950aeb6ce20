"""The call of `ota-stream diagnose`: what was found wrong with the way devices talk to the cloud."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ota_stream.api.calls import JSON_MAX, read
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.errors import ControlError


def route(diagnosis: Diagnosis | None) -> Route:
    """Return `GET /_ota/diagnosis?thing=NAME&since=NUMBER`; both may be left out."""

    async def endpoint(request: Request) -> Response:
        call = await read(request, JSON_MAX)
        if diagnosis is None:
            raise ControlError(
                "InvalidRequestException", 400, "nobody listens: start it without ota-stream serve --diagnose 0"
            )
        thing = call.query.get("thing")
        told = {
            "findings": diagnosis.findings(thing, call.number("since") or 0),
            "heard": diagnosis.heard(thing),
            "watched": diagnosis.things_max,
            "unheard": diagnosis.unheard,
        }
        return Response(msgspec.json.encode(told), media_type="application/json")

    return Route("/diagnosis", endpoint, methods=["GET"])
