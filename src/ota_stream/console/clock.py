"""The page Clock: what time it is for the simulator, and whether it can be moved."""

from typing import Any

from ota_stream.console.outlook import Outlook


def shown(outlook: Outlook) -> dict[str, Any]:
    """Return the time (epoch seconds), the speed, and the seconds ahead of the machine's clock."""
    if outlook.time is None:
        return {"movable": False, "now": outlook.cloud.clock.wall(), "speed": 1.0, "ahead": 0.0}
    return {"movable": True, **outlook.time.shown()}
