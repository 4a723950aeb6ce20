"""The calls of `ota-stream clock`: what time it is for the simulator, how fast it passes, and letting it pass."""

from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ota_stream.api.calls import JSON_MAX, read
from ota_stream.errors import ControlError

SPEED_MAX: Final = 100_000.0
STEP_MAX: Final = 366 * 86_400.0  # seconds in one call


class Movable(Protocol):
    """Time that can be moved."""

    def shown(self) -> dict[str, float]:
        """Return `now` (epoch seconds), `speed`, and `ahead`, seconds that it is later than the machine's clock."""
        ...

    def run(self, speed: float) -> None:
        """Go on so many times as fast as the machine's clock; 0 stops."""
        ...

    async def step(self, seconds: float) -> None:
        """Let so many seconds pass, with everything that is due on the way."""
        ...


class Pace(Struct, frozen=True, forbid_unknown_fields=True):
    """How fast time passes."""

    speed: Annotated[float, Meta(ge=0, le=SPEED_MAX)]


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """How much time passes at once."""

    seconds: Annotated[float, Meta(gt=0, le=STEP_MAX)]


def routes(time: Movable | None) -> list[Route]:
    """Return the routes under `/_ota`. No time: it is the machine's, which these calls do not move."""

    async def show(_: Request) -> Response:
        return _shown(_movable(time))

    async def run(request: Request) -> Response:
        moved, pace = _movable(time), (await read(request, JSON_MAX)).json(Pace)
        moved.run(pace.speed)
        return _shown(moved)

    async def step(request: Request) -> Response:
        moved, wanted = _movable(time), (await read(request, JSON_MAX)).json(Step)
        await moved.step(wanted.seconds)
        return _shown(moved)

    return [
        Route("/clock", show, methods=["GET"]),
        Route("/clock", run, methods=["PUT"]),
        Route("/clock/steps", step, methods=["POST"]),
    ]


def _movable(time: Movable | None) -> Movable:
    if time is None:
        message = "this simulator's time is the machine's: start it with `ota-stream serve --clock manual` to move it"
        raise ControlError("ConflictException", 409, message)
    return time


def _shown(time: Movable) -> Response:
    return Response(msgspec.json.encode(time.shown()), media_type="application/json")
