"""The page Clock: what time it is for the simulator, and whether it can be moved."""

from typing import Any

from ota_stream.api.calls import Call
from ota_stream.api.moving_time import SPEED_MAX, STEP_MAX, Movable
from ota_stream.console.forms import Form
from ota_stream.console.outlook import Outlook
from ota_stream.errors import ControlError


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the time (epoch seconds), the speed, and the seconds ahead of the machine's clock."""
    if outlook.time is None:
        return {"movable": False, "now": outlook.cloud.clock.wall(), "speed": 1.0, "ahead": 0.0}
    return {"movable": True, **outlook.time.shown()}


async def run(outlook: Outlook, _: str, form: Form) -> str:
    """Let time pass so many times as fast as on the machine; 0 freezes it. Raises ControlError."""
    speed = form.number("speed")
    if not 0 <= speed <= SPEED_MAX:
        raise _invalid(f"Speed: use 0 to {SPEED_MAX:,.0f}")
    _movable(outlook).run(speed)
    return "clock"


async def step(outlook: Outlook, _: str, form: Form) -> str:
    """Let so many seconds pass at once, with all that is due on the way. Raises ControlError."""
    seconds = form.number("seconds")
    if not 0 < seconds <= STEP_MAX:
        raise _invalid(f"Seconds: use more than 0, up to {STEP_MAX:,.0f}")
    await _movable(outlook).step(seconds)
    return "clock"


def _movable(outlook: Outlook) -> Movable:
    if outlook.time is None:
        raise _invalid("time is the machine's here: start it with ota-stream serve --clock manual to move it")
    return outlook.time


def _invalid(message: str) -> ControlError:
    return ControlError("InvalidRequestException", 400, message)
