"""An event loop in a thread of its own, for tests that are no coroutines: it is asked, and waited for."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

PATIENCE: Final = 60.0  # seconds: whoever waits longer waits for something that does not come

T = TypeVar("T")


class LoopThread:
    """Runs from its making until `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._begun = list[Future[None]]()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ota-stream", daemon=True)
        self._thread.start()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, and return or raise what it does; TimeoutError after `PATIENCE`."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def ask(self, question: Callable[[], T]) -> T:
        """Call a function on the loop, between two of its turns."""

        async def asked() -> T:
            return question()

        return self.wait(asked())

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine without waiting for it; `stop` does."""
        self._begun.append(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def stop(self) -> None:
        """Wait for everything that was begun, and end the thread. Raises what it raised."""
        for begun in self._begun:
            begun.result(PATIENCE)
        self.wait(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


async def _end_tasks() -> None:
    """End what is still under way, as `asyncio.run` does: a connection that comes in is closed by its task."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
