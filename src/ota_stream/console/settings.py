"""The page Settings: what is logged, by which role, and how to change it, in the words of AWS's console."""

import asyncio
from typing import Any, Final

from ota_stream.api.calls import Call
from ota_stream.console.forms import Form
from ota_stream.console.outlook import Outlook
from ota_stream.errors import ControlError
from ota_stream.logs import levels
from ota_stream.logs.levels import Level
from ota_stream.logs.settings import EventConfiguration
from ota_stream.logs.targets import TargetLevel

NEW: Final = "new"
_LEVELS: Final = tuple(level.capitalize() for level in reversed(Level))


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the level of verbosity and the role, whether it may write, and what has a level of its own."""
    service = outlook.cloud.logs.settings
    if not service.is_configured:
        return {"level": None, "role": None, "refusal": None, "levels": [], "events": []}
    options = service.get_options()
    own, more = service.list_levels()
    return {
        "level": "Disabled" if options.disable_all_logs else (options.default_log_level or Level.DISABLED).capitalize(),
        "role": options.role_arn,
        "refusal": service.refusal(),
        "levels": [_of_target(each) for each in own if each.log_target.target_name],
        "more": more is not None,
        "events": [_of_event(each) for each in options.event_configurations or ()],
    }


def _of_target(own: TargetLevel) -> dict[str, Any]:
    target = own.log_target
    return {"type": target.target_type, "name": target.target_name, "level": own.log_level.capitalize()}


def _of_event(own: EventConfiguration) -> dict[str, Any]:
    level = None if own.log_level is None else own.log_level.capitalize()
    return {"type": own.event_type, "level": level, "group": own.log_destination}


def edited(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return what the form begins with."""
    known = shown(outlook, call)
    return {"levels": _LEVELS, "level": known["level"] or Level.DEBUG.capitalize(), "role": known["role"]}


async def update(outlook: Outlook, _: str, form: Form) -> str:
    """Set the level, and the role: a new one with all required permissions, or one there is. Raises ControlError."""
    level = levels.find(form.text("level"))
    if level is None:
        raise _invalid(f"Level of verbosity: choose one of {', '.join(_LEVELS)}")
    creates, name = form.text("set_role", NEW) == NEW, form.text("name")
    role = form.text("role")
    if creates and not name:
        raise _invalid("Name: enter a unique name for the role")
    if not creates and not role:
        raise _invalid("Role: enter the name or the ARN of a role")

    def change() -> None:
        account = outlook.account()
        arn = account.create_role(name) if creates else role if role.startswith("arn:") else account.role_arn(role)
        account.set_options(arn, level)

    await asyncio.to_thread(change)  # it asks this process, and others, by HTTP
    return "settings"


def _invalid(message: str) -> ControlError:
    return ControlError("InvalidRequestException", 400, message)
