"""A cache with a bound: what is looked up again and again, and could be made again at any time."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Values by key, each with a size; the sizes sum up to `max_size` at most. The oldest go first.

    A key must name all that its value depends on, or whoever finds it must check: then an entry is never wrong, only
    unused.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._size = 0
        self._values: dict[K, V] = {}
        self._sizes: dict[K, int] = {}
        self.find = self._values.get

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value, unless it alone is too large."""
        self._delete(key)
        if size > self._max_size:
            return
        self._size += size
        self._values[key] = value
        self._sizes[key] = size
        while self._size > self._max_size:
            self._delete(next(iter(self._values)))

    def _delete(self, key: K) -> None:
        if self._values.pop(key, None) is not None:
            self._size -= self._sizes.pop(key)
