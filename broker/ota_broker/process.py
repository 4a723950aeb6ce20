"""Running a broker process: amqtt with our plugin, until a signal says stop."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import amqtt
import yaml
from amqtt.broker import Broker
from amqtt.events import BrokerEvents

from ota_broker.config import ConfigError
from ota_broker.plugin import OtaStreamPlugin
from ota_broker.simulator import Simulator

AMQTT_VERSION: Final = "0.12.1"
_PLUGIN: Final = f"{OtaStreamPlugin.__module__}.{OtaStreamPlugin.__qualname__}"
_RELIED_ON: Final = ("start", "shutdown")  # of amqtt's Broker; and of its events:
_EVENTS: Final = ("broker_post_start", "broker_pre_shutdown")

log: Final = logging.getLogger("ota_broker")


def amqtt_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an amqtt configuration that runs our plugin with these settings and opens no port of amqtt's own."""
    return {"listeners": {"default": {"type": "external"}}, "plugins": {_PLUGIN: dict(settings)}}


def read_config(path: Path) -> dict[str, Any]:
    """Read an amqtt YAML file that has our plugin.

    Raises:
        ConfigError: it cannot be read, or is not one.
    """
    try:
        config: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config file {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file {path} is not YAML: {' '.join(str(error).split())}") from error
    plugins: object = cast("dict[str, Any]", config).get("plugins") if isinstance(config, dict) else None
    if not isinstance(plugins, dict) or _PLUGIN not in plugins:
        raise ConfigError(f"config file {path}: under `plugins` there must be `{_PLUGIN}:`")
    return cast("dict[str, Any]", config)


def run(config: dict[str, Any], on_ready: Callable[[Simulator], None]) -> None:
    """Run until SIGINT or SIGTERM. `on_ready` is called once the port is open.

    Raises:
        OtaStreamError: it could not start; one line says why.
    """
    check_amqtt()
    if sys.platform == "win32":
        asyncio.run(_main(config, on_ready))
    else:
        import uvloop  # noqa: PLC0415 - not on Windows

        uvloop.run(_main(config, on_ready))


def check_amqtt() -> None:
    """Raise ConfigError when amqtt is not the one we know: its plugin events carry our start and stop."""
    known = all(hasattr(Broker, name) for name in _RELIED_ON) and set(_EVENTS) <= set(BrokerEvents)
    if amqtt.__version__ != AMQTT_VERSION or not known:
        raise ConfigError(f"amqtt {amqtt.__version__} is installed; this ota-stream needs amqtt {AMQTT_VERSION}")


async def _main(config: dict[str, Any], on_ready: Callable[[Simulator], None]) -> None:
    config["plugins"][_PLUGIN] = {**(config["plugins"][_PLUGIN] or {}), "exit_on_failure": False}
    try:
        broker = Broker(config)
    except Exception as error:  # amqtt and what it loads raise what they like about a configuration
        raise _reason(error) from error
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await broker.start()
    plugin = broker.plugins_manager.get_plugin(OtaStreamPlugin.__name__)
    if not isinstance(plugin, OtaStreamPlugin):
        raise ConfigError(f"amqtt did not load {_PLUGIN}")
    try:
        if plugin.failure is not None:
            raise plugin.failure
        on_ready(plugin.simulator)
        await stop.wait()
    finally:
        await broker.shutdown()


def _reason(error: Exception) -> ConfigError:
    """Return our own reason when amqtt wrapped one, else the deepest there is."""
    cause: BaseException = error
    while cause.__cause__ is not None and not isinstance(cause, ConfigError):
        cause = cause.__cause__
    return (
        cause
        if isinstance(cause, ConfigError)
        else ConfigError(f"broker configuration: {type(cause).__name__}: {cause}")
    )
