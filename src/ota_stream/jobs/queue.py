"""The order in which a thing's pending executions wait (JX-8)."""

from collections.abc import Iterable

from ota_stream.jobs.executions import JobExecution, Status

Queue = tuple[JobExecution, ...]
"""Pending executions of one thing, the front first."""


def ordered(executions: Iterable[JobExecution]) -> Queue:
    """Return the pending ones: IN_PROGRESS before QUEUED, each in the order they were queued (JX-8)."""
    return tuple(sorted((one for one in executions if one.pending), key=_place))


def front(queue: Queue) -> JobExecution | None:
    """Return the execution `$next` stands for."""
    return queue[0] if queue else None


def _place(execution: JobExecution) -> tuple[bool, float, int]:
    return execution.status is Status.QUEUED, execution.queued_at, execution.order
