"""The settings of a worker, checked: what its command line says."""

import os
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from ota_broker.config import ConfigError
from ota_broker.workers.clients import ClientIdFrom
from ota_stream.logs import groups, levels
from ota_stream.logs.entries import ACCOUNT_ID, is_account_id
from ota_stream.stores.shared.stores import is_database

CLOUDWATCH: Final = "cloudwatch:"
SHARE: Final = "ota-stream"
_NATS: Final = "nats://"
_SHARE_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class TransportName(StrEnum):
    """The brokers a worker can stand behind. `embedded` is one of its own, in the same process."""

    EMBEDDED = "embedded"
    NATS = "nats"
    MQTT = "mqtt"


class Sharing(StrEnum):
    """How NATS shares requests between workers."""

    JETSTREAM = "jetstream"
    QUEUE = "queue"


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Where a worker stands. `prefix`: what stands for `$aws/` in request topics behind a renaming bridge.

    `records` None: beside the streams in PostgreSQL, or a folder of this worker's own. `root_ca`, `cert` and `key` are
    PEM files for TLS.

    Raises:
        ConfigError: one line that names the setting.
    """

    transport: TransportName
    url: str
    store: str
    records: str | None = None
    share: str = SHARE
    sharing: Sharing = Sharing.JETSTREAM
    replicas: int = 1
    prefix: str = "$aws/"
    client_id_from: ClientIdFrom = ClientIdFrom.NONE
    account_id: str = ACCOUNT_ID
    log_group: str = groups.REAL
    log_level: str = "debug"
    root_ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without touching anything."""
        if self.transport is TransportName.NATS and not self.url.startswith((_NATS, "tls://")):
            raise ConfigError(f"url {self.url!r}: use nats://HOST:4222, several with commas between them")
        if self.transport is TransportName.EMBEDDED and not self.url.startswith("mqtt://"):
            raise ConfigError(f"url {self.url!r}: use mqtt://HOST:1883, where the embedded broker is to listen")
        if self.transport is TransportName.MQTT and not self.url.startswith(("mqtt://", "mqtts://")):
            raise ConfigError(f"url {self.url!r}: use mqtt://HOST:1883 or mqtts://HOST:8883")
        self._check_tls()
        if not self.share or not set(self.share) <= _SHARE_NAME:
            raise ConfigError(f"share {self.share!r}: use a-z A-Z 0-9 _ -")
        if not self.prefix.endswith("/") or set(self.prefix) & set("+# "):
            raise ConfigError(f"prefix {self.prefix!r}: use the begin of a topic up to a slash, as in ota/req/")
        if self.client_id_from is ClientIdFrom.BROKER and self.transport is not TransportName.EMBEDDED:
            raise ConfigError(
                "client_id_from broker: neither NATS nor mosquitto tells a worker who has published, only the embedded "
                "broker does; use topic where the broker lets a client use its own thing's topics only, else none"
            )
        if not is_account_id(self.account_id):
            raise ConfigError(f"account_id {self.account_id!r}: use 12 digits")
        if not groups.is_group_name(self.log_group):
            raise ConfigError(f"log_group {self.log_group!r}: use 1 to 512 of a-z A-Z 0-9 . - _ / #")
        if levels.find(self.log_level) is None:
            raise ConfigError(f"log_level {self.log_level}: use {' | '.join(levels.Level).lower()}")

    @property
    def is_tls(self) -> bool:
        """Whether the URL asks for TLS."""
        return self.url.startswith(("tls://", "mqtts://"))

    def _check_tls(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise ConfigError("a certificate and its key go together: --cert and --key")
        if not self.is_tls and (self.root_ca or self.cert) is not None:
            raise ConfigError(f"url {self.url!r} is not TLS: --root-ca, --cert and --key need tls:// or mqtts://")

    @property
    def level(self) -> levels.Level:
        """Which records are kept."""
        return levels.find(self.log_level) or levels.Level.DEBUG

    @property
    def records_in(self) -> str:
        """Where records go."""
        if self.records is not None:
            return self.records
        return self.store if is_database(self.store) else str(Path(".ota-stream") / f"worker-{os.getpid()}")


def new_name() -> str:
    """Return a name for a worker that no other has."""
    return f"worker-{os.getpid()}-{uuid.uuid4().hex[:8]}"
