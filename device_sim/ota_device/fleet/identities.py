"""The TLS settings of each thing: its own certificate and key, from a folder, and the CA it trusts."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ota_device.errors import DeviceError

CA: Final = "ca.pem"
CERTIFICATE: Final = "{thing}.cert.pem"  # as `ota-stream certs` and the AWS console name them
KEY: Final = "{thing}.private.key"


def contexts(folder: Path | None, ca: Path | None) -> Callable[[str], ssl.SSLContext]:
    """Return what makes the context of a thing: with its certificate when there is a folder of them.

    It raises OSError for a thing without one.

    Raises:
        DeviceError: the CA cannot be read; one line.
    """
    trusted = ca or (None if folder is None else folder / CA)
    if trusted is None:
        raise DeviceError("TLS needs the CA of the broker's certificate: name its file")
    _trusting(trusted)

    def context(thing: str) -> ssl.SSLContext:
        made = _trusting(trusted)
        if folder is not None:
            certificate, key = folder / CERTIFICATE.format(thing=thing), folder / KEY.format(thing=thing)
            try:
                made.load_cert_chain(certificate, key)
            except OSError as error:  # ssl.SSLError is one
                raise OSError("no usable certificate of the thing in the folder") from error
        return made

    return context


def check(things: list[str], folder: Path) -> None:
    """See whether every thing has a certificate. Raises DeviceError."""
    missing = [thing for thing in things if not (folder / CERTIFICATE.format(thing=thing)).is_file()]
    if missing:
        raise DeviceError(
            f"{len(missing)} of {len(things)} things have no certificate in {folder}, the first is "
            f"{CERTIFICATE.format(thing=missing[0])}: `ota-stream certs thing` makes them"
        )


def _trusting(ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise DeviceError(f"the CA {ca} cannot be used: {error.strerror or error}") from None
    return context
