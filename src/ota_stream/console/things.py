"""The page Things: who is connected, with which rights and filters, at which job, and what is wrong with it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from ota_stream.api.calls import Call
from ota_stream.console.outlook import Outlook, Presence
from ota_stream.errors import ControlError

ROWS_MAX: Final = 50  # of a list that is shown
FINDINGS_MAX: Final = 20  # of a thing
_NAMES: Final = 100_000  # looked through for a part of a name, at most


def shown(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return the first things whose name has the query's `name` in it."""
    part = call.query.get("name", "")
    names = (name for name in islice(_names(outlook), _NAMES) if part in name)
    rows = [_row(outlook, name) for name in islice(names, ROWS_MAX + 1)]
    return {"things": rows[:ROWS_MAX], "more": len(rows) > ROWS_MAX, "connected": outlook.clients.connected}


def thing(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return all about one. Raises ControlError (ResourceNotFoundException)."""
    name = call.path["id"]
    presence = outlook.clients.find(name)
    if presence is None and name not in outlook.cloud.things:
        raise ControlError("ResourceNotFoundException", 404, f"there is no thing and no client {name[:128]!r}")
    found = [] if outlook.diagnosis is None else outlook.diagnosis.findings(name)[-FINDINGS_MAX:]
    return {
        **_row(outlook, name),
        "subscriptions": [] if presence is None else _subscriptions(presence),
        "executions": outlook.cloud.queries.latest_of_thing(name, ROWS_MAX, outlook.cloud.clock.wall()),
        "diagnosis": "off" if outlook.diagnosis is None else "on",
        "findings": msgspec.to_builtins(found),
    }


def _names(outlook: Outlook) -> Iterator[str]:
    things = outlook.cloud.things
    yield from list(things)
    for name in outlook.clients.names():
        if name not in things:
            yield name


def _row(outlook: Outlook, name: str) -> dict[str, Any]:
    presence = outlook.clients.find(name)
    job = outlook.cloud.jobs.next_execution(name)
    return {
        "thingName": name,
        "registered": name in outlook.cloud.things,
        "connected": presence is not None and presence.peer is not None,
        "clientId": None if presence is None else presence.client_id,
        "peer": None if presence is None else presence.peer,
        "session": _session(presence),
        "filters": 0 if presence is None else len(presence.granted),
        "certificateId": None if presence is None else presence.certificate_id,
        "job": None if job is None else {"jobId": job.job_id, "status": job.status.value},
    }


def _session(presence: Presence | None) -> str:
    if presence is None:
        return "none"
    return "ends with the connection" if not presence.expiry else f"lasts {presence.expiry:.0f} s longer"


def _subscriptions(presence: Presence) -> list[dict[str, Any]]:
    return [{"filter": each, "qos": qos} for each, qos in islice(presence.granted.items(), ROWS_MAX)]
