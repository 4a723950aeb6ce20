"""The logging service: the account's settings, and which record of whom goes to which log group."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.logs import groups, settings, targets
from ota_stream.logs.levels import Level, allows
from ota_stream.logs.settings import EventConfiguration, LegacyOptions, LoggingBook, LoggingOptions, Roles
from ota_stream.logs.targets import Client, LogTarget, TargetLevel, TargetType, ThingGroups

PAGE_MAX: Final = 250

_ACCOUNT: Final = "account"  # the one key of what an account has once


class Decision(Struct, frozen=True):
    """What becomes of the records of one kind from one client: the levels that are written, and where."""

    levels: frozenset[Level]
    group: str


_NOTHING: Final = Decision(frozenset(), groups.REAL)


class LoggingService:
    """Keeps the settings and decides. `generation` grows with everything that may change a decision.

    `group` is the log group of records that are not sent elsewhere. `is_personal` tells that decisions are not the
    same for all clients: some target has a level of its own.
    """

    def __init__(self, book: LoggingBook, roles: Roles, things: ThingGroups, group: str = groups.REAL) -> None:
        self.generation = 0
        self.is_personal = bool(book.levels)
        self._book = book
        self._roles = roles
        self._things = things
        self._group = groups.resolve(group)
        self._refusals: dict[str, str | None] = {}  # by group, of this generation

    # Options

    @property
    def is_configured(self) -> bool:
        """Whether options were ever set."""
        return _ACCOUNT in self._book.options

    def set_options(self, given: LoggingOptions) -> None:
        """Keep the options (LC-3). What is left out stays as it was, but logs that were disabled are so no more.

        Raises:
            ControlError: InvalidRequestException, a configuration is none or the role cannot write.
        """
        old = self._book.options.get(_ACCOUNT, LoggingOptions())
        options = LoggingOptions(
            given.role_arn or old.role_arn,
            given.default_log_level or old.default_log_level or Level.DISABLED,
            given.disable_all_logs or False,
            old.event_configurations if given.event_configurations is None else given.event_configurations,
        )
        settings.check_events(options.event_configurations or ())
        for group in _groups(self._group, options) if given.role_arn or given.event_configurations else ():
            self._check_role(options.role_arn, group)
        self._book.options[_ACCOUNT] = options
        self.changed()

    def get_options(self, *, verbose: bool = False) -> LoggingOptions:
        """Return the options; with `verbose`, all event types there are (LC-4).

        Raises:
            ControlError: NotConfiguredException.
        """
        options = self._options()
        if not verbose:
            return options
        known = settings.by_event(options)
        others = (EventConfiguration(kind) for kind in settings.EVENT_TYPES if kind not in known)
        return replace(options, event_configurations=(*known.values(), *others))

    def set_legacy_options(self, given: LegacyOptions) -> None:
        """Keep the options of the older API; they are mapped to the newer one (LC-12).

        Raises:
            ControlError: InvalidRequestException, the role cannot write.
        """
        level = given.log_level or Level.DISABLED
        self.set_options(LoggingOptions(given.role_arn, level))
        self._book.legacy[_ACCOUNT] = LegacyOptions(given.role_arn, level)

    def get_legacy_options(self) -> LegacyOptions | None:
        """Return the options of the older API, or None when they were never set: it has no refusal for that."""
        return self._book.legacy.get(_ACCOUNT)

    # Levels of targets

    def set_level(self, target: LogTarget, level: Level) -> None:
        """Give a target a level of its own; DEFAULT is the account's level (LC-5).

        Raises:
            ControlError: NotConfiguredException, InvalidRequestException, LimitExceededException.
        """
        options = self._options()
        settings.check_target(target)
        if target.target_type is TargetType.DEFAULT:
            self._book.options[_ACCOUNT] = replace(options, default_log_level=level)
        else:
            key = targets.key(target)
            if key not in self._book.levels and len(self._book.levels) >= settings.LEVELS_MAX:
                raise settings.too_many()
            self._book.levels[key] = TargetLevel(target, level)
        self.changed()

    def list_levels(
        self, kind: TargetType | None = None, token: str | None = None, page: int = PAGE_MAX
    ) -> tuple[list[TargetLevel], str | None]:
        """Return levels by kind and name, the account's among them, and the token of the next page or None (LC-6).

        Raises:
            ControlError: NotConfiguredException; InvalidRequestException, a page or token that is none.
        """
        default = self._options().default_log_level or Level.DISABLED
        if not 1 <= page <= PAGE_MAX:
            raise settings.invalid(f"maxResults must be 1 to {PAGE_MAX}")
        account = LogTarget(TargetType.DEFAULT)
        known = {targets.key(account): TargetLevel(account, default), **self._book.levels}
        if token is not None and token.split(" ")[0] not in TargetType.__members__:
            raise settings.invalid("The nextToken is invalid")
        names = [name for name in sorted(known) if (token is None or name > token)]
        wanted = [name for name in names if kind is None or known[name].log_target.target_type is kind]
        return [known[name] for name in wanted[:page]], wanted[page - 1] if len(wanted) > page else None

    def delete_level(self, target: LogTarget) -> None:
        """Take a target's level away; one that has none is fine (LC-6).

        Raises:
            ControlError: InvalidRequestException, DEFAULT or no name.
        """
        settings.check_target(target)
        if target.target_type is TargetType.DEFAULT:
            raise settings.invalid("The default log level cannot be deleted: set it to DISABLED")
        if self._book.levels.pop(targets.key(target), None) is not None:
            self.changed()

    # Decisions

    def changed(self) -> None:
        """Make all decisions void: settings, roles, things or groups are not what they were."""
        self.generation += 1
        self.is_personal = bool(self._book.levels)
        self._refusals.clear()

    def decide(self, client: Client | None, kind: str) -> Decision:
        """Return what becomes of records of a kind (actionType or eventType); None is the cloud's own side (LC-11)."""
        options = self._book.options.get(_ACCOUNT)
        if options is None or options.disable_all_logs or options.role_arn is None:
            return _NOTHING  # LC-9, LC-14
        event = settings.by_event(options).get(kind, EventConfiguration(kind))
        group = groups.resolve(event.log_destination or self._group)
        if self._refusal(options.role_arn, group) is not None:
            return _NOTHING
        own = None if client is None else targets.level_for(client, self._book.levels, self._things)  # LC-7, LC-8
        level = own or event.log_level or options.default_log_level or Level.DISABLED  # LC-10
        return Decision(frozenset(each for each in Level if allows(level, each)), group)  # LC-1

    def effective(self, client: Client | None, kind: str, level: Level) -> str | None:
        """Return the log group a record goes to, or None. For many records of one client use a Gate."""
        decision = self.decide(client, kind)
        return decision.group if level in decision.levels else None

    def refusal(self) -> str | None:
        """Return why nothing is written although it should be, in one clause: the role has lost a right."""
        options = self._book.options.get(_ACCOUNT)
        if options is None or options.disable_all_logs or options.role_arn is None:
            return None
        refusals = (self._refusal(options.role_arn, group) for group in _groups(self._group, options))
        return next((why for why in refusals if why is not None), None)

    def _options(self) -> LoggingOptions:
        options = self._book.options.get(_ACCOUNT)
        if options is None:
            raise settings.not_configured()
        return options

    def _check_role(self, role_arn: str | None, group: str) -> None:
        why = None if role_arn is None else self._roles.may_write(role_arn, group)
        if why is not None:
            raise settings.invalid(f"The role {role_arn} cannot write to log group {group}: {why}")

    def _refusal(self, role_arn: str, group: str) -> str | None:
        if group not in self._refusals:
            self._refusals[group] = self._roles.may_write(role_arn, group)
        return self._refusals[group]


class Gate:
    """The decisions about one client, remembered until something changes: a dictionary's look-up for each record."""

    def __init__(self, service: LoggingService, client: Client | None) -> None:
        self._service = service
        self._client = client
        self._generation = service.generation
        self._decisions: dict[str, Decision] = {}

    def effective(self, kind: str, level: Level) -> str | None:
        """Return the log group a record goes to, or None."""
        if self._generation != self._service.generation:
            self._decisions.clear()
            self._generation = self._service.generation
        decision = self._decisions.get(kind)
        if decision is None:
            decision = self._decisions[kind] = self._service.decide(self._client, kind)
        return decision.group if level in decision.levels else None


def _groups(group: str, options: LoggingOptions) -> Iterable[str]:
    events = options.event_configurations or ()
    return dict.fromkeys([group, *(groups.resolve(each.log_destination) for each in events if each.log_destination)])
