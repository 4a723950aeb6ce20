"""When too many executions failed, so that the job has to be cancelled (JTM-7)."""

from collections.abc import Mapping

from ota_stream.jobs.configs import AbortConfig, AbortCriterion
from ota_stream.jobs.executions import Status

_FAILURES = (Status.FAILED, Status.REJECTED, Status.TIMED_OUT)


def met(config: AbortConfig | None, counts: Mapping[Status, int]) -> bool:
    """Tell whether one criterion is met. `counts` are a job's things by the status of their latest execution."""
    return config is not None and any(_met(criterion, counts) for criterion in config.criteria_list)


def _met(criterion: AbortCriterion, counts: Mapping[Status, int]) -> bool:
    executed = sum(counts.values())  # the API counts the things that received an execution
    if executed < criterion.min_number_of_executed_things:
        return False
    failed = sum(counts.get(status, 0) for status in _FAILURES if criterion.failure_type in {status, "ALL"})
    return failed > 0 and failed * 100 >= criterion.threshold_percentage * executed
