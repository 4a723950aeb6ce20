"""The page Faults: which are set and what each has hit, and the kinds there are."""

from typing import Any

import msgspec

from ota_stream.console.outlook import Outlook
from ota_stream.faults.fault import Fault
from ota_stream.faults.kinds import KINDS

_COMMON = {field.name for field in msgspec.structs.fields(Fault)}


def shown(outlook: Outlook) -> dict[str, Any]:
    """Return the faults that are set, and every kind with the attributes of its own."""
    kinds = [{"fault": name, "says": _says(kind), "attributes": _attributes(kind)} for name, kind in KINDS.items()]
    return {"faults": outlook.faults.shown(), "kinds": kinds}


def _says(kind: type[Fault]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _attributes(kind: type[Fault]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.name not in _COMMON]
