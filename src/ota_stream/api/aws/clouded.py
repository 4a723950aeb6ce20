"""The cloud as the AWS API has it: what an operator has, and what only this API needs."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

from msgspec import Struct

from ota_stream.api.aws.cloud_logs import CloudLogs
from ota_stream.api.aws.moto.state import ACCOUNT
from ota_stream.api.operated import Operated
from ota_stream.jobs.jobs import EventType
from ota_stream.stores.kept_streams import KeptStreams


class Tags(Struct, frozen=True):
    """The tags of one resource."""

    tags: dict[str, str]


@dataclass(frozen=True)
class AwsOperated(Operated):
    """Adds the streams of CreateStream, tags by ARN, event types, our own addresses, and the logs.

    `address` gives what DescribeEndpoint answers for a type of endpoint, as `host:port`. `account` and `region` are
    where moto keeps what is registered: the region is that of the request. `end_connection` takes a client id, whether
    its session ends too, and whether its will stays unsent; it tells whether the client was connected.
    """

    kept: KeptStreams
    tags: MutableMapping[str, Tags]
    event_types: Mapping[str, EventType]
    address: Callable[[str], str]
    end_connection: Callable[[str, bool, bool], bool]
    logs: CloudLogs
    account: str = ACCOUNT
    region: str = "us-east-1"
