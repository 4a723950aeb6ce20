"""What a user may choose about MQTT where it is not known which way AWS goes, or where AWS lets one choose."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ota_broker.front import limits


class MqttOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`mqtt.NAME=VALUE`. The first two are about MQTT 3.1.1, which has no words for a refusal (docs/mqtt.md)."""

    connect_deny: Literal["close", "connack7"] = "close"  # G-24, MU-1
    deny: Literal["disconnect", "suback"] = "disconnect"  # G-14, MU-2
    session_expiry: Annotated[int, Meta(ge=1, le=limits.SESSION_EXPIRY_MAX)] = limits.SESSION_EXPIRY  # M5-1, seconds
