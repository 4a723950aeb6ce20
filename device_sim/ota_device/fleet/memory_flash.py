"""The flash of a thing of a fleet, in memory: images as shared blocks, the rest as bytes (a `storage.Storage`)."""

from ota_device.fleet.shelf import Shelf


class MemoryFlash:
    """Files in memory. Everything written is there after a power cut; what `Flash` has not marked counts as lost."""

    __slots__ = ("_files", "_pieces", "_shelf")

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._files: dict[str, bytes | bytearray] = {}
        self._pieces: dict[str, dict[int, bytes]] | None = None  # most things wait

    def read(self, name: str) -> bytes | None:
        """Return a whole file, or None when there is none."""
        pieces = None if self._pieces is None else self._pieces.get(name)
        if pieces is None:
            found = self._files.get(name)
            return None if found is None else bytes(found)
        ordered = sorted(pieces.items())
        last, piece = ordered[-1]
        if sum(map(len, pieces.values())) == last + len(piece):  # without a gap: what all the others have, as a rule
            return self._shelf.whole(tuple(piece for _, piece in ordered))
        content = bytearray(self._files.get(name, b""))
        for start, piece in ordered:
            _put(content, start, piece)
        return bytes(content)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; the file grows as needed."""
        if name.endswith(".blocks"):
            content = self._files.get(name)
            if not isinstance(content, bytearray):
                content = self._files[name] = bytearray(content or b"")
            _put(content, offset, data)
            return
        if self._pieces is None:
            self._pieces = {}
        pieces = self._pieces.get(name)
        if pieces is None:
            pieces = self._pieces[name] = {}
        pieces[offset] = self._shelf.keep(data)

    def sync(self, name: str) -> None:
        """Nothing is written late."""

    def replace(self, name: str, data: bytes) -> None:
        """Give a file this content."""
        self._files[name] = self._shelf.keep(data)
        if self._pieces is not None:
            self._pieces.pop(name, None)

    def spoil(self, name: str) -> None:
        """Change one bit of an image, as worn flash does."""
        pieces = None if self._pieces is None else self._pieces.get(name)
        if pieces:
            start = min(pieces)
            pieces[start] = bytes((pieces[start][0] ^ 1,)) + pieces[start][1:]


def _put(content: bytearray, start: int, piece: bytes) -> None:
    if len(content) < start:
        content.extend(bytes(start - len(content)))
    content[start : start + len(piece)] = piece
