"""How many executions a job may make now (JTM-6, JTM-8)."""

from typing import Final

from ota_stream.jobs import quotas
from ota_stream.jobs.configs import ExponentialRate, RolloutConfig

MINUTE: Final = 60.0  # seconds


def rate(config: RolloutConfig | None, default: int | None, notified: int, succeeded: int) -> int | None:
    """Return the rate, things a minute; None is without a limit.

    `default` is the rate of a job without a config (JTM-8). `notified` counts the things that have an execution.
    """
    if config is None:
        return default
    most = config.maximum_per_minute or quotas.RATE_MAX
    if config.exponential_rate is None:
        return most
    return min(most, _grown(config.exponential_rate, notified, succeeded))


def _grown(exponential: ExponentialRate, notified: int, succeeded: int) -> int:
    criteria = exponential.rate_increase_criteria
    if criteria.number_of_notified_things is not None:
        steps = notified // criteria.number_of_notified_things
    else:
        steps = succeeded // (criteria.number_of_succeeded_things or 1)
    grown = float(exponential.base_rate_per_minute)
    for _ in range(steps):  # a loop, because a power of a large number of steps is too large for a float
        if grown >= quotas.RATE_MAX:
            break
        grown *= exponential.increment_factor
    return min(quotas.RATE_MAX, int(grown))


def opened(opened_at: float | None, now: float) -> bool:
    """Tell whether a new minute begins: then the count of what was given starts from nothing."""
    return opened_at is None or now >= opened_at + MINUTE
