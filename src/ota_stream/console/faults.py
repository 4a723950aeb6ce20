"""The page Faults: which are set and what each has hit, and the kinds there are."""

from typing import Any, Final

import msgspec

from ota_stream.api.calls import Call
from ota_stream.console.forms import Form
from ota_stream.console.outlook import Outlook
from ota_stream.errors import ControlError
from ota_stream.faults import kinds
from ota_stream.faults.fault import Fault
from ota_stream.faults.kinds import KINDS

_COMMON: Final = {field.name for field in msgspec.structs.fields(Fault)}


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the faults that are set, and every kind with the attributes of its own."""
    kinds = [{"fault": name, "says": _says(kind), "attributes": _attributes(kind)} for name, kind in KINDS.items()]
    return {"faults": outlook.faults.shown(), "kinds": kinds}


def _says(kind: type[Fault]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _attributes(kind: type[Fault]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.name not in _COMMON]


async def add(outlook: Outlook, _: str, form: Form) -> str:
    """Set a fault. Raises FaultError, ControlError."""
    members: dict[str, Any] = {name: text for name, text in form.texts.items() if text and name != "attributes"}
    for text in form.text("attributes").split():
        name, equals, value = text.partition("=")
        if not equals:
            raise ControlError("InvalidRequestException", 400, f"{text[:80]!r}: write attributes as NAME=VALUE")
        members[name] = value
    outlook.faults.add(kinds.read(members), outlook.cloud.clock.monotonic())
    return "faults"


async def remove(outlook: Outlook, about: str, _: Form) -> str:
    """Remove a fault. Raises ControlError."""
    outlook.faults.remove(about)
    return "faults"


async def clear(outlook: Outlook, _: str, __: Form) -> str:
    """Remove all faults."""
    outlook.faults.clear()
    return "faults"
