"""Has the block maps kept while somebody looks at them, and costs nothing while nobody does."""

import logging
from collections.abc import Callable
from typing import Final

from ota_broker.front.exchange import Answering
from ota_stream.answers import Answer, Effect, Refusal
from ota_stream.streams.catalog import Catalog
from ota_stream.transfers.service import Transfers

LOOKS_FOR: Final = 10.0  # seconds after the last look: the next page may be on its way

log: Final = logging.getLogger("ota_broker")


class Watched:
    """The transfers, from the first look until ten seconds after the last.

    `on_change` is called when listening begins or ends; `now` is monotonic seconds.
    """

    def __init__(self, catalog: Catalog, now: Callable[[], float], on_change: Callable[[], None]) -> None:
        self._catalog = catalog
        self._now = now
        self._on_change = on_change
        self._looked_at: float | None = None
        self.transfers = Transfers(catalog)

    def look(self) -> Transfers:
        """Return what has been seen, and go on seeing."""
        begins = self._looked_at is None
        self._looked_at = self._now()
        if begins:
            self._on_change()
        return self.transfers

    def tick(self, wall: float, *, looked_at: bool) -> None:
        """Stop when nobody looks any more. Call it about four times a second; `wall` is epoch seconds.

        `looked_at`: whether somebody looks at any page.
        """
        if self._looked_at is None:
            return
        self.transfers.tick(wall)
        if looked_at:
            self._looked_at = self._now()
        elif self._now() - self._looked_at > LOOKS_FOR:
            self._looked_at = None
            self.transfers = Transfers(self._catalog)
            self._on_change()

    def over(self, cloud: Answering) -> Answering:
        """Return the cloud with somebody who listens, or as it is."""
        return cloud if self._looked_at is None else _Overheard(cloud, self.transfers)


class _Overheard:
    """A cloud. Satisfies Answering."""

    __slots__ = ("_beyond", "_cloud", "_transfers")

    def __init__(self, cloud: Answering, transfers: Transfers) -> None:
        self._cloud = cloud
        self._transfers = transfers
        self._beyond = transfers.beyond

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there."""
        outcome = self._cloud.answer(topic, payload, client_id, now)
        beyond = self._beyond(topic)
        if beyond is not None:
            beyond.requests += 1
        elif isinstance(outcome, Answer):  # a late one too
            try:
                self._transfers.hear(topic, payload, outcome, now)
            except Exception:
                log.exception("internal error of the block maps; devices are answered as before")
        return outcome
