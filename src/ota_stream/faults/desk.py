"""The faults that are set, and what they do to the requests and answers that pass by."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from ota_stream.answers import Answer, Reply
from ota_stream.errors import ControlError
from ota_stream.faults import span, subject
from ota_stream.faults.chance import drawn
from ota_stream.faults.fault import Fault, Way
from ota_stream.faults.happening import Act, Happening
from ota_stream.faults.late import later
from ota_stream.faults.served import Served
from ota_stream.faults.subject import Request, Subject
from ota_stream.records import UNKNOWN_CLIENT, FaultRecord

FAULTS_MAX: Final = 1_000
COUNTED_MAX: Final = 200_000  # attempts a fault remembers; beyond, it counts from one again
BLOCKS_SHOWN: Final = 32  # in a record
NOBODY: Final = Subject("", "")  # what an event that is no notification is about

_Messages = list[tuple[Subject, Reply]]


class Spoilt(NamedTuple):
    """An answer as the device gets it, what is recorded of it, and what is to be done right after it."""

    answer: Answer
    records: list[FaultRecord]
    acts: list[Act]


class Moment(NamedTuple):
    """The same moment on both hands of a clock: `wall` for records, `monotonic` for what lasts."""

    wall: float
    monotonic: float


class _Set:
    """A fault that is set: since when, and what it has done."""

    def __init__(self, fault: Fault, since: float) -> None:
        self.fault = fault
        self.ways = fault.ways()
        self.hits = 0
        self._left = fault.times
        self._since = since
        self._attempts: Counter[tuple[object, ...]] = Counter()
        self._held_up: dict[str, float] = {}  # by thing, until when

    def apply(self, about: Subject, answer: Answer, now: float) -> tuple[Reply, ...]:
        """Return what becomes of a message that is hit, when those before it have passed."""
        replies = self.fault.apply(answer).replies
        if not self.fault.queued:
            return replies
        if len(self._held_up) >= COUNTED_MAX:
            self._held_up.clear()
        waits = max(0.0, self._held_up.get(about.thing, 0.0) - now)
        late = tuple(later(reply, waits) for reply in replies)
        self._held_up[about.thing] = now + max((reply.after for reply in late), default=0.0)
        return late

    def befalls(self, about: Subject, now: float) -> bool:
        """Tell whether a message is hit, and count it among the attempts."""
        fault = self.fault
        if not fault.lasts(now - self._since) or not fault.matches(about):
            return False
        attempt = 1
        if fault.attempts is not None or fault.share < 1:
            if len(self._attempts) >= COUNTED_MAX:
                self._attempts.clear()
            self._attempts[about.key()] += 1
            attempt = self._attempts[about.key()]
        if fault.attempts is not None and attempt not in span.parse(fault.attempts):
            return False
        if fault.share < 1 and drawn(fault.seed, *about.key(), attempt) >= fault.share:
            return False
        if self._left is not None:
            self._left -= 1
            return self._left >= 0
        return True


class FaultDesk:
    """Sets, removes and applies faults, in the order they were set. `on_change` is called after each change.

    `seed` is added to that of each fault.
    """

    def __init__(self, on_change: Callable[[], None], seed: int = 0) -> None:
        self._set: dict[str, _Set] = {}
        self._on_change = on_change
        self._seed = seed

    def __len__(self) -> int:
        return len(self._set)

    def add(self, fault: Fault, monotonic: float) -> str:
        """Set a fault and return its name; one without gets one. Raises ControlError."""
        name = fault.name or self._free_name(fault.kind())
        if name in self._set:
            why = f"there is a fault {name!r} already: remove it, or use another name"
            raise ControlError("ResourceAlreadyExistsException", 409, why)
        if len(self._set) >= FAULTS_MAX:
            raise ControlError("LimitExceededException", 410, f"more than {FAULTS_MAX} faults: remove some")
        self._set[name] = _Set(replace(fault, name=name, seed=fault.seed + self._seed), monotonic)
        self._on_change()
        return name

    def _free_name(self, kind: str) -> str:
        return next(name for number in range(1, FAULTS_MAX + 2) if (name := f"{kind}-{number}") not in self._set)

    def remove(self, name: str) -> None:
        """Remove a fault. Raises ControlError."""
        if self._set.pop(name, None) is None:
            why = f"there is no fault {name[:64]!r}: `ota-stream faults list` shows them"
            raise ControlError("ResourceNotFoundException", 404, why)
        self._on_change()

    def clear(self) -> None:
        """Remove all faults."""
        self._set.clear()
        self._on_change()

    def shown(self) -> list[dict[str, Any]]:
        """Return the faults as JSON, each with how many messages it has hit."""
        return [{**each.fault.shown(), "hits": each.hits} for each in self._set.values()]

    # In the way

    def intercept(self, request: Request, client_id: str, now: Moment) -> Answer | None:
        """Return what a request is answered instead of by the cloud, or None: the cloud is to answer it."""
        hit = self._first("request", request.subject, client_id, request.topic.text, now)
        if hit is None:
            return None
        fault, record = hit
        return fault.apply(Answer((subject.refusal(request, now.wall),), record))

    def arrive(
        self, request: Request, payload: bytes, client_id: str, now: Moment
    ) -> tuple[tuple[Reply, ...], list[FaultRecord]]:
        """Return what of a request comes to the cloud, none or several times, and a record of each fault it met."""
        topic = request.topic.text
        message = Reply(topic, payload)
        whole = Answer((message,), FaultRecord(now.wall, "", "", client_id, "", topic, ""))
        return self._spoilt([(request.subject, message)], whole, client_id, topic, now, [], "arrival")

    def spoil(self, request: Request, answer: Answer, client_id: str, now: Moment) -> Spoilt:
        """Return an answer as the device gets it, a record of each fault that had a part in it, and what to do then."""
        messages = list(subject.of_replies(request, answer))
        acts: list[Act] = []
        replies, records = self._spoilt(messages, answer, client_id, request.topic.text, now, acts)
        return Spoilt(replace(answer, replies=replies), records, acts)

    def disturb(self, packet: Subject, now: Moment) -> tuple[Fault, FaultRecord] | None:
        """Return the first fault that befalls a packet of a client, and its record."""
        return self._first("packet", packet, packet.thing, None, now)

    def serve(self, download: Subject, served: Served, now: Moment) -> tuple[Served, list[FaultRecord]]:
        """Return what a download over HTTP is answered, and a record of each fault that had a part in it."""
        records: list[FaultRecord] = []
        for each in self._of_way("download"):
            if not served.is_lost and each.befalls(download, now.monotonic):
                before, served = served, each.fault.serve(served)
                if served != before:
                    each.hits += 1
                    hits = _Hits([download])
                    records.append(hits.record(each.fault, UNKNOWN_CLIENT, download.object_key, now.wall))
        return served, records

    def _first(
        self, way: Way, about: Subject, client_id: str, topic: str | None, now: Moment
    ) -> tuple[Fault, FaultRecord] | None:
        for each in self._of_way(way):
            if each.befalls(about, now.monotonic):
                each.hits += 1
                return each.fault, _Hits([about]).record(each.fault, client_id, topic, now.wall)
        return None

    def any_of(self, way: Way) -> bool:
        """Tell whether a fault is set that stands there."""
        return any(True for _ in self._of_way(way))

    def spoil_notifications(
        self, replies: tuple[Reply, ...], now: Moment
    ) -> tuple[tuple[Reply, ...], list[FaultRecord]]:
        """Return what no device asked for as devices get it, and a record of each fault that had a part in it."""
        messages = [(subject.of_notification(reply) or NOBODY, reply) for reply in replies]
        nothing = Answer((), FaultRecord(now.wall, "", "", UNKNOWN_CLIENT, "", None, ""))
        return self._spoilt(messages, nothing, UNKNOWN_CLIENT, None, now, [])

    def _of_way(self, way: Way) -> Iterator[_Set]:
        return (each for each in self._set.values() if way in each.ways)

    def _spoilt(  # noqa: PLR0913, PLR0917 - what there is to know of an answer
        self,
        messages: _Messages,
        answer: Answer,
        client_id: str,
        topic: str | None,
        now: Moment,
        acts: list[Act],
        way: Way = "answer",
    ) -> tuple[tuple[Reply, ...], list[FaultRecord]]:
        records: list[FaultRecord] = []
        for each in self._of_way(way):
            hit = [each.befalls(about, now.monotonic) for about, _ in messages]
            if any(hit):
                if isinstance(each.fault, Happening):
                    hits = _Hits([about for (about, _), is_hit in zip(messages, hit, strict=True) if is_hit])
                    first = hits.subjects[0]
                    acts.append(Act(each.fault.deed, client_id, first.thing, first.stream))
                else:
                    messages, hits = (
                        _together(each.fault, messages, hit, answer)
                        if each.fault.joint
                        else _singly(each, messages, hit, answer, now.monotonic)
                    )
                if hits.subjects:
                    each.hits += len(hits.subjects)
                    records.append(hits.record(each.fault, client_id, topic, now.wall))
        return tuple(reply for _, reply in messages), records


class _Hits(NamedTuple):
    """What a fault has hit."""

    subjects: list[Subject]

    def record(self, fault: Fault, client_id: str, topic: str | None, now: float) -> FaultRecord:
        first = self.subjects[0]
        blocks = [block for about in self.subjects for block in about.blocks]
        shown = ", ".join(map(str, blocks[:BLOCKS_SHOWN])) + (", ..." if len(blocks) > BLOCKS_SHOWN else "")
        of = "request of" if fault.stands() == "arrival" else "of"
        what = f"{len(self.subjects)} {of} {first.operation}" + (f", blocks {shown}" if blocks else "")
        return FaultRecord(now, fault.name or "", fault.kind(), client_id, first.thing, topic, what)


def _singly(one: _Set, messages: _Messages, hit: list[bool], answer: Answer, now: float) -> tuple[_Messages, _Hits]:
    """Apply a fault to each message that it befalls."""
    spoilt: _Messages = []
    hits = _Hits([])
    for (about, reply), is_hit in zip(messages, hit, strict=True):
        after = one.apply(about, replace(answer, replies=(reply,)), now) if is_hit else (reply,)
        if after != (reply,):
            hits.subjects.append(about)
        spoilt.extend((about, each) for each in after)
    return spoilt, hits


def _together(fault: Fault, messages: _Messages, hit: list[bool], answer: Answer) -> tuple[_Messages, _Hits]:
    """Apply a fault to all messages that it befalls, and put what it gives back in their places."""
    befallen = [place for place, is_hit in enumerate(hit) if is_hit]
    after = fault.apply(replace(answer, replies=tuple(messages[place][1] for place in befallen))).replies
    spoilt = list(messages)
    hits = _Hits([])
    for place, reply in zip(befallen, after, strict=True):
        about, before = messages[place]
        if reply != before:
            hits.subjects.append(about)
        spoilt[place] = about, reply
    return spoilt, hits
