"""What a subscription asks for or grants, in one number: its QoS in two bits, MQTT 5's options above (3.8.3.1)."""

from typing import Final

QOS: Final = 0x03
NO_LOCAL: Final = 0x04  # a client does not get what it published itself
RETAIN_AS_PUBLISHED: Final = 0x08  # live copies keep their RETAIN flag
RETAIN_HANDLING: Final = 0x30  # when retained messages come:
RETAINED_IF_NEW: Final = 0x10  # ... only when the subscription is new
RETAINED_NEVER: Final = 0x20  # ... never
OPTIONS: Final = QOS | NO_LOCAL | RETAIN_AS_PUBLISHED | RETAIN_HANDLING
KEPT: Final = QOS | NO_LOCAL | RETAIN_AS_PUBLISHED  # what a subscription remembers


def merged(one: int, other: int) -> int:
    """Return what two overlapping subscriptions of one client grant: each promise of either (3.3.4)."""
    qos = max(one & QOS, other & QOS)
    return qos | one & other & NO_LOCAL | (one | other) & RETAIN_AS_PUBLISHED
