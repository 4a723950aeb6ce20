"""The log writer's process: started with the simulator, started again when it dies, ended with it.

While it is down nothing is lost: records stay in the journal, and readers find them there.
"""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import json

from ota_broker.front.notices import Notices
from ota_stream.stores.log_writer import SIZE_MAX, WriterSettings

_PAUSES: Final = (0.1, 1.0, 5.0, 30.0)  # seconds before it is started again; the last one over and over
_WELL: Final = 60.0  # seconds after which a process that dies counts as the first
_STOP_WITHIN: Final = 5.0  # seconds for the last records, and for the end after that
_MINUTE: Final = 60.0  # seconds: moved time is told in whole minutes, not at every tick
_MODULE: Final = "ota_stream.stores.log_writer"


class LogWriterProcess:
    """Runs the writer of a data directory, `after` so many seconds. All of it belongs on one event loop."""

    def __init__(self, data_dir: Path, notices: Notices, *, size_max: int = SIZE_MAX, after: float = 0.0) -> None:
        self._data_dir = data_dir
        self._notices = notices
        self._after = after
        self._settings = WriterSettings(size_max=size_max)
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, without waiting."""
        self._running = asyncio.create_task(self._run())

    def retain(self, days_by_group: Mapping[str, int], ahead: float = 0.0) -> None:
        """Keep records of these groups (resolved names) for so many days, those of others for good.

        `ahead`: seconds that the time of the records is later than the machine's.
        """
        wanted = WriterSettings(dict(days_by_group), self._settings.size_max, round(ahead / _MINUTE) * _MINUTE)
        if wanted != self._settings:
            self._settings = wanted
            self._send()

    async def stop(self) -> None:
        """Let it write the last records, and wait for its end, some seconds at most: the journal has the rest."""
        self._stopping.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._running is None:
            return
        for end in (self._terminate, self._kill):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._running), _STOP_WITHIN)
                return
            end()
        await self._running

    async def _run(self) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        if self._after:
            await self._pause(self._after)
        while not self._stopping.is_set():
            started = loop.time()
            await self._live()
            if self._stopping.is_set():
                return
            failures = 1 if loop.time() - started > _WELL else failures + 1
            pause = _PAUSES[min(failures, len(_PAUSES)) - 1]
            self._notices.say("log writer", f"it has ended; records wait in the journal; next try in {pause:g} s")
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until it is to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _live(self) -> None:
        """Start one process and pass on what it says until it ends."""
        command = (sys.executable, "-m", _MODULE, str(self._data_dir))
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stderr=PIPE)
        except OSError as error:
            self._notices.say("log writer", f"it cannot be started: {error.strerror}")
            return
        self._process = process
        self._send()
        if self._stopping.is_set() and process.stdin is not None:
            process.stdin.close()
        assert process.stderr is not None  # noqa: S101 - PIPE
        try:
            async for line in process.stderr:
                self._notices.say("log store", line.decode(errors="replace").strip())
        finally:
            await process.wait()
            self._process = None

    def _send(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):  # it is dying; the next one gets the settings at its start
                self._process.stdin.write(json.encode(self._settings) + b"\n")

    def _terminate(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
