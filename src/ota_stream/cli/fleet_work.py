"""What the things of a fleet do: download a stream, carry out an update made for them, or wait for any job."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_device.fleet.engine import Fleet, Give, Plan
from ota_device.fleet.job_work import JobWork, Keys
from ota_device.fleet.stream_work import Errand, StreamWork
from ota_device.verify import Certificates
from ota_stream.api.usual import Sign
from ota_stream.cli.control_client import connect
from ota_stream.cli.protocols import Protocol
from ota_stream.cli.update import Order, read, send
from ota_stream.signing.keys import Validity, mint_ca
from ota_stream.signing.platforms import KeyKind
from ota_stream.stores.keys import signers

_DAY: Final = 86_400.0


class Stream(Struct, frozen=True):
    """Download a file of a stream; again for so many seconds."""

    stream_id: str
    file_id: int = 0
    sha256: str | None = None
    again: float = 0.0


class Update(Struct, frozen=True):
    """Make an OTA update for all things at the running simulator, and carry it out."""

    firmware: Path
    data_dir: Path
    endpoint_url: str | None = None


class Job(Struct, frozen=True):
    """Carry out the first job that comes. `certificate` is the signer's, PEM."""

    certificate: bytes


Work = Stream | Update | Job


def giver(work: Work, plan: Plan) -> Callable[[Fleet], Give]:
    """Prepare the work, and return what gives every thing its own.

    Raises:
        OtaStreamError: the update cannot be made; one line.
    """
    match work:
        case Stream():
            return lambda _: _downloads(work)
        case Update():
            image = read(work.firmware)
            order = Order(
                tuple(f"thing/{name}" for name in plan.names()),
                None,
                tuple(sorted({Protocol(each.flavour.speaks[0].lower()) for each in plan.classes})),
                Sign.ECDSA,
                work.firmware.name,
                None,
            )
            send(connect(work.data_dir, work.endpoint_url), work.firmware, image, order)
            return _jobs(signers(work.data_dir))
        case Job():
            return _jobs(work.certificate)


def _downloads(work: Stream) -> Give:
    errand = Errand(work.stream_id, work.file_id, work.sha256, time.monotonic() + work.again)
    return lambda thing: StreamWork(thing, errand)


def _jobs(certificate: bytes) -> Callable[[Fleet], Give]:
    keys = Keys(Certificates(anything=certificate), Certificates(), Certificates(anything=_stranger()))
    return lambda _: lambda thing: JobWork(thing, keys)


def _stranger() -> bytes:
    """Return the certificate of a signer nobody signs with."""
    now = time.time()
    return mint_ca("another signer", KeyKind.ECDSA, Validity(now - _DAY, now + 365 * _DAY, 1)).certificate
