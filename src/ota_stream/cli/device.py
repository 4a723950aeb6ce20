"""`ota-stream device`: a simulated device with an OTA agent, from its first boot on."""

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from ota_device import mishaps, versions
from ota_device.device import ProgressSeen
from ota_device.errors import DeviceError
from ota_device.flavours import FLAVOURS, FlavourName
from ota_device.link import Link, LinkOptions
from ota_device.misfortune import Misfortune
from ota_device.mishaps import WrongClock
from ota_device.orders import Outcome
from ota_device.station import FIRST_VERSION, Hardware, Station, checked, held, in_use
from ota_device.storage import FolderStorage
from ota_device.verify import certificates_of
from ota_stream.cli.endpoints import DataDirOption, HostOption, PortOption, mqtt
from ota_stream.cli.fetch import progress_bar
from ota_stream.cli.protocols import Protocol
from ota_stream.cli.tls import CertOption, KeyOption, RootCaOption, TlsOption, credentials
from ota_stream.stores.datadir import DEFAULT
from ota_stream.stores.keys import signers

DEVICES: Final = DEFAULT / "devices"


def device(
    thing: Annotated[str, typer.Option(help="Thing name; also the MQTT client id.")],
    *,
    flavour: Annotated[FlavourName, typer.Option(help="Which agent to play.")] = FlavourName.FREERTOS,
    protocol: Annotated[
        list[Protocol] | None,
        typer.Option(help="How it downloads. Repeatable, the primary one first.  [default: mqtt]", show_default=False),
    ] = None,
    flash: Annotated[
        Path | None, typer.Option(help="Directory of its flash.  [default: .ota-stream/devices/THING]")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            metavar="CERT",
            help="Signer's certificate (PEM), held under whatever name a job gives it.  [default: the simulator's own]",
        ),
    ] = None,
    version: Annotated[str, typer.Option(metavar="X.Y.Z", help="Version of the image a new flash starts with.")] = str(
        FIRST_VERSION
    ),
    host: HostOption = None,
    port: PortOption = None,
    tls: TlsOption = False,
    cert: CertOption = None,
    key: KeyOption = None,
    root_ca: RootCaOption = None,
    data_dir: DataDirOption = DEFAULT,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:NAME=VALUE", help="What goes wrong with it; can be repeated: docs/faults.md."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Until one job has ended; 0 only if it succeeded.")] = False,
) -> None:
    """Run a device: it waits for OTA jobs, downloads, verifies, reboots, tests itself and reports.

    An image says its version with the text OTA-VERSION:1.2.3 somewhere in it; one without counts as one build newer
    than the running one. OTA-SELF-TEST:crash in it makes the new image crash as it starts.

    Examples:

      ota-stream device --thing door-lock-7 --ca signer.pem

      ota-stream device --thing door-lock-7 --flavour modular-json --once

      ota-stream device --thing door-lock-7 --protocol http --protocol mqtt

      ota-stream device --thing door-lock-7 --tls

      ota-stream device --thing door-lock-7 --once --fault power-cut:write=7
    """  # noqa: D412 - typer joins the lines of a paragraph
    first = versions.parse(version)
    if first is None:
        raise DeviceError(f"version {version!r}: use X.Y.Z, up to 255.255.65535")
    wrong = tuple(mishaps.read(text) for text in fault or ())
    anything = None if ca is None else _certificate(ca)
    folder = flash or DEVICES / checked(thing)
    address = mqtt(data_dir, tls=tls, host=host, port=port)
    if not tls and any(isinstance(each, WrongClock) for each in wrong):
        raise DeviceError("wrong-clock: only TLS asks for the time, so give --tls too (docs/faults.md)")
    days_off = sum(each.days for each in wrong if isinstance(each, WrongClock))
    files = credentials(thing, data_dir, cert, key, root_ca) if tls else None

    def link(attempts: int) -> Link:
        return Link(*address, thing, LinkOptions(attempts=attempts, credentials=files, days_off=days_off))

    with in_use(folder), _Screen() as screen:
        storage, misfortune = FolderStorage(folder), None
        if wrong:
            misfortune = Misfortune(storage, wrong)
        certificates = held(folder, anything, partial(_signers, data_dir, screen))
        agent = replace(FLAVOURS[flavour], speaks=tuple(each.upper() for each in protocol or (Protocol.MQTT,)))
        hardware = Hardware(storage, certificates, agent, first, misfortune)
        station = Station(thing, hardware, link, screen)
        outcome = station.run(once=once)
    if outcome is not Outcome.SUCCEEDED:
        raise typer.Exit(1)


def _certificate(path: Path) -> bytes:
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise DeviceError(f"certificate {path} cannot be read: {error.strerror}") from None
    if not certificates_of(pem):
        raise DeviceError(f"{path} holds no certificate: name a PEM file that begins with -----BEGIN CERTIFICATE-----")
    return pem


def _signers(data_dir: Path, screen: "_Screen") -> bytes:
    found = signers(data_dir)
    if not found:
        screen.say(
            f"no signer's certificate is in {data_dir}: name the simulator's --data-dir, or the certificate with --ca"
        )
    return found


class _Screen(ExitStack):
    """Prints a line for every step, and between the lines the bar of a download where there is a terminal."""

    _bar: ProgressSeen | None = None

    def say(self, text: str) -> None:
        self.close()  # the bar, if there is one: a line ends it
        self._bar = None
        typer.echo(text)
        sys.stdout.flush()

    def progress(self, received: int, size: int) -> None:
        if self._bar is None:
            self._bar = self.enter_context(progress_bar("receiving"))
        self._bar(received, size)
