"""The bytes of objects in memory, each fetched once: what streams and updates slice their blocks from."""

from collections.abc import Callable, Hashable
from typing import Final

CACHE_MAX: Final = 256 * 1024 * 1024  # bytes; the oldest goes first, and one that is larger stays alone


class Contents:
    """Keeps contents by what tells a version of an object from every other."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, bytes] = {}
        self._size = 0

    def get(self, of: Hashable, fetch: Callable[[], bytes]) -> bytes:
        """Return a content, from `fetch` when it is not here. Raises what `fetch` does."""
        content = self._kept.get(of)
        if content is None:
            content = self._kept[of] = fetch()
            self._size += len(content)
            while self._size > CACHE_MAX and len(self._kept) > 1:
                self._size -= len(self._kept.pop(next(iter(self._kept))))
        return content
