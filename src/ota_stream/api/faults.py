"""The calls of `ota-stream faults`: set, show and remove faults while the simulator runs."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ota_stream.api.calls import JSON_MAX, read
from ota_stream.clock import Clock
from ota_stream.errors import ControlError
from ota_stream.faults import kinds
from ota_stream.faults.desk import FaultDesk
from ota_stream.faults.kinds import FaultError

_PATH: Final = "/faults"


def routes(desk: FaultDesk, clock: Clock) -> list[Route]:
    """Return the routes under `/_ota`."""

    async def show(_: Request) -> Response:
        return _json({"faults": desk.shown()})

    async def add(request: Request) -> Response:
        members = (await read(request, JSON_MAX)).json(dict[str, Any])
        try:
            fault = kinds.read(members)
        except FaultError as error:
            raise ControlError("InvalidRequestException", 400, str(error)) from None
        return _json({"name": desk.add(fault, clock.monotonic())})

    async def remove(request: Request) -> Response:
        desk.remove(request.path_params["name"])
        return _json({})

    async def clear(_: Request) -> Response:
        desk.clear()
        return _json({})

    return [
        Route(_PATH, show, methods=["GET"]),
        Route(_PATH, add, methods=["POST"]),
        Route(_PATH, clear, methods=["DELETE"]),
        Route(f"{_PATH}/{{name}}", remove, methods=["DELETE"]),
    ]


def _json(content: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
