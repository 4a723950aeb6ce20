"""The sessions of StartLiveTail: a portion a second each, for as long as the client listens and three hours at most."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Final

from ota_stream.api.aws.given import Given, Shown
from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.logs.events import Events
from ota_stream.logs.live_tail import LiveTail
from ota_stream.logs.log_groups import LogGroups

SESSIONS_MAX: Final = 15  # at once
SESSION_SECONDS: Final = 3 * 60 * 60.0
PACE: Final = 1.0  # seconds between two portions


class LiveTails:
    """Opens sessions and ends them. All of it belongs on one event loop; a session is a timer, not a thread."""

    def __init__(  # noqa: PLR0913 - what is read, two sources of the outer world, and two times
        self,
        events: Events,
        log_groups: LogGroups,
        new_id: Callable[[], str],
        monotonic: Callable[[], float],
        *,
        pace: float = PACE,
        lasts: float = SESSION_SECONDS,
    ) -> None:
        self._events = events
        self._log_groups = log_groups
        self._new_id = new_id
        self._monotonic = monotonic
        self._pace = pace
        self._lasts = lasts
        self._ended = asyncio.Event()
        self.open_count = 0

    def open(self, given: Given) -> AsyncGenerator[Shown]:
        """Return the events of a new session; it ends when the iterator is closed.

        Raises:
            ControlError: LimitExceededException, InvalidParameterException, ResourceNotFoundException.
        """
        if self.open_count >= SESSIONS_MAX:
            raise ControlError(
                "LimitExceededException", 400, f"No more than {SESSIONS_MAX} live tail sessions can be open at once."
            )
        return self._portions(LiveTail(self._events, self._log_groups, given, self._monotonic))

    def close(self) -> None:
        """End all sessions: a server that stops would wait for them."""
        self._ended.set()

    async def _portions(self, tail: LiveTail) -> AsyncGenerator[Shown]:
        self.open_count += 1
        try:
            until = self._monotonic() + self._lasts
            yield {"sessionStart": tail.started(self._new_id(), self._new_id())}
            while not await self._ends():
                if self._monotonic() > until:
                    yield {"SessionTimeoutException": {"message": "The session has reached its time limit."}}
                    return
                yield {"sessionUpdate": tail.update()}
        except OtaStreamError as error:
            yield {"SessionStreamingException": {"message": str(error)}}
        finally:
            self.open_count -= 1

    async def _ends(self) -> bool:
        """Wait until the next portion is due; tell whether the sessions are ended instead."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), self._pace)
        return self._ended.is_set()
