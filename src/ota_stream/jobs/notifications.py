"""Which notifications a change of a thing's queue brings (JNF-1..JNF-10): a function of before and after."""

from collections.abc import Callable

from ota_stream.answers import Audience, Reply
from ota_stream.jobs import codec, topics
from ota_stream.jobs.executions import JobExecution
from ota_stream.jobs.queue import Queue, front


def pending_changed(before: Queue, after: Queue) -> bool:
    """Tell whether the pending set changed: then `notify` is sent (JNF-4)."""
    return {execution.key for execution in before} != {execution.key for execution in after}


def front_changed(before: Queue, after: Queue) -> bool:
    """Tell whether another execution is at the front: then `notify-next` is sent (JNF-6)."""
    return _identity(before) != _identity(after)


def replies(
    thing: str, before: Queue, after: Queue, now: float, document: Callable[[JobExecution], bytes | None]
) -> list[Reply]:
    """Return `notify`, then `notify-next`, each only if there is something to say (JNF-7).

    `document` gives the document of the execution at the front; it is asked for only when needed (JNF-10).
    """
    told: list[Reply] = []
    if pending_changed(before, after):
        told.append(Reply(topics.notify(thing), codec.notify(after, now), 1, Audience.SUBSCRIBERS))
    if front_changed(before, after):
        first = front(after)
        payload = codec.notify_next(first, None if first is None else document(first), now)
        told.append(Reply(topics.notify_next(thing), payload, 1, Audience.SUBSCRIBERS))
    return told


def _identity(queue: Queue) -> str | None:
    first = front(queue)
    return None if first is None else first.key
