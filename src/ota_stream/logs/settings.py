"""What an account has set about logging, in the shapes of the API, and the texts of its refusals (spec section 5.5)."""

from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Final, Protocol

from msgspec import Struct

from ota_stream.errors import ControlError
from ota_stream.logs import groups
from ota_stream.logs.levels import Level
from ota_stream.logs.targets import LogTarget, TargetLevel, TargetType
from ota_stream.records import Action, BrokerEvent, JobEvent

LEVELS_MAX: Final = 1000  # targets with a level of their own; the service's number is not published
EVENT_TYPES: Final = tuple(str(each) for each in (*Action, *JobEvent, *BrokerEvent))

_NAME_MAX: Final = 512


class EventConfiguration(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What one event type has of its own: a level, and a log group (LC-10)."""

    event_type: str
    log_level: Level | None = None
    log_destination: str | None = None


class LoggingOptions(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The options of SetV2LoggingOptions and GetV2LoggingOptions, every member optional (LC-3, LC-4)."""

    role_arn: str | None = None
    default_log_level: Level | None = None
    disable_all_logs: bool | None = None
    event_configurations: tuple[EventConfiguration, ...] | None = None


class LegacyOptions(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The options of SetLoggingOptions and GetLoggingOptions (LC-12)."""

    role_arn: str
    log_level: Level | None = None


class LoggingBook(Struct, frozen=True):
    """What is remembered: the options under one key each, the levels by `targets.key`."""

    options: MutableMapping[str, LoggingOptions]
    legacy: MutableMapping[str, LegacyOptions]
    levels: MutableMapping[str, TargetLevel]


class Roles(Protocol):
    """What the logging role may do."""

    def may_write(self, role_arn: str, group: str) -> str | None:
        """Return None when the role may write to the log group, else why not, in one clause for a person."""
        ...


def not_configured() -> ControlError:
    """Return the refusal of an account that has set nothing yet (LC-4, LC-5)."""
    return ControlError("NotConfiguredException", 404, "Logging options have not been set: set the v2 logging options")


def invalid(message: str) -> ControlError:
    """Return the refusal of a request."""
    return ControlError("InvalidRequestException", 400, message)


def too_many() -> ControlError:
    """Return the refusal of one target more."""
    return ControlError("LimitExceededException", 410, f"No more than {LEVELS_MAX} targets can have a log level")


def check_events(configurations: tuple[EventConfiguration, ...]) -> None:
    """Refuse configurations of no event type, of one twice, or to no log group. Raises ControlError."""
    seen = set[str]()
    for each in configurations:
        if not 1 <= len(each.event_type) <= _NAME_MAX:
            raise invalid(f"eventType must have 1 to {_NAME_MAX} characters")
        if each.event_type in seen:
            raise invalid(f"Event type {each.event_type} is configured twice")
        if each.log_destination is not None and not groups.is_group_name(each.log_destination):
            raise invalid(f"Log destination {each.log_destination!r} is no name of a log group")
        seen.add(each.event_type)


def check_target(target: LogTarget) -> None:
    """Refuse a target without the name it needs, or with one it cannot have. Raises ControlError."""
    if target.target_type is TargetType.DEFAULT:
        if target.target_name:
            raise invalid("The target type DEFAULT has no target name")
    elif not target.target_name or len(target.target_name) > _NAME_MAX:
        raise invalid(f"The target type {target.target_type} needs a target name of 1 to {_NAME_MAX} characters")


def by_event(options: LoggingOptions) -> Mapping[str, EventConfiguration]:
    """Return the configurations by event type."""
    return MappingProxyType({each.event_type: each for each in options.event_configurations or ()})
