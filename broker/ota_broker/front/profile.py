"""Where AWS IoT differs from the MQTT standard, as one table with two rows."""

from types import MappingProxyType
from typing import Final

from msgspec import Struct

from ota_broker.front import limits


class Profile(Struct, frozen=True):
    """The differences. `aws` is the default; `standard` is for tools that need the standard's behaviour."""

    hash_takes_parent: bool  # MB-2: does `sensor/#` take `sensor`?
    retained_on_wildcards: bool  # MB-6: does a wildcard filter bring retained messages?
    mark_duplicates: bool  # MB-1: is DUP set when a message is sent again?
    qos_max: int  # MU-5: of a PUBLISH, a SUBSCRIBE and a will
    clamps_keep_alive: bool
    subscription_ids: bool  # M5-2: may a SUBSCRIBE carry an identifier?
    tells_no_subscription: bool  # M5-4: does UNSUBACK say that there was nothing to unsubscribe from?

    def keep_alive(self, asked: int) -> float:
        """Return the keep-alive to enforce, in seconds; 0 is none."""
        if not self.clamps_keep_alive:
            return asked
        if not asked:
            return limits.KEEP_ALIVE_MAX
        return min(max(asked, limits.KEEP_ALIVE_MIN), limits.KEEP_ALIVE_MAX)


AWS: Final = Profile(
    hash_takes_parent=False,
    retained_on_wildcards=False,
    mark_duplicates=False,
    qos_max=1,
    clamps_keep_alive=True,
    subscription_ids=False,
    tells_no_subscription=False,
)
STANDARD: Final = Profile(
    hash_takes_parent=True,
    retained_on_wildcards=True,
    mark_duplicates=True,
    qos_max=2,
    clamps_keep_alive=False,
    subscription_ids=True,
    tells_no_subscription=True,
)
PROFILES: Final = MappingProxyType({"aws": AWS, "standard": STANDARD})
