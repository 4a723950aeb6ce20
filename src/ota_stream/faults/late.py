"""What comes later than the rest: messages of an answer, and requests."""

from collections.abc import Callable

from msgspec import Struct

from ota_stream.answers import Answer, Effect, Refusal, Reply


class LateReply(Reply, frozen=True, gc=False):
    """A message that leaves `after` seconds from now."""

    after: float = 0.0


class LateRequest(Struct, frozen=True):
    """A request that reaches the cloud `after` seconds from now: `ask` it then, with the time (epoch seconds)."""

    after: float
    ask: Callable[[float], Answer | Effect | Refusal | None]


class LateAnswer(Answer, frozen=True, gc=False):
    """An answer of which some messages come `late`; `replies` are those that come at once.

    Or it is still to come, from `requests`.
    """

    late: tuple[LateReply, ...] = ()
    requests: tuple[LateRequest, ...] = ()


def later(reply: Reply, seconds: float) -> LateReply:
    """Return a message that waits longer than it would have."""
    waits = reply.after if isinstance(reply, LateReply) else 0.0
    return LateReply(reply.topic, reply.payload, reply.qos, reply.to, waits + seconds)


def split(answer: Answer) -> Answer:
    """Return an answer with its late messages apart, if it has any."""
    late = tuple(reply for reply in answer.replies if isinstance(reply, LateReply))
    if not late:
        return answer
    at_once = tuple(reply for reply in answer.replies if not isinstance(reply, LateReply))
    return LateAnswer(at_once, answer.record, answer.also, late)
