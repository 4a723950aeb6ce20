"""A flash that loses its power at chosen moments, or does not keep what it is given."""

import random
from collections import deque
from collections.abc import Callable, Sequence

from ota_device.errors import FlashError
from ota_device.mishaps import BadFlash
from ota_device.storage import Storage


class PowerCut(Exception):
    """The lights are out: a device boots again, with what is on its flash and nothing else."""


class MemoryStorage:
    """Flash memory in a dict; no power is ever cut."""

    def __init__(self, files: dict[str, bytearray] | None = None) -> None:
        self.files = {} if files is None else files

    def read(self, name: str) -> bytes | None:
        """Return a whole file, or None when there is none."""
        file = self.files.get(name)
        return None if file is None else bytes(file)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; the file grows as needed."""
        overwrite(self.files.setdefault(name, bytearray()), offset, data)

    def sync(self, name: str) -> None:
        """Nothing waits."""

    def replace(self, name: str, data: bytes) -> None:
        """Give a file this content."""
        self.files[name] = bytearray(data)


class WeakStorage:
    """A storage whose power is cut at chosen writes, and with it goes what was not made durable.

    `cuts` are numbers of writes, of syncs and replacements too, from one cut to the next. What the cut write leaves
    behind, and which of the writes before it that were not synced survive, is up to the seed. `bad` is what is wrong
    with its cells.
    """

    def __init__(self, storage: Storage, cuts: Sequence[int] = (), seed: int = 0, bad: BadFlash | None = None) -> None:
        self.writes = 0
        self._storage = storage
        self._cuts = deque(cuts)
        self._bad = bad
        self._pending: list[tuple[str, int, bytes]] = []
        self._dice = random.Random(seed)  # noqa: S311 - not for secrets

    def read(self, name: str) -> bytes | None:
        """Return a whole file as it would be read now, or None when there is none."""
        found = self._storage.read(name)
        if found is None and all(pending != name for pending, _, _ in self._pending):
            return None
        content = bytearray(found or b"")
        for pending, offset, data in self._pending:
            if pending == name:
                overwrite(content, offset, data)
        return bytes(content)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; nothing of it is durable yet. Raises PowerCut, FlashError."""
        cut, data = self._is_cut(), self._worn(data)
        self._pending.append((name, offset, data[: self._dice.randint(0, len(data))] if cut else data))
        self._end(cut)

    def sync(self, name: str) -> None:
        """Make durable what was written to a file. Raises PowerCut."""
        cut = self._is_cut()
        if not cut:
            self._settle(lambda pending: pending == name, lambda: True)
            self._storage.sync(name)
        self._end(cut)

    def replace(self, name: str, data: bytes) -> None:
        """Give a file this content, or leave it as it was. Raises PowerCut, FlashError."""
        cut = self._is_cut()
        if not cut or self._dice.random() < 0.5:  # noqa: PLR2004 - one or the other
            self._storage.replace(name, data)
        self._end(cut)

    def cut(self) -> None:
        """Cut the power now: what was not synced survives by chance. Raises PowerCut."""
        self._settle(lambda _: True, lambda: self._dice.random() < 0.5)  # noqa: PLR2004 - one or the other
        raise PowerCut

    def _is_cut(self) -> bool:
        self.writes += 1
        if not self._cuts:
            return False
        self._cuts[0] -= 1
        return self._cuts[0] <= 0

    def _end(self, cut: bool) -> None:  # noqa: FBT001 - ours alone
        if cut:
            self._cuts.popleft()
            self.cut()

    def _worn(self, data: bytes) -> bytes:
        """Return what the cells make of what they are given."""
        bad = self._bad
        if bad is None or self.writes < bad.write or not data:
            return data
        if bad.how == "error":
            raise FlashError(f"flash write {self.writes} failed: a fault that was asked for")
        return bytes((data[0] ^ 1,)) + data[1:] if len(data) > 1 else data  # marks are one byte: they are spared

    def _settle(self, concerned: Callable[[str], bool], survives: Callable[[], bool]) -> None:
        left: list[tuple[str, int, bytes]] = []
        for name, offset, data in self._pending:
            if not concerned(name):
                left.append((name, offset, data))
            elif survives():
                self._storage.write(name, offset, data)
        self._pending = left


def overwrite(content: bytearray, offset: int, data: bytes) -> None:
    """Put data into content, which grows as needed."""
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data
