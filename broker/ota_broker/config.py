"""The settings of one simulator: what a YAML file, a command line or a test may say, checked and in one place."""

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from ota_broker.access import Anonymous
from ota_broker.front.metering import quotas
from ota_broker.front.metering.quotas import QuotaError, Quotas
from ota_broker.front.options import MqttOptions
from ota_broker.front.profile import PROFILES
from ota_stream.diagnosis.service import THINGS_MAX
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.options import JobOptions
from ota_stream.logs import groups, levels
from ota_stream.logs.entries import ACCOUNT_ID, is_account_id
from ota_stream.streams.options import StreamOptions
from ota_stream.updates.options import UpdateOptions

LOOPBACK: Final = "127.0.0.1"
_HOST: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*")
_ROOMS: Final = ("jobs", "updates", "mqtt")  # whose options have a name before the dot

_Options = TypeVar("_Options", bound=msgspec.Struct)


class ConfigError(OtaStreamError):
    """A setting is not one, or has a value it cannot have."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything has a default; amqtt builds one of these from the plugin's part of a YAML file.

    `firmware` are paths, file ids 0, 1, ... of one stream named `stream_id`. Ports that are 0 pick a free one;
    `http_port` None is 4566, or a free one when that is taken, `https_port` 8443. `tls` opens a port more for MQTT and
    one for HTTPS, whose certificate is for this machine's own names and for `hostnames` (names or IP addresses).
    `clock` is system, manual, or a moment in ISO 8601 at which a manual one stands (ota_broker.moved_time). With a
    `seed` two runs are the same: ids, versions, picks, faults (ota_broker.dice). `durable`: an answer waits for the
    disk (R3).
    Where others can reach `host`, only TLS is open to them, unless it is `insecure`. `anonymous` is what may be done
    without a certificate: as an `operator` everything, as a `thing` what the thing of that name may, or nothing.
    `log_writer_after`: seconds until records move from the journal into rows; till then readers find them there.
    `quotas` is aws, count, off or a YAML file; `faults` is a YAML file. `diagnose`: of how many things at a time it is
    watched how they talk, 0 for none.
    `options` are the names and values of StreamOptions, JobOptions (`jobs.NAME`) and UpdateOptions (`updates.NAME`).

    Raises:
        ConfigError: one line that names the setting.
    """

    firmware: list[str] = field(default_factory=list[str])
    stream_id: str | None = None
    host: str = LOOPBACK
    mqtt_port: int = 1883
    tls: bool = False
    tls_port: int = 8883  # MS-1
    hostnames: list[str] = field(default_factory=list[str])
    require_sni: bool = False  # MS-3
    insecure: bool = False
    anonymous: str = Anonymous.OPERATOR.value
    http_port: int | None = None
    https_port: int | None = None  # MS-2
    data_dir: str = ".ota-stream"
    log_level: str | None = None
    logging: bool = True
    log_group: str = groups.REAL
    account_id: str = ACCOUNT_ID
    failure_level: str = "DEBUG"  # G-11
    log_writer_after: float = 0.0
    clock: str = "system"
    seed: int | None = None
    durable: bool = False
    profile: str = "aws"
    quotas: str = "count"
    diagnose: int = 100
    faults: str | None = None
    aws_backend: str | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Check what can be checked without touching anything."""
        self._check_ports()
        self._check_access()
        if self.log_level is not None and levels.find(self.log_level) is None:
            raise ConfigError(f"log_level {self.log_level}: use {' | '.join(levels.Level).lower()}")
        if not groups.is_group_name(self.log_group):
            raise ConfigError(f"log_group {self.log_group!r}: use 1 to 512 of a-z A-Z 0-9 . - _ / #")
        if not is_account_id(self.account_id):
            raise ConfigError(f"account_id {self.account_id!r}: use 12 digits")
        if self.failure_level not in {"DEBUG", "ERROR"}:
            raise ConfigError(f"failure_level {self.failure_level}: use DEBUG or ERROR")
        self.stands_at()
        if isinstance(self.diagnose, bool) or not 0 <= self.diagnose <= THINGS_MAX:
            raise ConfigError(f"diagnose {self.diagnose}: say how many things are watched at a time, 0 to {THINGS_MAX}")
        if self.profile not in PROFILES:
            raise ConfigError(f"profile {self.profile}: use {' or '.join(PROFILES)}")
        if self.aws_backend is not None and not _is_url(self.aws_backend):
            raise ConfigError(f"aws_backend {self.aws_backend!r}: use a URL, http://HOST:PORT")
        self.kept_quotas()
        self.stream_options()
        self.job_options()
        self.update_options()
        self.mqtt_options()
        strangers = {name for name in self.options if "." in name and name.partition(".")[0] not in _ROOMS}
        if strangers:
            rooms = f"{', '.join(f'{room}.NAME' for room in _ROOMS[:-1])} or {_ROOMS[-1]}.NAME"
            raise ConfigError(f"options: {', '.join(sorted(strangers))}: write NAME, {rooms}")

    def _check_ports(self) -> None:
        for name in ("mqtt_port", "tls_port", "http_port", "https_port"):
            port = getattr(self, name)
            if port is not None and not 0 <= port <= 65_535:  # noqa: PLR2004 - TCP
                raise ConfigError(f"{name} {port}: use 0 (any free port) to 65535")
        for name in self.hostnames:
            if not _is_host(name):
                raise ConfigError(f"hostname {name[:80]!r}: use a host name or an IP address")

    def _check_access(self) -> None:
        if self.anonymous not in set(Anonymous):
            raise ConfigError(f"anonymous {self.anonymous}: use {' | '.join(Anonymous)}")
        if not (self.is_loopback() or self.tls or self.insecure):
            raise ConfigError(
                f"host {self.host} can be reached from other machines: use --tls, so that they need certificates,"
                " or --insecure, so that they may do everything"
            )
        if self.tls and self.aws_backend is not None:
            raise ConfigError("tls: certificates are registered at the aws_backend, where they cannot be looked up")

    def stands_at(self) -> float | None:
        """Return the moment (epoch seconds) at which time stands in the beginning, None when it goes on."""
        if self.clock in {"system", "manual"}:
            return None
        try:
            moment = datetime.fromisoformat(self.clock)
        except ValueError:
            wanted = "use system, manual or a moment, for example 2026-01-01T00:00:00Z"
            raise ConfigError(f"clock {self.clock[:80]!r}: {wanted}") from None
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()

    def kept_quotas(self) -> Quotas:
        """Return how each quota is kept."""
        try:
            return quotas.read(self.quotas)
        except QuotaError as error:
            raise ConfigError(str(error)) from error

    def stream_options(self) -> StreamOptions:
        """Return the options of the streams service: names without a dot."""
        plain = {name: value for name, value in self.options.items() if "." not in name}
        return _converted(plain, StreamOptions, "docs/wire.md")

    def job_options(self) -> JobOptions:
        """Return the options of the jobs service: `jobs.NAME`."""
        options = {**self._options_of("jobs"), "account_id": self.account_id}
        return _converted(options, JobOptions, "docs/jobs.md")

    def update_options(self) -> UpdateOptions:
        """Return the options of OTA updates: `updates.NAME`."""
        options = {**self._options_of("updates"), "account_id": self.account_id}
        return _converted(options, UpdateOptions, "docs/updates.md")

    def mqtt_options(self) -> MqttOptions:
        """Return the options of the front door: `mqtt.NAME`."""
        return _converted(self._options_of("mqtt"), MqttOptions, "docs/mqtt.md")

    def _options_of(self, service: str) -> dict[str, Any]:
        named = (name.partition(".") for name in self.options)
        return {rest: self.options[f"{service}.{rest}"] for first, dot, rest in named if dot and first == service}

    def level(self) -> levels.Level | None:
        """Return the log level, or None: what was set before, DEBUG for a new account."""
        return None if self.log_level is None else levels.find(self.log_level)

    def level_of_failures(self) -> Literal["DEBUG", "ERROR"]:
        """Return the level of a failed request's entry."""
        return cast("Literal['DEBUG', 'ERROR']", self.failure_level)

    def plain_host(self) -> str:
        """Return the address for MQTT without TLS and for HTTP, which ask for no proof: loopback, unless `insecure`."""
        return self.host if self.insecure or self.is_loopback() else LOOPBACK

    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the port."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def _is_host(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return _HOST.fullmatch(name) is not None
    return True


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _converted(options: dict[str, Any], shape: type[_Options], page: str) -> _Options:
    try:
        return msgspec.convert(options, shape, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"options: {error}; the names and values are in {page}") from None
