"""What every page shows, as JSON, under `/_ota/console/`: for programs, and for `ota-stream top`."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ota_stream.api.calls import JSON_MAX, Call, read
from ota_stream.console import clock, faults, fleet, streams, things, updates
from ota_stream.console.outlook import Outlook

Read = Callable[[Outlook, Call], dict[str, Any]]

READS: Final[tuple[tuple[str, Read], ...]] = (
    ("updates", lambda outlook, _: updates.shown(outlook)),
    ("updates/{id}", lambda outlook, call: updates.update(outlook, call.path["id"])),
    ("streams", lambda outlook, _: streams.shown(outlook)),
    ("streams/{id}", lambda outlook, call: streams.stream(outlook, call.path["id"], call.query.get("thing", ""))),
    ("things", lambda outlook, call: things.shown(outlook, call.query.get("name", ""))),
    ("things/{id}", lambda outlook, call: things.thing(outlook, call.path["id"])),
    ("faults", lambda outlook, _: faults.shown(outlook)),
    ("clock", lambda outlook, _: clock.shown(outlook)),
    ("fleet", lambda outlook, _: fleet.shown(outlook)),
)
"""Each page and what it shows."""


def routes(outlook: Outlook) -> list[Route]:
    """Return the routes under `/_ota`."""

    async def tell(request: Request) -> Response:
        call = await read(request, JSON_MAX)
        call.must_be("application/json")  # which no form of a web page can say (A17)
        outlook.fleets.tell(call.path["id"], call.body)
        return Response(b"{}", media_type="application/json")

    reads = [Route(f"/console/{path}.json", _reading(outlook, shown), methods=["GET"]) for path, shown in READS]
    return [*reads, Route("/fleets/{id}", tell, methods=["PUT"])]


def _reading(outlook: Outlook, shown: Read) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        content = shown(outlook, await read(request, JSON_MAX))
        return Response(msgspec.json.encode(content), media_type="application/json")

    return endpoint
