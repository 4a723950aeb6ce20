"""The quotas of an AWS account that limit how much and how fast, as one table, and how each of them is kept here."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from ota_stream.errors import OtaStreamError


class Scope(StrEnum):
    """What a quota is counted for."""

    CONNECTION = "connection"
    CLIENT = "client id"
    ACCOUNT = "account"


class Mode(StrEnum):
    """How a quota is kept: as AWS does, counted and told, or not at all."""

    ENFORCE = "enforce"
    COUNT = "count"
    OFF = "off"


class Quota(Struct, frozen=True):
    """One limit of AWS. `unit` says of what; what is per second is counted in whole seconds. `excess` is its fate."""

    name: str
    rule: str
    limit: int
    unit: str
    scope: Scope
    excess: str


PUBLISHES: Final = Quota(
    "publishes_per_connection", "Q-20", 100, "messages a second, in and out", Scope.CONNECTION, "discarded"
)
OCTETS: Final = Quota(
    "bytes_per_connection", "Q-21", 512 * 1024, "bytes a second, in and out", Scope.CONNECTION, "delayed"
)
PUBLISHES_IN: Final = Quota("publishes_in", "Q-22", 20_000, "messages a second from all", Scope.ACCOUNT, "discarded")
PUBLISHES_OUT: Final = Quota("publishes_out", "Q-22", 20_000, "messages a second to all", Scope.ACCOUNT, "discarded")
CONNECTIONS: Final = Quota("connections", "Q-23", 500_000, "connections", Scope.ACCOUNT, "refused")
CONNECTS: Final = Quota("connects", "Q-23", 500, "CONNECTs a second", Scope.ACCOUNT, "refused")
CLIENT_CONNECTS: Final = Quota("connects_per_client", "Q-23", 1, "CONNECTs a second", Scope.CLIENT, "refused")
SUBSCRIPTIONS: Final = Quota(
    "subscriptions_per_connection", "Q-24", 50, "subscriptions", Scope.CONNECTION, "disconnected"
)
FILTERS: Final = Quota("filters_per_subscribe", "Q-24", 8, "filters in a SUBSCRIBE", Scope.CONNECTION, "disconnected")
SUBSCRIBES: Final = Quota("subscribes", "Q-24", 500, "subscriptions a second", Scope.ACCOUNT, "disconnected")
REPLAYS: Final = Quota(
    "replays_per_connection", "Q-31", 10, "kept messages a second after a return", Scope.CONNECTION, "delayed"
)
STREAM_CALLS: Final = Quota(
    "stream_calls", "Q-9", 15, "calls a second of each operation of streams", Scope.ACCOUNT, "refused"
)
UPDATE_CALLS: Final = Quota(
    "update_calls", "Q-13", 10, "calls a second of each operation of OTA updates", Scope.ACCOUNT, "refused"
)

TABLE: Final = (
    PUBLISHES, OCTETS, PUBLISHES_IN, PUBLISHES_OUT, CONNECTIONS, CONNECTS, CLIENT_CONNECTS, SUBSCRIPTIONS, FILTERS,
    SUBSCRIBES, REPLAYS, STREAM_CALLS, UPDATE_CALLS,
)  # fmt: skip


CALLS: Final = MappingProxyType(
    {
        **dict.fromkeys(
            ("CreateStream", "UpdateStream", "DeleteStream", "DescribeStream", "ListStreams"), STREAM_CALLS
        ),
        **dict.fromkeys(("CreateOTAUpdate", "GetOTAUpdate", "ListOTAUpdates"), UPDATE_CALLS),
    }
)
"""The operations of the AWS API that have a quota."""


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    """How one quota is kept; `limit` None is AWS's."""

    mode: Mode = Mode.COUNT
    limit: int | None = None


Quotas = Mapping[str, Setting]
"""From the name of a quota to how it is kept. What is not in it is counted."""


def _all(mode: Mode) -> Quotas:
    return MappingProxyType({quota.name: Setting(mode) for quota in TABLE})


OFF: Final = _all(Mode.OFF)
PRESETS: Final = MappingProxyType({"aws": _all(Mode.ENFORCE), "count": _all(Mode.COUNT), "off": OFF})


class QuotaError(OtaStreamError):
    """A setting of quotas that cannot be read."""


def read(said: str) -> Quotas:
    """Return what a preset's name stands for, or what a YAML file says: `NAME: MODE` or `NAME: {mode, limit}`.

    Raises:
        QuotaError: one line that names the quota and what can be said.
    """
    preset = PRESETS.get(said)
    if preset is not None:
        return preset
    try:
        written: object = yaml.safe_load(Path(said).read_text(encoding="utf-8"))
    except OSError as error:
        presets = " | ".join(PRESETS)
        raise QuotaError(f"quotas {said}: {error.strerror}; use {presets}, or a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise QuotaError(f"quotas {said} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(written, dict):
        raise QuotaError(f"quotas {said}: there must be lines `NAME: MODE`")
    return {str(name): _setting(said, str(name), value) for name, value in written.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _setting(file: str, name: str, value: Any) -> Setting:  # noqa: ANN401 - what YAML has
    if name not in PRESETS["off"]:
        raise QuotaError(f"quotas {file}: there is no {name}; there are {', '.join(PRESETS['off'])}")
    if value is False:  # what YAML makes of off
        value = "off"
    if isinstance(value, dict) and value.get("mode") is False:  # pyright: ignore[reportUnknownMemberType]
        value["mode"] = "off"
    try:
        setting = msgspec.convert(value if isinstance(value, dict) else {"mode": value}, Setting)
    except msgspec.ValidationError as error:
        raise QuotaError(f"quotas {file}: {name}: {error}; write enforce | count | off, or mode and limit") from None
    if setting.limit is not None and setting.limit < 1:
        raise QuotaError(f"quotas {file}: {name}: a limit is 1 or more")
    return setting
