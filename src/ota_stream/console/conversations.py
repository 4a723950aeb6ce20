"""The last conversations with devices and callers: bounded in number, in bytes, and in how many a tick."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.answers import Answer, Effect, Refusal, Reply
from ota_stream.records import Record

KEPT_MAX: Final = 200  # conversations; the oldest give way
BYTES_MAX: Final = 16 * 1024 * 1024  # of their payloads
PER_TICK: Final = 50  # conversations with devices kept in a quarter of a second; then nobody listens until the next
REPLIES_MAX: Final = 3  # messages of an answer that are kept

Outcome = Answer | Effect | Refusal | None


class Spoken(Struct, frozen=True, gc=False):
    """A publish to a reserved topic and what came of it. `at` is epoch seconds.

    `replies` are the first of `many`. `record` is None where there is none: `refused` says why then, empty for a
    publish that nothing answers.
    """

    number: int
    at: float
    client_id: str
    topic: str
    payload: bytes
    replies: tuple[Reply, ...] = ()
    many: int = 0
    record: Record | None = None
    refused: str = ""


class Called(Struct, frozen=True, gc=False):
    """A call over HTTP and its answer. Of a long body only the beginning is here; the sizes are the whole bodies'.

    `operation` is as AWS names it, or method and path; `error` is the name of what went wrong, if it has one.
    """

    number: int
    at: float
    caller: str
    operation: str
    target: str
    status: int
    asked: bytes
    asked_size: int
    asked_type: str
    answer: bytes
    answer_size: int
    answer_type: str
    error: str


Conversation = Spoken | Called


class Conversations:
    """What was heard, the newest last. `is_full` is whether a tick has had all that are kept of it."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Conversation, int]] = deque()
        self._bytes = 0
        self._number = 0
        self._left = PER_TICK

    def hear(self, topic: str, payload: bytes, client_id: str, outcome: Outcome, now: float) -> None:
        """Take in what a device published, and what it is answered."""
        self._left -= 1
        replies: tuple[Reply, ...] = () if outcome is None else outcome.replies
        late: tuple[Reply, ...] = getattr(outcome, "late", ())  # of a LateAnswer
        many, replies = len(replies) + len(late), (*replies[:REPLIES_MAX], *late[:REPLIES_MAX])[:REPLIES_MAX]
        record = outcome.record if isinstance(outcome, Answer) else None
        refused = outcome.reason if isinstance(outcome, Refusal) else ""
        spoken = Spoken(self._next(), now, client_id, topic, payload, replies, many, record, refused)
        self._keep(spoken, len(payload) + sum(len(reply.payload) for reply in replies))

    def denied(self, client_id: str, topic: str, record: Record) -> None:
        """Take in what the broker refused to a client before any service heard of it."""
        self._keep(Spoken(self._next(), record.at, client_id, topic, b"", record=record), 0)

    def called(self, called: Called) -> None:
        """Take in a call over HTTP; its number does not count."""
        self._keep(replace(called, number=self._next()), len(called.asked) + len(called.answer))

    def newest(self) -> Iterator[Conversation]:
        """Give what is kept, the newest first."""
        return (conversation for conversation, _ in reversed(self._kept))

    def tick(self) -> None:
        """Begin another quarter of a second."""
        self._left = PER_TICK

    @property
    def is_full(self) -> bool:
        """Tell whether no more devices need be listened to until the next tick."""
        return self._left <= 0

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _keep(self, conversation: Conversation, size: int) -> None:
        self._kept.append((conversation, size))
        self._bytes += size
        while len(self._kept) > KEPT_MAX or (self._bytes > BYTES_MAX and len(self._kept) > 1):
            self._bytes -= self._kept.popleft()[1]
