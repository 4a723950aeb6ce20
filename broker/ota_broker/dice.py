"""Where ids, versions and picks come from: the machine's chance, or a seed, with which two runs are the same."""

import random
from typing import Final
from uuid import UUID

from ota_stream.stores.sqlite import Database

_SECRET_BITS: Final = 320  # 64 more than a key has, so that all keys are as likely
_STARTS: Final = "seeded starts"


class Dice:
    """A source for each purpose, so that what is drawn for one does not change what is drawn for another."""

    def __init__(self, seed: int | None = None, start: int = 0) -> None:
        self._seed = seed
        self._start = start

    def of(self, purpose: str) -> random.Random:
        """Return what draws for this purpose, from its beginning."""
        if self._seed is None:
            return random.SystemRandom()
        return random.Random(f"{self._seed} {self._start} {purpose}")  # noqa: S311 - who gives a seed wants it known

    def secret(self, certificate: str) -> int | None:
        """Return what the code-signing key of a certificate follows from; None without a seed."""
        return None if self._seed is None else self.of(f"key of {certificate}").getrandbits(_SECRET_BITS)


class Ids:
    """Draws ids like `uuid.uuid4`."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def __call__(self) -> str:
        """Return a new id."""
        return str(UUID(int=self._source.getrandbits(128), version=4))


def dice_of(seed: int | None, database: Database) -> Dice:
    """Return the dice of a start over this database: another start of the same seed makes no id a second time."""
    if seed is None:
        return Dice()
    starts = database.table(_STARTS, int)
    start = starts[""] = starts.get("", 0) + 1
    return Dice(seed, start)
