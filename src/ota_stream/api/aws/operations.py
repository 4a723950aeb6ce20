"""The operations of the AWS API that ota-stream answers itself, in one table; moto answers the others."""

from collections.abc import AsyncGenerator, Callable, Mapping
from functools import cache
from typing import Any, Final

from msgspec import Struct

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown
from ota_stream.api.aws.handlers import (
    account,
    certificates,
    connections,
    job_data,
    jobs,
    log_guards,
    logging_settings,
    logs,
    policy_guards,
    publish,
    signer,
    streams,
    tags,
    things,
    updates,
)
from ota_stream.errors import ControlError

Answer = Callable[[AwsOperated, Given], Shown | None]
Change = tags.Change
Stream = Callable[[AwsOperated, Given], AsyncGenerator[Shown]]
Guard = Callable[[AwsOperated, Given], None]
Follow = Callable[[AwsOperated, Given], Effect]
Amend = Callable[[AwsOperated, Given, Shown], Shown]


class Operation(Struct, frozen=True):
    """One operation of ours: what only reads, what changes something, or what streams events without an end."""

    read: Answer | None = None
    change: Change | None = None
    stream: Stream | None = None

    def __call__(self, cloud: AwsOperated, given: Given) -> Shown | None:
        """Answer, or return None for what is not ours; what was changed is on the disk then. Raises ControlError."""
        if self.read is not None:
            return self.read(cloud, given)
        if self.change is None:
            raise ControlError("NotImplementedException", 501, "This operation has a row and no answer")
        shown, effect = self.change(cloud, given)
        cloud.hand_over(effect)
        cloud.commit()
        if isinstance(shown, ControlError):  # a refusal that has its record
            raise shown
        return shown


class Passed(Struct, frozen=True):
    """What is done around an operation that is passed on.

    `guard` may refuse it before; after success `follow` has an effect, and `amend` rewrites an answer of JSON.
    """

    guard: Guard | None = None
    follow: Follow | None = None
    amend: Amend | None = None


_READS: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("iot", streams.READS),
    ("iot", jobs.READS),
    ("iot", updates.READS),
    ("iot", account.READS),
    ("iot", logging_settings.READS),
    ("logs", logs.READS),
    ("signer", signer.READS),
)
_CHANGES: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("iot", streams.CHANGES),
    ("iot", jobs.CHANGES),
    ("iot", updates.CHANGES),
    ("iot", account.CHANGES),
    ("iot", certificates.CHANGES),
    ("iot", logging_settings.CHANGES),
    ("iot-data", publish.CHANGES),
    ("iot-data", connections.CHANGES),
    ("iot-jobs-data", job_data.CHANGES),
    ("signer", signer.CHANGES),
)
PASSED: Final[Mapping[tuple[str, str], Passed]] = {
    **{("iot", name): Passed(follow=row) for name, row in things.AFTER.items()},
    **{("iot", name): Passed(guard=row) for name, row in policy_guards.GUARDS.items()},
    ("logs", "DescribeLogGroups"): Passed(amend=log_guards.add_ours),
    ("logs", "PutLogEvents"): Passed(guard=log_guards.put_events, amend=log_guards.told_rejected),
    ("logs", "CreateLogGroup"): Passed(guard=log_guards.create_group),
    ("logs", "CreateLogStream"): Passed(guard=log_guards.create_stream),
    ("logs", "DeleteLogGroup"): Passed(guard=log_guards.delete_group, follow=log_guards.group_deleted),
    ("logs", "DeleteLogStream"): Passed(guard=log_guards.delete_stream),
}


ASIDE: Final[Mapping[tuple[str, str], Callable[[Given], Given]]] = {
    ("iot", name): row for name, row in certificates.ASIDE.items()
}
"""What makes a request ready in a thread, before its operation answers it on the loop."""


REGISTERING: Final = frozenset(("iot", name) for name in certificates.CHANGES)
"""Operations of ours that put something into moto; where another endpoint has the rest of AWS they are passed on."""


@cache
def table() -> Mapping[tuple[str, str], Operation]:
    """Return every operation of ours by service and name."""
    rows = {(service, name): Operation(read=row) for service, part in _READS for name, row in part.items()}
    rows |= {name: Operation(read=row) for name, row in tags.OPERATIONS.items()}
    rows |= {("logs", name): Operation(stream=row) for name, row in logs.STREAMS.items()}
    changes = {(service, name): row for service, part in _CHANGES for name, row in part.items()}
    return rows | {name: Operation(change=tags.tagged(name[1], row)) for name, row in changes.items()}
