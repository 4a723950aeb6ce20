"""The settings of one simulator: what a YAML file, a command line or a test may say, checked and in one place."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from ota_broker.front.profile import PROFILES
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.options import JobOptions
from ota_stream.logs import groups, levels
from ota_stream.logs.entries import ACCOUNT_ID, is_account_id
from ota_stream.streams.options import StreamOptions
from ota_stream.updates.options import UpdateOptions

_Options = TypeVar("_Options", bound=msgspec.Struct)


class ConfigError(OtaStreamError):
    """A setting is not one, or has a value it cannot have."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything has a default; amqtt builds one of these from the plugin's part of a YAML file.

    `firmware` are paths, file ids 0, 1, ... of one stream named `stream_id`. `mqtt_port` and `http_port` 0 pick a free
    port; `http_port` None is 4566, or a free one when that is taken. `durable`: an answer waits for the disk (R3).
    `options` are the names and values of StreamOptions, JobOptions (`jobs.NAME`) and UpdateOptions (`updates.NAME`).

    Raises:
        ConfigError: one line that names the setting.
    """

    firmware: list[str] = field(default_factory=list[str])
    stream_id: str | None = None
    host: str = "127.0.0.1"
    mqtt_port: int = 1883
    http_port: int | None = None
    data_dir: str = ".ota-stream"
    log_level: str | None = None
    logging: bool = True
    log_group: str = groups.REAL
    account_id: str = ACCOUNT_ID
    failure_level: str = "DEBUG"  # G-11
    durable: bool = False
    profile: str = "aws"
    aws_backend: str | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Check what can be checked without touching anything."""
        for name, port in (("mqtt_port", self.mqtt_port), ("http_port", self.http_port)):
            if port is not None and not 0 <= port <= 65_535:  # noqa: PLR2004 - TCP
                raise ConfigError(f"{name} {port}: use 0 (any free port) to 65535")
        if self.log_level is not None and levels.find(self.log_level) is None:
            raise ConfigError(f"log_level {self.log_level}: use {' | '.join(levels.Level).lower()}")
        if not groups.is_group_name(self.log_group):
            raise ConfigError(f"log_group {self.log_group!r}: use 1 to 512 of a-z A-Z 0-9 . - _ / #")
        if not is_account_id(self.account_id):
            raise ConfigError(f"account_id {self.account_id!r}: use 12 digits")
        if self.failure_level not in {"DEBUG", "ERROR"}:
            raise ConfigError(f"failure_level {self.failure_level}: use DEBUG or ERROR")
        if self.profile not in PROFILES:
            raise ConfigError(f"profile {self.profile}: use {' or '.join(PROFILES)}")
        if self.aws_backend is not None and not _is_url(self.aws_backend):
            raise ConfigError(f"aws_backend {self.aws_backend!r}: use a URL, http://HOST:PORT")
        self.stream_options()
        self.job_options()
        self.update_options()
        strangers = {name for name in self.options if "." in name and name.partition(".")[0] not in {"jobs", "updates"}}
        if strangers:
            raise ConfigError(f"options: {', '.join(sorted(strangers))}: write NAME, jobs.NAME or updates.NAME")

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

    def _options_of(self, service: str) -> dict[str, Any]:
        named = (name.partition(".") for name in self.options)
        return {rest: self.options[f"{service}.{rest}"] for first, dot, rest in named if dot and first == service}

    def level(self) -> levels.Level | None:
        """Return the log level, or None: what was set before, DEBUG for a new account."""
        return None if self.log_level is None else levels.find(self.log_level)

    def level_of_failures(self) -> Literal["DEBUG", "ERROR"]:
        """Return the level of a failed request's entry."""
        return cast("Literal['DEBUG', 'ERROR']", self.failure_level)

    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the port."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


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
