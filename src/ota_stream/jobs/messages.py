"""What devices ask of the jobs service, apart from how it is written on the wire (spec section 3.2)."""

from typing import Any

from msgspec import Struct


class Request(Struct, frozen=True, gc=False, rename="camel"):
    """What every request may carry is read apart, because a rejection echoes it (JR-1); unknown keys are ignored."""


class GetPending(Request, frozen=True, gc=False):
    """GetPendingJobExecutions: nothing but the client token."""


class StartNext(Request, frozen=True):
    """StartNextPendingJobExecution (JR-2, JR-3)."""

    status_details: dict[str, Any] | None = None
    step_timeout_in_minutes: int | None = None


class Describe(Request, frozen=True, gc=False):
    """DescribeJobExecution (JR-4, JR-5). An explicit null is a field left out."""

    execution_number: int | None = None
    include_job_document: bool | None = None


class Update(Request, frozen=True):
    """UpdateJobExecution (JR-6..JR-10). `expected_version` may be a number or its decimal text (JR-8)."""

    status: str | None = None
    status_details: dict[str, Any] | None = None
    expected_version: int | str | None = None
    execution_number: int | None = None
    include_job_execution_state: bool | None = None
    include_job_document: bool | None = None
    step_timeout_in_minutes: int | None = None
