"""Records in CloudWatch Logs, through boto3: each batch one PutLogEvents, or several where AWS's limits ask for it."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.records import KeptRecord

EVENTS_MAX: Final = 10_000  # events of one PutLogEvents (API model)
BYTES_MAX: Final = 1_048_576  # ... and bytes, 26 more for each event (API reference)
_EVENT_BYTES: Final = 26
_MISSING: Final = "ResourceNotFoundException"
_THERE: Final = "ResourceAlreadyExistsException"


class RecordEvents:
    """A log stream of its own in the log group `group`, made when they are not there.

    Keys, region and endpoint are those of the environment (AWS_ENDPOINT_URL for a simulator). A request that comes
    twice, because its worker was ended between writing and answering, may have two events.
    """

    def __init__(self, group: str, stream: str) -> None:
        self._group = group
        self._stream = stream
        self._client: Any = None
        self._one_at_a_time = asyncio.Lock()

    async def put(self, records: Sequence[KeptRecord]) -> None:
        """Write a batch. Raises StoreError."""
        ordered = sorted(records, key=lambda one: one.at)  # as the API asks for it
        async with self._one_at_a_time:
            for batch in batches(ordered):
                await asyncio.to_thread(self._put, batch)

    async def close(self) -> None:
        """Nothing waits here."""

    def _put(self, batch: Sequence[KeptRecord]) -> None:
        from botocore.exceptions import (  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - a quarter second
            BotoCoreError,
            ClientError,
        )

        events = [{"timestamp": round(one.at * 1000), "message": one.entry.decode()} for one in batch]
        where = {"logGroupName": self._group, "logStreamName": self._stream}
        try:
            try:
                answer = self._connected().put_log_events(**where, logEvents=events)
            except ClientError as error:
                if error.response["Error"]["Code"] != _MISSING:
                    raise
                self._make()
                answer = self._connected().put_log_events(**where, logEvents=events)
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"CloudWatch Logs takes no records: {error}") from error
        refused = answer.get("rejectedLogEventsInfo")
        if refused:
            raise StoreError(f"CloudWatch Logs has refused records: {refused}; is this machine's clock right?")

    def _connected(self) -> Any:  # noqa: ANN401 - the SDK makes its clients at run time
        if self._client is None:
            import boto3  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415

            connect: Any = boto3.client  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            self._client = connect("logs")
        return self._client

    def _make(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        client = self._connected()
        for make, where in (
            (client.create_log_group, {"logGroupName": self._group}),
            (client.create_log_stream, {"logGroupName": self._group, "logStreamName": self._stream}),
        ):
            try:
                make(**where)
            except ClientError as error:
                if error.response["Error"]["Code"] != _THERE:
                    raise


def batches(records: Sequence[KeptRecord]) -> Iterator[list[KeptRecord]]:
    """Cut records into batches that PutLogEvents takes."""
    batch: list[KeptRecord] = []
    size = 0
    for record in records:
        more = len(record.entry) + _EVENT_BYTES
        if batch and (len(batch) == EVENTS_MAX or size + more > BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += more
    if batch:
        yield batch
