"""When an execution times out: the in-progress timer and the step timer (JTM-1..JTM-4)."""

from typing import Final

from msgspec.structs import replace

from ota_stream.jobs import quotas
from ota_stream.jobs.executions import JobExecution, Status

MINUTE: Final = 60.0  # seconds


def started(execution: JobExecution, in_progress_minutes: int | None, now: float) -> JobExecution:
    """Start the in-progress timer of an execution that has just become IN_PROGRESS; later it cannot change (JTM-1)."""
    if in_progress_minutes is None or execution.status is not Status.IN_PROGRESS:
        return execution
    return replace(execution, deadline=now + in_progress_minutes * MINUTE)


def stepped(execution: JobExecution, step_minutes: int | None, now: float) -> JobExecution:
    """Set the step timer anew, or discard it (-1). It replaces the one before; None leaves it alone (JTM-2)."""
    if step_minutes is None or execution.status is not Status.IN_PROGRESS:
        return execution
    if step_minutes == quotas.STEP_TIMEOUT_NONE:
        return replace(execution, step_deadline=None)
    return replace(execution, step_deadline=now + step_minutes * MINUTE)


def times_out_at(execution: JobExecution) -> float | None:
    """Return when the execution times out, epoch seconds: the earlier of its two timers wins (JTM-2)."""
    deadlines = [at for at in (execution.deadline, execution.step_deadline) if at is not None]
    return min(deadlines, default=None)


def seconds_left(execution: JobExecution, now: float) -> int | None:
    """Return approximateSecondsBeforeTimedOut, or None when no timer runs."""
    at = times_out_at(execution)
    return None if at is None else max(0, int(at - now))
