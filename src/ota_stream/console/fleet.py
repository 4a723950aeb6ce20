"""The page Fleet: how the fleets that have told of themselves stand, and stood."""

from typing import Any

from ota_stream.console.outlook import Outlook


def shown(outlook: Outlook) -> dict[str, Any]:
    """Return the fleets, the newest first."""
    return {"fleets": outlook.fleets.shown()}
