"""The fleets that have told how they stand: the last few, each with its last few hundred moments."""

import re
from collections import deque
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from ota_stream.errors import ControlError

FLEETS_MAX: Final = 5  # remembered; the oldest give way
MOMENTS_MAX: Final = 300  # of a fleet: five minutes at one a second

_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
Count = Annotated[int, Meta(ge=0)]


class FleetMoment(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How a fleet stands, `at` seconds after its start.

    `stages` are how many things are there. Rates are of the second before; `p50` and `p99` are seconds from a request
    to a block, None before the first. `ended`: it is the last.
    """

    title: Annotated[str, Meta(max_length=200)]
    things: Count
    at: float
    connected: Count
    stages: Annotated[dict[str, Count], Meta(max_length=20)]
    blocks_per_second: float
    bytes_per_second: float
    p50: float | None = None
    p99: float | None = None
    reasons: Annotated[dict[str, Count], Meta(max_length=20)] = {}
    ended: bool = False


class Fleets:
    """What fleets have told, by the id each has given itself."""

    def __init__(self) -> None:
        self._told: dict[str, deque[FleetMoment]] = {}

    def tell(self, fleet_id: str, body: bytes) -> None:
        """Take in how a fleet stands. Raises ControlError (InvalidRequestException)."""
        try:
            moment = msgspec.json.decode(body, type=FleetMoment)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ControlError("InvalidRequestException", 400, f"the body cannot be read: {error}") from None
        if _ID.fullmatch(fleet_id) is None:
            raise ControlError("InvalidRequestException", 400, "a fleet's id is 1 to 64 of a-z A-Z 0-9 _ -")
        moments = self._told.get(fleet_id)
        if moments is None:
            while len(self._told) >= FLEETS_MAX:
                del self._told[next(iter(self._told))]
            moments = self._told[fleet_id] = deque(maxlen=MOMENTS_MAX)
        moments.append(moment)

    def shown(self) -> list[dict[str, Any]]:
        """Return the fleets as JSON, the newest first: how each stands, and the moments before."""
        return [
            {"fleetId": fleet_id, **msgspec.to_builtins(moments[-1]), "moments": msgspec.to_builtins(list(moments))}
            for fleet_id, moments in reversed(self._told.items())
        ]
