"""Topic names and filters: what they may contain, and which filter takes which name (standard 4.7)."""

from ota_broker.front import limits
from ota_broker.front.codec.packets import Refused, Violation
from ota_broker.front.codec.reasons import Reason


def check_name(topic: str) -> str:
    """Return a topic name that may be published to. Raises Violation."""
    _check_size("topic", topic, Reason.TOPIC_NAME_INVALID)
    if "+" in topic or "#" in topic:
        raise Violation("a topic to publish to has a wildcard", code=Reason.TOPIC_NAME_INVALID)
    return topic


def check_filter(topic_filter: str) -> str:
    """Return a filter that may be subscribed to. Raises Violation."""
    _check_size("filter", topic_filter, Reason.TOPIC_FILTER_INVALID)
    levels = topic_filter.split("/")
    for level in levels[:-1]:
        if "#" in level or ("+" in level and level != "+"):
            raise _invalid("a filter has a wildcard that is not a whole level, or # before its end")
    if ("#" in levels[-1] or "+" in levels[-1]) and levels[-1] not in {"#", "+"}:
        raise _invalid("a filter has a wildcard that is not a whole level")
    return topic_filter


def has_wildcard(topic_filter: str) -> bool:
    """Tell whether a filter can take more than one topic."""
    return "+" in topic_filter or "#" in topic_filter


def matches(topic_filter: str, topic: str, *, hash_takes_parent: bool) -> bool:
    """Tell whether a filter takes a topic.

    `hash_takes_parent`: does `a/#` take `a`? In the standard yes, on AWS no (MB-2).
    """
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:  # MB-7
        return False
    for depth, level in enumerate(wanted):
        if level == "#":
            return len(levels) > depth or hash_takes_parent
        if depth >= len(levels) or level not in {"+", levels[depth]}:
            return False
    return len(levels) == len(wanted)


def _invalid(reason: str) -> Violation:
    return Violation(reason, code=Reason.TOPIC_FILTER_INVALID)


def _check_size(what: str, text: str, code: Reason) -> None:
    if not text:
        raise Violation(f"an empty {what}", code=code)
    if len(text.encode()) > limits.TOPIC_MAX:
        raise Refused(f"a {what} of {len(text.encode())} bytes, more than {limits.TOPIC_MAX}", code=code)
    if text.count("/") > limits.TOPIC_SLASHES_MAX:
        raise Refused(f"a {what} with more than {limits.TOPIC_SLASHES_MAX} slashes", code=code)
