"""An OTA update under test: what has become of it."""

from collections.abc import Callable

from ota_stream.jobs.executions import JobExecution
from ota_stream.updates.states import OtaUpdate


class Update:
    """`ota_update_id`, `job_id` and `stream_id` are what AWS calls them; the stream is None with HTTP alone."""

    def __init__(self, made: OtaUpdate, execution: Callable[[str, str], JobExecution]) -> None:
        self.ota_update_id = made.ota_update_id
        self.job_id = made.job_id or ""
        self.stream_id = made.stream_id
        self._execution = execution

    def execution(self, thing: str) -> JobExecution:
        """Return the job execution of a thing. Raises ControlError: there is none."""
        return self._execution(thing, self.job_id)

    def status(self, thing: str) -> str:
        """Return its status: QUEUED, IN_PROGRESS, SUCCEEDED, FAILED, TIMED_OUT, ... Raises ControlError."""
        return self.execution(thing).status.value
