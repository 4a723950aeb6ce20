"""The logs as the AWS API has them: the settings of logging, and every log group of the account, ours and others'."""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from ota_stream.api.aws.given import Given
from ota_stream.api.aws.live_tails import PACE, SESSION_SECONDS, LiveTails
from ota_stream.api.aws.query_steps import QuerySteps
from ota_stream.logs import groups
from ota_stream.logs.events import Events
from ota_stream.logs.joined import JoinedEvents
from ota_stream.logs.log_groups import LogGroups
from ota_stream.logs.queries import Queries
from ota_stream.logs.reading import LogReading
from ota_stream.logs.service import LoggingService


@dataclass(frozen=True)
class CloudLogs:
    """`own` holds what AWS IoT writes; `others` what other people write, and is None when another endpoint has it."""

    settings: LoggingService
    own: Events
    others: Events | None
    groups: LogGroups
    reading: LogReading
    queries: Queries
    steps: QuerySteps
    tails: LiveTails

    def serves(self, given: Given) -> bool:
        """Tell whether a request for log groups is ours to answer: of another endpoint's groups it is not."""
        if self.others is not None:
            return True
        named = _named(given)
        return not named or any(self.is_own(self.groups.name_in(name)) for name in named)

    def is_own(self, group: str) -> bool:
        """Tell whether AWS IoT writes to a group, by its resolved name."""
        return group == groups.REAL or group in _names(self.own)

    def is_there(self, group: str) -> bool:
        """Tell whether a group can be seen, by its resolved name."""
        return group in _names(self.own) or self.is_of_others(group)

    def is_of_others(self, group: str) -> bool:
        """Tell whether other people have made a group of this resolved name."""
        return self.others is not None and group in _names(self.others)

    def close(self) -> None:
        """End what goes on without an end of its own."""
        self.tails.close()
        self.steps.close()


def cloud_logs(  # noqa: PLR0913 - what there is, what it is called, and two sources of the outer world
    settings: LoggingService,
    own: Events,
    others: Events | None,
    *,
    retentions: MutableMapping[str, int],
    arn: str,
    listed: str,
    new_id: Callable[[], str],
    monotonic: Callable[[], float],
    pace: float = PACE,
    lasts: float = SESSION_SECONDS,
) -> CloudLogs:
    """Return the logs over both stores of CloudLogs. `arn`, `listed` and `retentions` are those of LogGroups."""
    events = own if others is None else JoinedEvents(own, others)
    log_groups = LogGroups(events, retentions, arn, listed)
    queries = Queries(events, log_groups, new_id, monotonic)
    return CloudLogs(
        settings,
        own,
        others,
        log_groups,
        LogReading(events, log_groups, monotonic),
        queries,
        QuerySteps(queries),
        LiveTails(events, log_groups, new_id, monotonic, pace=pace, lasts=lasts),
    )


def _names(events: Events) -> set[str]:
    return {group.name for group in events.groups()}


def _named(given: Given) -> list[str]:
    """Return the groups a request names, by name or ARN."""
    single = (given.get(member) for member in ("logGroupName", "logGroupIdentifier"))
    lists: list[str] = [*given.get("logGroupNames", ()), *given.get("logGroupIdentifiers", ())]
    return [*(name for name in single if name), *lists]
