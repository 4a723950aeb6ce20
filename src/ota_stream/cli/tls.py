"""The options with which a simulated device speaks TLS."""

from pathlib import Path
from typing import Annotated

import typer

from ota_device.link import Credentials
from ota_stream.cli.certs import CA, FOLDER, certificate_file, key_file

TlsOption = Annotated[bool, typer.Option("--tls", help="Speak TLS, with what `ota-stream certs thing` has written.")]
CertOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="Its certificate.  [default: DATA_DIR/certs/THING.cert.pem]")
]
KeyOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="Its private key.  [default: DATA_DIR/certs/THING.private.key]")
]
RootCaOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="Who it trusts as a server's CA.  [default: DATA_DIR/certs/ca.pem]")
]


def credentials(thing: str, data_dir: Path, cert: Path | None, key: Path | None, root_ca: Path | None) -> Credentials:
    """Return the files of a thing; those that were not named are where `ota-stream certs thing` puts them."""
    folder = data_dir / FOLDER
    return Credentials(cert or certificate_file(folder, thing), key or key_file(folder, thing), root_ca or folder / CA)
