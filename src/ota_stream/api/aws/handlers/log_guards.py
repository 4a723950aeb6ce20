"""What is done around the operations of CloudWatch Logs that moto or another endpoint answers.

AWS IoT's log groups are written by AWS IoT alone; the limits of PutLogEvents that moto does not keep are kept here.
"""

from itertools import pairwise
from typing import Any, Final

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown
from ota_stream.errors import ControlError
from ota_stream.logs import groups
from ota_stream.logs.events import counted
from ota_stream.logs.reading_errors import invalid

BATCH_MAX: Final = 1_048_576  # bytes in one PutLogEvents, with 26 for each event
_HOUR: Final = 3_600_000  # milliseconds
SPAN_MAX: Final = 24 * _HOUR  # between the first and the last event of a batch
PAST_MAX: Final = 14 * 24 * _HOUR  # an older event is rejected
FUTURE_MAX: Final = 2 * _HOUR  # a newer one too


def put_events(cloud: AwsOperated, given: Given) -> None:
    """Look at a PutLogEvents. Raises ControlError (InvalidParameterException)."""
    _only_others(cloud, given["logGroupName"])
    events: list[dict[str, Any]] = given["logEvents"]
    size = sum(counted(event["message"]) for event in events)
    if size > BATCH_MAX:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH_MAX}")
    times: list[int] = [event["timestamp"] for event in events]
    if any(later < earlier for earlier, later in pairwise(times)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times[-1] - times[0] > SPAN_MAX:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")


def told_rejected(cloud: AwsOperated, given: Given, shown: Shown) -> Shown:
    """Say which events of a PutLogEvents were rejected: moto does reject them, and counts them in its own way."""
    if cloud.logs.others is None:
        return shown
    now = int(cloud.clock.wall() * 1000)
    kept = cloud.logs.groups.oldest(groups.resolve(given["logGroupName"]), cloud.clock.wall())
    times = [event["timestamp"] for event in given["logEvents"]]
    too_old = sum(time < now - PAST_MAX for time in times)
    too_new = sum(time > now + FUTURE_MAX for time in times)
    expired = sum(time < kept for time in times)
    told = {
        **({"tooOldLogEventEndIndex": too_old} if too_old else {}),
        **({"tooNewLogEventStartIndex": len(times) - too_new} if too_new else {}),
        **({"expiredLogEventEndIndex": expired} if expired else {}),
    }
    shown.pop("rejectedLogEventsInfo", None)
    return {**shown, "rejectedLogEventsInfo": told} if told else shown


def create_group(cloud: AwsOperated, given: Given) -> None:
    """Look at a CreateLogGroup. Raises ControlError (ResourceAlreadyExistsException), in either spelling (LG-2)."""
    if cloud.logs.is_there(groups.resolve(given["logGroupName"])):
        raise ControlError("ResourceAlreadyExistsException", 400, "The specified log group already exists")


def create_stream(cloud: AwsOperated, given: Given) -> None:
    """Look at a CreateLogStream. Raises ControlError (InvalidParameterException)."""
    _only_others(cloud, given["logGroupName"])


def delete_group(cloud: AwsOperated, given: Given) -> None:
    """Look at a DeleteLogGroup. Raises ControlError (InvalidParameterException)."""
    name = given["logGroupName"]
    if groups.resolve(name) in {group.name for group in cloud.logs.own.groups()}:
        raise invalid(f"ota-stream keeps the records in log group {name}: let them go with PutRetentionPolicy.")


def group_deleted(cloud: AwsOperated, given: Given) -> Effect:
    """Forget the retention of a group that is gone."""
    cloud.logs.groups.forget(given["logGroupName"])
    return Effect()


def delete_stream(cloud: AwsOperated, given: Given) -> None:
    """Look at a DeleteLogStream. Raises ControlError (InvalidParameterException)."""
    name, stream = given["logGroupName"], given["logStreamName"]
    if stream in {each.name for each in cloud.logs.own.streams(groups.resolve(name))}:
        raise invalid(f"ota-stream keeps the records in log group {name}: let them go with PutRetentionPolicy.")


def add_ours(cloud: AwsOperated, given: Given, shown: Shown) -> Shown:
    """Put our groups before the first page of those that another endpoint has."""
    if given.get("nextToken") is not None:
        return shown
    return {**shown, "logGroups": [*cloud.logs.groups.describe(given)["logGroups"], *shown.get("logGroups", ())]}


def _only_others(cloud: AwsOperated, name: str) -> None:
    group = groups.resolve(name)
    if group == groups.REAL or (cloud.logs.is_own(group) and not cloud.logs.is_of_others(group)):
        raise invalid(f"Only AWS IoT writes to log group {name}: put log events into a group of your own.")
