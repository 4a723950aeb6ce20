"""Carries out what a fault has the cloud do of its own accord, right after the answer that brought it about."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ota_broker.front.codec.packets import Cause
from ota_broker.front.connections import Connections
from ota_broker.front.notices import Notices
from ota_stream.answers import Effect
from ota_stream.api.operated import Operated
from ota_stream.errors import OtaStreamError
from ota_stream.faults.happening import Act, Deed
from ota_stream.jobs.executions import JobExecution

_WHY: Final = "a fault that was asked for"


class Deeds:
    """What can be done. What cannot, because there is no job any more, say, is told in the broker's log."""

    def __init__(self, cloud: Operated, connections: Connections, notices: Notices) -> None:
        self._cloud = cloud
        self._connections = connections
        self._notices = notices

    def begin(self, act: Act) -> None:
        """Do it when the answer has been handed over."""
        asyncio.get_running_loop().call_soon(self._do, act)

    def _do(self, act: Act) -> None:
        try:
            done = _DEEDS[act.deed](self, act)
        except OtaStreamError as error:
            self._notices.say("fault", f"{act.deed} for {act.client_id}: {error}")
            return
        if not done:
            self._notices.say("fault", f"{act.deed} for {act.client_id}: there is nothing it could be done to")

    # The broker's

    def disconnect(self, act: Act) -> bool:
        """Hang up."""
        return self._connections.hang_up(act.client_id, Cause.SERVER_INITIATED, _WHY)

    def take_over(self, act: Act) -> bool:
        """Hang up as for a second client."""
        return self._connections.hang_up(act.client_id, Cause.DUPLICATE_CLIENT_ID, _WHY)

    def half_open(self, act: Act) -> bool:
        """Leave the connection as it is, and dead."""
        return self._connections.fall_silent(act.client_id)

    # The cloud's

    def cancel_job(self, act: Act) -> bool:
        """Cancel the execution, with force."""
        jobs, now = self._cloud.jobs, self._cloud.clock.wall()
        return self._to_job(act, lambda one: jobs.cancel_job_execution(one.thing, one.job_id, now, force=True))

    def time_out_job(self, act: Act) -> bool:
        """Let the execution time out."""
        jobs, now = self._cloud.jobs, self._cloud.clock.wall()
        return self._to_job(act, lambda one: jobs.time_out_job_execution(one.thing, one.job_id, now))

    def delete_job(self, act: Act) -> bool:
        """Delete the job, with force."""
        jobs, now = self._cloud.jobs, self._cloud.clock.wall()
        return self._to_job(act, lambda one: jobs.delete_job(one.job_id, now, force=True))

    def notify_next(self, act: Act) -> bool:
        """Tell the thing of the front of its queue once more."""
        self._settle(self._cloud.jobs.tell_next(act.thing, self._cloud.clock.wall()))
        return True

    def delete_stream(self, act: Act) -> bool:
        """Delete the stream."""
        if act.stream is None:
            return False
        self._cloud.catalog.delete(act.stream)
        self._settle(Effect())
        return True

    def _to_job(self, act: Act, change: Callable[[JobExecution], Effect]) -> bool:
        execution = self._cloud.jobs.next_execution(act.thing)
        if execution is None:
            return False
        self._settle(change(execution))
        return True

    def _settle(self, effect: Effect) -> None:
        self._cloud.hand_over(effect)
        self._cloud.commit()


_DEEDS: Final[Mapping[Deed, Callable[[Deeds, Act], bool]]] = MappingProxyType(
    {
        Deed.DISCONNECT: Deeds.disconnect,
        Deed.TAKE_OVER: Deeds.take_over,
        Deed.HALF_OPEN: Deeds.half_open,
        Deed.CANCEL_JOB: Deeds.cancel_job,
        Deed.TIME_OUT_JOB: Deeds.time_out_job,
        Deed.DELETE_JOB: Deeds.delete_job,
        Deed.NOTIFY_NEXT: Deeds.notify_next,
        Deed.DELETE_STREAM: Deeds.delete_stream,
    }
)
