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
    grants_qos_2: bool  # MU-5: is a SUBSCRIBE with QoS 2 granted QoS 1, or refused?
    clamps_keep_alive: bool

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
    grants_qos_2=False,
    clamps_keep_alive=True,
)
STANDARD: Final = Profile(
    hash_takes_parent=True,
    retained_on_wildcards=True,
    mark_duplicates=True,
    grants_qos_2=True,
    clamps_keep_alive=False,
)
PROFILES: Final = MappingProxyType({"aws": AWS, "standard": STANDARD})
