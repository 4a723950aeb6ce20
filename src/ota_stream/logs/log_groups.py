"""Which log groups there are and what they are called: listings, either spelling, retention."""

from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, Final

from ota_stream.logs import groups
from ota_stream.logs import reading_errors as errors
from ota_stream.logs.events import Events, LogGroup, LogStream

PAGE_MAX: Final = 50
RETENTIONS: Final = frozenset({
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
})  # fmt: skip

_DAY: Final = 86_400_000  # milliseconds

Shown = dict[str, Any]
"""An answer by the names of the API's model."""


class LogGroups:
    """The log groups of a store, under the names they are shown by.

    `listed` is the spelling that is shown of the one group that has two. `arn` is what stands before a group's name:
    `arn:aws:logs:<region>:<account>:log-group:`. `retentions` holds days by the group's resolved name.
    """

    def __init__(
        self, events: Events, retentions: MutableMapping[str, int], arn: str, listed: str = groups.REAL
    ) -> None:
        self._events = events
        self.retentions = retentions
        self._arn = arn
        self._listed = listed

    def find(self, given: Mapping[str, Any]) -> str:
        """Return the resolved name of the group a request names by `logGroupName` or `logGroupIdentifier`.

        Raises:
            ControlError: InvalidParameterException, none or both; ResourceNotFoundException.
        """
        name, identifier = given.get("logGroupName"), given.get("logGroupIdentifier")
        if (name is None) == (identifier is None):
            raise errors.invalid("Specify either logGroupName or logGroupIdentifier, and not both.")
        return self.named(str(name if identifier is None else identifier))

    def named(self, name: str) -> str:
        """Return the resolved name of a group, given as its name or ARN.

        Raises:
            ControlError: ResourceNotFoundException, nothing was written to it (LG-4).
        """
        wanted = self.name_in(name)
        if wanted not in {group.name for group in self._events.groups()}:
            raise errors.no_group()
        return wanted

    def name_in(self, name: str) -> str:
        """Return the resolved name in a name or an ARN, whether there is such a group or not."""
        return groups.resolve(name.removeprefix(self._arn).removesuffix(":*"))  # LG-2

    def oldest(self, group: str, now: float) -> int:
        """Return the time of the oldest event that is still kept, in milliseconds; `now` is epoch seconds."""
        days = self.retentions.get(group)
        return 0 if days is None else int(now * 1000) - days * _DAY

    def describe(self, given: Mapping[str, Any]) -> Shown:
        """DescribeLogGroups (LQ-1). Raises ControlError."""
        prefix, part = given.get("logGroupNamePrefix") or "", given.get("logGroupNamePattern") or ""
        if prefix and part:
            raise errors.invalid("Specify either logGroupNamePrefix or logGroupNamePattern, and not both.")
        named = {self.name_in(each) for each in given.get("logGroupIdentifiers") or ()}
        if given.get("logGroupClass", "STANDARD") != "STANDARD":
            return {"logGroups": []}  # ours are all of that class
        found = {self.shown_name(group.name): group for group in self._events.groups()}
        names = sorted(
            name
            for name, group in found.items()
            if (not named or group.name in named)
            and any(spelt.startswith(prefix) and part in spelt for spelt in self._spellings(group))
        )
        page, token = paged(names, given)
        return {"logGroups": [self._shown(name, found[name]) for name in page], **token}

    def describe_streams(self, given: Mapping[str, Any]) -> Shown:
        """DescribeLogStreams (LQ-2). Raises ControlError."""
        group = self.find(given)
        prefix = given.get("logStreamNamePrefix")
        by_time = given.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            raise errors.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = [stream for stream in self._events.streams(group) if stream.name.startswith(prefix or "")]
        streams.sort(
            key=lambda stream: (stream.last if by_time else 0, stream.name), reverse=bool(given.get("descending"))
        )
        found = {stream.name: stream for stream in streams}
        page, token = paged(list(found), given)
        return {"logStreams": [self._shown_stream(group, found[name]) for name in page], **token}

    def put_retention(self, given: Mapping[str, Any]) -> None:
        """PutRetentionPolicy (LQ-5). Raises ControlError."""
        group, days = self.named(given["logGroupName"]), given["retentionInDays"]
        if days not in RETENTIONS:
            raise errors.invalid(f"retentionInDays must be one of {', '.join(map(str, sorted(RETENTIONS)))}.")
        self.retentions[group] = days

    def delete_retention(self, given: Mapping[str, Any]) -> None:
        """DeleteRetentionPolicy: events are kept for good. Raises ControlError."""
        self.retentions.pop(self.named(given["logGroupName"]), None)

    def forget(self, name: str) -> None:
        """Let go of what was kept about a group that is deleted."""
        self.retentions.pop(groups.resolve(name), None)

    def arn(self, group: str) -> str:
        """Return the ARN of a group, without the `:*` that stands for its log streams."""
        return f"{self._arn}{self.shown_name(group)}"

    def shown_name(self, group: str) -> str:
        """Return the spelling a group is listed by."""
        return self._listed if groups.resolve(self._listed) == group else group

    def _spellings(self, group: LogGroup) -> Collection[str]:
        return (groups.REAL, groups.SEED) if group.name == groups.REAL else (group.name,)

    def _shown(self, name: str, group: LogGroup) -> Shown:
        days = self.retentions.get(group.name)
        return {
            "logGroupName": name,
            "creationTime": group.created,
            **({} if days is None else {"retentionInDays": days}),
            "metricFilterCount": 0,
            "arn": f"{self._arn}{name}:*",
            "logGroupArn": f"{self._arn}{name}",
            "logGroupClass": "STANDARD",
            "storedBytes": group.size,
        }

    def _shown_stream(self, group: str, stream: LogStream) -> Shown:
        times = {
            "firstEventTimestamp": stream.first,
            "lastEventTimestamp": stream.last,
            "lastIngestionTime": stream.last_ingestion,
            "uploadSequenceToken": str(stream.size),
        }
        return {
            "logStreamName": stream.name,
            "creationTime": stream.created,
            **(times if stream.end else {}),
            "arn": f"{self._arn}{self.shown_name(group)}:log-stream:{stream.name}",
            "storedBytes": stream.size,
        }


def paged(names: list[str], given: Mapping[str, Any], page_max: int = PAGE_MAX) -> tuple[list[str], Shown]:
    """Return the page of a list that a request asks for, and the member `nextToken` when there is more.

    Raises:
        ControlError: InvalidParameterException.
    """
    limit, token = given.get("limit"), given.get("nextToken")
    limit = page_max if limit is None else limit
    if not 1 <= limit <= page_max:
        raise errors.invalid(f"limit must be 1 to {page_max}.")
    if token is not None and token not in names:
        raise errors.bad_token()
    start = 0 if token is None else names.index(token) + 1
    page = names[start : start + limit]
    return page, {"nextToken": page[-1]} if start + limit < len(names) else {}
