"""How a worker speaks TLS to its broker: whom it trusts, and who it says it is."""

import ssl

from ota_broker.config import ConfigError
from ota_broker.workers.settings import WorkerSettings


def context_of(settings: WorkerSettings) -> ssl.SSLContext | None:
    """Return the context of a worker's connections, None when its URL does not ask for TLS.

    Raises:
        ConfigError: a file cannot be read, or is none.
    """
    if not settings.is_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.root_ca)  # None: those that the machine trusts
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"root_ca {settings.root_ca}: {_said(error)}") from None
    if settings.cert is not None:
        try:
            context.load_cert_chain(settings.cert, settings.key)
        except OSError as error:
            raise ConfigError(f"cert {settings.cert} with key {settings.key}: {_said(error)}") from None
    return context


def _said(error: OSError) -> str:
    return error.strerror or str(error)
