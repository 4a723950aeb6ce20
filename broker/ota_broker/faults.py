"""The cloud with faults in its way: what the front door asks while there are any, and only then."""

from collections.abc import Callable, Sequence
from functools import partial
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
from ota_stream.faults.late import LateAnswer, LateReply, LateRequest
from ota_stream.faults.subject import Request
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
        if not self._desk.any_of("arrival"):
            return self._ask(request, payload, client_id, now)
        arrived, records = self._desk.arrive(request, payload, client_id, self._moment(now))
        if not records:
            return self._ask(request, payload, client_id, now)
        for record in records:
            self._keep(record)
        asks = [self._asking(request, message, client_id) for message in arrived]
        return _together(asks, records[-1], now)

    def _asking(self, request: Request, arrived: Reply, client_id: str) -> LateRequest:
        """Return how the cloud is asked what has arrived of a request."""
        after = arrived.after if isinstance(arrived, LateReply) else 0.0
        as_it_is = subject.of_request(arrived.topic, arrived.payload) or request
        return LateRequest(after, partial(self._ask, as_it_is, arrived.payload, client_id))

    def _ask(self, request: Request, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Have the cloud answer, and the answer spoilt."""
        outcome = self._cloud.answer(request.topic.text, payload, client_id, now)
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


def _together(asks: Sequence[LateRequest], record: Record, now: float) -> Answer:
    """Return as one answer what comes of the requests that are not late, and those that are."""
    answers = [each.ask(now) for each in asks if not each.after]
    known = [answer for answer in answers if isinstance(answer, Answer)]  # each: the topic is that of a request
    late = tuple(reply for answer in known if isinstance(answer, LateAnswer) for reply in answer.late)
    replies = tuple(reply for answer in known for reply in answer.replies)
    told = known[0].record if known else record  # those who listen judge a request by it
    return LateAnswer(replies, told, (), late, tuple(each for each in asks if each.after))


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
