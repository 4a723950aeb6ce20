"""The cloud with faults in its way: what the front door asks while there are any, and only then."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import yaml

from ota_broker.front.exchange import Answering
from ota_stream.answers import Answer, Effect, Refusal, Reply
from ota_stream.clock import Clock
from ota_stream.faults import kinds, late, subject
from ota_stream.faults.desk import FaultDesk, Moment
from ota_stream.faults.fault import Fault
from ota_stream.faults.happening import Act
from ota_stream.faults.kinds import FaultError
from ota_stream.records import Record

FILE_MAX: Final = 1024 * 1024  # bytes of a file of faults


class FaultyCloud:
    """Answers as the cloud does, as far as the faults let it. `keep` takes the records of what they have done.

    `begin` has the cloud do something right after the answer.
    """

    def __init__(
        self,
        cloud: Answering,
        desk: FaultDesk,
        clock: Clock,
        keep: Callable[[Record], None],
        begin: Callable[[Act], None],
    ) -> None:
        self._cloud = cloud
        self._desk = desk
        self._clock = clock
        self._keep = keep
        self._begin = begin

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there."""
        request = subject.of_request(topic, payload)
        if request is None:
            return self._cloud.answer(topic, payload, client_id, now)
        instead = self._desk.intercept(request, client_id, self._moment(now))
        if instead is not None:
            self._keep(instead.record)
            return instead
        outcome = self._cloud.answer(topic, payload, client_id, now)
        if not isinstance(outcome, Answer):
            return outcome
        spoilt = self._desk.spoil(request, outcome, client_id, self._moment(now))
        for record in spoilt.records:
            self._keep(record)
        for act in spoilt.acts:
            self._begin(act)
        return late.split(spoilt.answer)

    def notifications(self, replies: tuple[Reply, ...], now: float) -> tuple[Reply, ...]:
        """Return what no device asked for, as devices get it."""
        spoilt, records = self._desk.spoil_notifications(replies, self._moment(now))
        for record in records:
            self._keep(record)
        return spoilt

    def _moment(self, now: float) -> Moment:
        return Moment(now, self._clock.monotonic())


def read_file(path: str) -> tuple[Fault, ...]:
    """Read a YAML file of faults.

    Raises:
        FaultError: one line that names the file and says what is wrong.
    """
    try:
        with Path(path).open("rb") as file:
            content: object = yaml.safe_load(file.read(FILE_MAX))
        return kinds.read_all(content)
    except OSError as error:
        raise FaultError(f"file of faults {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FaultError(f"file of faults {path} is not YAML: {' '.join(str(error).split())}") from error
    except FaultError as error:
        raise FaultError(f"file of faults {path}: {error}") from None
