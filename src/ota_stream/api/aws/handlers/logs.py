"""The reading half of CloudWatch Logs, for every log group of the account.

Who answers: AWS IoT's groups are ours. Those of others are kept by moto and read by us; where `--aws-backend` names
another endpoint, they are kept and read there. A row answers None for "not mine".
"""

from collections.abc import AsyncGenerator, Callable
from typing import Final

from ota_stream.api.aws.cloud_logs import CloudLogs
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown
from ota_stream.logs.reading_errors import invalid

Row = Callable[[AwsOperated, Given], Shown | None]


def _of_groups(answer: Callable[[CloudLogs, Given, float], Shown]) -> Row:
    def row(cloud: AwsOperated, given: Given) -> Shown | None:
        return answer(cloud.logs, given, cloud.clock.wall()) if cloud.logs.serves(given) else None

    return row


def _of_query(answer: Callable[[CloudLogs, Given], Shown]) -> Row:
    def row(cloud: AwsOperated, given: Given) -> Shown | None:
        ours = cloud.logs.others is not None or cloud.logs.queries.knows(given["queryId"])
        return answer(cloud.logs, given) if ours else None

    return row


def describe_groups(cloud: AwsOperated, given: Given) -> Shown | None:
    """DescribeLogGroups: with another endpoint behind, ours are added to its answer (`log_guards.add_ours`)."""
    return None if cloud.logs.others is None else cloud.logs.groups.describe(given)


def start_query(logs: CloudLogs, given: Given, now: float) -> Shown:
    """StartQuery: it runs on the event loop, beside everything else."""
    shown = logs.queries.start(given, now)
    logs.steps.wake()
    return shown


def put_retention(cloud: AwsOperated, given: Given) -> Shown | None:
    """PutRetentionPolicy."""
    if not cloud.logs.serves(given):
        return None
    cloud.logs.groups.put_retention(given)
    cloud.commit()
    return {}


def delete_retention(cloud: AwsOperated, given: Given) -> Shown | None:
    """DeleteRetentionPolicy."""
    if not cloud.logs.serves(given):
        return None
    cloud.logs.groups.delete_retention(given)
    cloud.commit()
    return {}


def start_live_tail(cloud: AwsOperated, given: Given) -> AsyncGenerator[Shown]:
    """StartLiveTail: an answer without an end is not passed on to another endpoint."""
    if not cloud.logs.serves(given):
        raise invalid("These log groups are kept by the AWS backend: ask it for a live tail of them.")
    return cloud.logs.tails.open(given)


READS: Final[dict[str, Row]] = {
    "DescribeLogGroups": describe_groups,
    "DescribeLogStreams": _of_groups(lambda logs, given, _: logs.groups.describe_streams(given)),
    "GetLogEvents": _of_groups(lambda logs, given, now: logs.reading.get(given, now)),
    "FilterLogEvents": _of_groups(lambda logs, given, now: logs.reading.filter(given, now)),
    "StartQuery": _of_groups(start_query),
    "DescribeQueries": _of_groups(lambda logs, given, _: logs.queries.describe(given)),
    "GetQueryResults": _of_query(lambda logs, given: logs.queries.results(given)),
    "StopQuery": _of_query(lambda logs, given: logs.queries.stop(given)),
    "PutRetentionPolicy": put_retention,
    "DeleteRetentionPolicy": delete_retention,
}
STREAMS: Final = {"StartLiveTail": start_live_tail}
