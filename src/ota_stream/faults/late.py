"""Messages that are sent later than the others of their answer."""

from ota_stream.answers import Answer, Reply


class LateReply(Reply, frozen=True, gc=False):
    """A message that leaves `after` seconds from now."""

    after: float = 0.0


class LateAnswer(Answer, frozen=True, gc=False):
    """An answer of which some messages come `late`; `replies` are those that come at once."""

    late: tuple[LateReply, ...] = ()


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
