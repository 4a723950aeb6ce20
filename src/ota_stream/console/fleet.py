"""The page Fleet: how the fleets that have told of themselves stand, and stood."""

from typing import Any

from ota_stream.api.calls import Call
from ota_stream.console.outlook import Outlook


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the fleets, the newest first."""
    return {"fleets": outlook.fleets.shown()}
