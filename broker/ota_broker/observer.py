"""Has a diagnosis hear what goes through the front door: only `serve --diagnose` has one."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from ota_broker.front.exchange import Answering
from ota_stream.answers import Answer, Effect, Refusal, Reply
from ota_stream.diagnosis.conversation import Heard
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.records import Record

log: Final = logging.getLogger("ota_broker")


class Observer:
    """Passes everything on as it is. A fault of the diagnosis is told, and harms no device."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis

    def over(self, cloud: Answering) -> Answering:
        """Return the cloud with somebody who listens."""
        return _Overheard(cloud, self._hear)

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
        """Look for what should have happened by now."""
        self._safely(lambda: self._diagnosis.on_time(now))

    def _hear(self, heard: Heard) -> None:
        self._safely(lambda: self._diagnosis.hear(heard))

    @staticmethod
    def _safely(listen: Callable[[], None]) -> None:
        try:
            listen()
        except Exception:
            log.exception("internal error of the diagnosis; devices are answered as before")


class _Overheard:
    """A cloud. Satisfies Answering."""

    __slots__ = ("_cloud", "_hear")

    def __init__(self, cloud: Answering, hear: Callable[[Heard], None]) -> None:
        self._cloud = cloud
        self._hear = hear

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there."""
        outcome = self._cloud.answer(topic, payload, client_id, now)
        if not isinstance(outcome, Effect):  # those of a worker are not known yet
            self._hear(Heard(now, client_id, topic, payload, outcome))
        return outcome
