"""Has the last conversations kept while somebody looks at them, and costs nothing while nobody does."""

import logging
from collections.abc import Callable
from typing import Final

from ota_broker.front.exchange import Answering
from ota_stream.answers import Answer, Effect, Refusal
from ota_stream.console.conversations import Conversations
from ota_stream.records import BrokerRecord, Record

LOOKS_FOR: Final = 10.0  # seconds after the last look: the next page may be on its way

log: Final = logging.getLogger("ota_broker")


class Tape:
    """The conversations, from the first look until ten seconds after the last.

    `on_change` is called when listening to devices begins or ends: it pauses when enough were heard in a tick, so a
    fleet at full speed does not pay for it. `now` is monotonic seconds.
    """

    def __init__(self, now: Callable[[], float], on_change: Callable[[], None]) -> None:
        self._now = now
        self._on_change = on_change
        self._looked_at = 0.0
        self.running: Conversations | None = None

    def look(self) -> Conversations:
        """Return what was heard, and go on hearing."""
        self._looked_at = self._now()
        if self.running is None:
            self.running = Conversations()
            self._on_change()
        return self.running

    def tick(self, *, looked_at: bool) -> None:
        """Stop when nobody looks any more. Call it about four times a second.

        `looked_at`: whether somebody looks at any page.
        """
        if self.running is None:
            return
        if looked_at:
            self._looked_at = self._now()
        was_full = self.running.is_full
        self.running.tick()
        if self._now() - self._looked_at > LOOKS_FOR:
            self.running = None
        elif not was_full:
            return
        self._on_change()

    def over(self, cloud: Answering) -> Answering:
        """Return the cloud with somebody who listens, or as it is."""
        heard = self.running
        return cloud if heard is None or heard.is_full else _Overheard(cloud, heard, self._on_change)

    def keeping(self, keep: Callable[[Record], None]) -> Callable[[Record], None]:
        """Return what keeps a record of a refusal, and takes it in."""

        def kept(record: Record) -> None:
            keep(record)
            if self.running is not None and isinstance(record, BrokerRecord):
                self.running.denied(record.client_id, record.topic or "", record)

        return kept


class _Overheard:
    """A cloud. Satisfies Answering."""

    __slots__ = ("_cloud", "_conversations", "_on_full")

    def __init__(self, cloud: Answering, conversations: Conversations, on_full: Callable[[], None]) -> None:
        self._cloud = cloud
        self._conversations = conversations
        self._on_full = on_full

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there."""
        outcome = self._cloud.answer(topic, payload, client_id, now)
        try:
            self._conversations.hear(topic, payload, client_id, outcome, now)
        except Exception:
            log.exception("internal error of the page of requests; devices are answered as before")
        if self._conversations.is_full:
            self._on_full()
        return outcome
