"""Has a diagnosis hear what passes the front door; without one, as with `serve --diagnose 0`, it costs nothing."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from ota_broker.front.exchange import Answering
from ota_stream.answers import Answer, Effect, Refusal, Reply
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.records import Record

LOOKS_EVERY: Final = 2.0  # seconds between two looks for what did not happen: it has a minute for it
BROKEN: Final = "internal error of the diagnosis; devices are answered as before"

log: Final = logging.getLogger("ota_broker")


class Observer:
    """Passes everything on as it is. A fault of the diagnosis is told, and harms no device."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        self._looked_at = 0.0

    def over(self, cloud: Answering) -> Answering:
        """Return the cloud with somebody who listens."""
        return _Overheard(cloud, self._diagnosis)

    def keeping(self, keep: Callable[[Record], None]) -> Callable[[Record], None]:
        """Return what keeps a record, and takes it in."""

        def kept(record: Record) -> None:
            keep(record)
            self._safely(lambda: self._diagnosis.refused(record))

        return kept

    def told(self, replies: Iterable[Reply], now: float) -> None:
        """Take in what goes to subscribers though nobody asked. `now` is epoch seconds, as everywhere here."""
        self._safely(lambda: self._diagnosis.told(replies, now))

    def tick(self, now: float) -> None:
        """Look for what should have happened by now, if it is time. Call it about four times a second."""
        if abs(now - self._looked_at) >= LOOKS_EVERY:  # either way: clocks are moved
            self.look(now)

    def look(self, now: float) -> None:
        """Look for what should have happened by now."""
        self._looked_at = now
        self._safely(lambda: self._diagnosis.on_time(now))

    @staticmethod
    def _safely(listen: Callable[[], None]) -> None:
        try:
            listen()
        except Exception:
            log.exception(BROKEN)


class _Overheard:
    """A cloud. Satisfies Answering."""

    __slots__ = ("_cloud", "_diagnosis")

    def __init__(self, cloud: Answering, diagnosis: Diagnosis) -> None:
        self._cloud = cloud
        self._diagnosis = diagnosis

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there."""
        outcome = self._cloud.answer(topic, payload, client_id, now)
        if not isinstance(outcome, Effect):  # those of a worker are not known yet
            try:
                self._diagnosis.hear(topic, payload, client_id, outcome, now)
            except Exception:
                log.exception(BROKEN)
        return outcome
