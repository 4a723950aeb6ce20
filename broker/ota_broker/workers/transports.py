"""Which transport the settings name; its library is an extra, so it is imported when somebody names it."""

import importlib
from collections.abc import Iterable
from typing import Any, Final

from ota_broker.config import ConfigError
from ota_broker.front.notices import Notices
from ota_broker.workers.embedded import Embedded
from ota_broker.workers.settings import Sharing, TransportName, WorkerSettings
from ota_broker.workers.tls import context_of
from ota_broker.workers.transport import Kind, Transport, TransportError
from ota_stream.clock import Clock

_EXTRA: Final = "pip install 'ota-stream[worker]'"


def transport_of(settings: WorkerSettings, clock: Clock, notices: Notices) -> Transport:
    """Return the transport, not open yet. Raises ConfigError: its library or a file is not there."""
    tls = context_of(settings)
    made: Transport
    if settings.transport is TransportName.EMBEDDED:
        made = Embedded(settings.url, clock, notices)
    elif settings.transport is TransportName.MQTT:
        made = _of("shared_subscription").SharedSubscription(
            settings.url, settings.share, settings.prefix, notices, tls
        )
    elif settings.sharing is Sharing.QUEUE:
        made = _of("queue_group").QueueGroup(settings.url, settings.share, notices, tls)
    else:
        made = _of("jetstream").JetStream(settings.url, settings.share, notices, tls, replicas=settings.replicas)
    return made


async def open_transport(transport: Transport, settings: WorkerSettings, kinds: Iterable[Kind]) -> None:
    """Connect and subscribe, as `Transport.open` does. Raises TransportError.

    In TLS 1.3 a server looks at certificates when we are done: one that asks for ours and gets none hangs up, at times
    in the middle of our first words, and then all we are told is "Broken pipe".
    """
    try:
        await transport.open(kinds)
    except TransportError as error:
        if settings.is_tls and settings.cert is None:
            raise TransportError(f"{error} (if it asks for a certificate of this worker: --cert and --key)") from None
        raise


def _of(name: str) -> Any:  # noqa: ANN401 - a module of an extra
    try:
        return importlib.import_module(f"ota_broker.workers.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed; workers need an extra: {_EXTRA}") from None
