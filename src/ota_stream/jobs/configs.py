"""What a job can be told about its pace, its time, its retries and its end, in the words of the AWS API."""

from typing import Literal

from msgspec import Struct

from ota_stream.jobs import quotas

FailureType = Literal["FAILED", "REJECTED", "TIMED_OUT", "ALL"]


class Config(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A part of CreateJob; field names on the wire are AWS's camel case."""


class RateIncreaseCriteria(Config, frozen=True):
    """When the rate rises: after so many things more. Exactly one is given."""

    number_of_notified_things: int | None = None
    number_of_succeeded_things: int | None = None


class ExponentialRate(Config, frozen=True):
    """A rate, things a minute, that is multiplied at every criterion (JTM-6)."""

    base_rate_per_minute: int
    increment_factor: float
    rate_increase_criteria: RateIncreaseCriteria


class RolloutConfig(Config, frozen=True):
    """How fast executions are made (JTM-6): at most so many a minute."""

    maximum_per_minute: int | None = None
    exponential_rate: ExponentialRate | None = None


class AbortCriterion(Config, frozen=True, omit_defaults=False):
    """Cancel the job when a share of its things failed like this (JTM-7)."""

    failure_type: FailureType
    threshold_percentage: float
    min_number_of_executed_things: int
    action: Literal["CANCEL"] = "CANCEL"


class AbortConfig(Config, frozen=True):
    """The criteria of which one is enough."""

    criteria_list: tuple[AbortCriterion, ...]


class TimeoutConfig(Config, frozen=True):
    """The in-progress timer (JTM-1)."""

    in_progress_timeout_in_minutes: int | None = None


class RetryCriterion(Config, frozen=True):
    """How often an execution that ended like this is tried again (JTM-5)."""

    failure_type: Literal["FAILED", "TIMED_OUT", "ALL"]
    number_of_retries: int


class RetryConfig(Config, frozen=True):
    """At most two criteria."""

    criteria_list: tuple[RetryCriterion, ...]


class PresignedUrlConfig(Config, frozen=True, omit_defaults=False):
    """How long a presigned URL in the document is good for."""

    role_arn: str | None = None
    expires_in_sec: int = quotas.PRESIGNED_MAX
