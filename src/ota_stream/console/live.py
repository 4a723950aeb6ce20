"""What moves on a page: drawn once for all who look at it, at most twice a second, and only when it has changed."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

from ota_stream.errors import ControlError

PUSH_EVERY: Final = 0.5  # seconds
LOOKERS_MAX: Final = 50  # open pages
SHARE_MAX: Final = 0.005  # of a core for all pictures, the same for each: what is slow to draw is drawn less often
PUSH_SLOWEST: Final = 10.0  # seconds, however slow

log: Final = logging.getLogger(__name__)

Draw = Callable[[], bytes]


class _Scene:
    """A part of a page, and the mailbox of each who looks: one place, in which the newest picture is."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.newest: bytes | None = None
        self.lookers: set[asyncio.Queue[bytes | None]] = set()
        self.drawing: asyncio.Task[None] | None = None

    def show(self, picture: bytes | None) -> None:
        for mailbox in self.lookers:
            if mailbox.full():
                mailbox.get_nowait()  # who reads slowly sees fewer pictures
            mailbox.put_nowait(picture)


class Live:
    """Streams pictures. While nobody looks it does nothing at all."""

    def __init__(self) -> None:
        self._scenes: dict[str, _Scene] = {}

    @property
    def lookers(self) -> int:
        """How many pages are open."""
        return sum(len(scene.lookers) for scene in self._scenes.values())

    def make_room(self) -> None:
        """Raise ControlError (LimitExceededException) when too many look."""
        if self.lookers >= LOOKERS_MAX:
            raise ControlError("LimitExceededException", 429, f"more than {LOOKERS_MAX} pages are open: close some")

    async def pictures(self, name: str, draw: Draw) -> AsyncGenerator[bytes]:
        """Give what `draw` draws, whenever it is another picture; the same `name` is the same picture."""
        scene = self._scenes.get(name)
        if scene is None:
            scene = self._scenes[name] = _Scene(draw)
            scene.drawing = asyncio.create_task(self._go_on(scene))
        mailbox: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        scene.lookers.add(mailbox)
        if scene.newest is not None:
            mailbox.put_nowait(scene.newest)
        try:
            while (picture := await mailbox.get()) is not None:
                yield picture
        finally:
            scene.lookers.discard(mailbox)
            if not scene.lookers:
                self._end(name, scene)

    async def _go_on(self, scene: _Scene) -> None:
        while True:
            began = time.thread_time()
            try:
                picture = scene.draw()
            except ControlError:  # what it showed is gone; the page says so when it is loaded again
                scene.show(None)
                return
            except Exception:
                log.exception("internal error of the console")
                scene.show(None)
                return
            if picture != scene.newest:
                scene.newest = picture
                scene.show(picture)
            its_share = SHARE_MAX / max(1, len(self._scenes))
            await asyncio.sleep(min(max(PUSH_EVERY, (time.thread_time() - began) / its_share), PUSH_SLOWEST))

    def _end(self, name: str, scene: _Scene) -> None:
        if self._scenes.get(name) is scene:
            del self._scenes[name]
        if scene.drawing is not None:
            scene.drawing.cancel()

    def close(self) -> None:
        """End all streams: a server waits for its answers before it stops."""
        for scene in self._scenes.values():
            scene.show(None)
