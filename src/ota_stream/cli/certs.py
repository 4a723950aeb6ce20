"""`ota-stream certs`: the CA's certificate, and identities for devices and operators, as files."""

import shlex
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ota_broker.offline import Mint, minting
from ota_stream.api.aws.provisioning import BATCH_MAX, Order, Role
from ota_stream.cli import endpoints
from ota_stream.cli.control_client import ControlClient
from ota_stream.cli.endpoints import EndpointError, EndpointUrlOption
from ota_stream.errors import OtaStreamError
from ota_stream.names import is_thing_name
from ota_stream.stores.datadir import DEFAULT
from ota_stream.stores.keys import write_secret

FOLDER: Final = "certs"  # in a data directory
CA: Final = "ca.pem"
_SHOWN_MAX: Final = 5  # identities that get a line of their own
_SUBJECT: Final = x509.Name([])  # the simulator names it, as AWS does

certs_app: Final = typer.Typer(help="Certificates: the simulator's CA, and identities for devices and operators.")

DataDirOption = Annotated[Path, typer.Option(help="Data directory of the simulator, which may run or not.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.  [default: DATA_DIR/certs]")
]


class CertsError(OtaStreamError):
    """A file of an identity cannot be written, or is there already."""


@certs_app.command("ca")
def ca(output: OutputOption = None, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None) -> None:
    """Write the certificate of the simulator's CA, for devices to trust, as ca.pem.

    Example:
      ota-stream certs ca -o build
    """
    folder = _folder(output, data_dir)
    with _minting(data_dir, endpoint_url) as (pem, _):
        _write(folder / CA, pem.encode())
    typer.echo(folder / CA)


@certs_app.command("thing")
def thing(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Thing names.")] = None,
    *,
    count: Annotated[int, typer.Option(min=0, max=100_000, help="This many more, named by the prefix.")] = 0,
    prefix: Annotated[str, typer.Option(help="... and a number from 1.")] = "device-",
    output: OutputOption = None,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Mint an identity for each thing: key, certificate registered ACTIVE, thing and policy attached.

    Examples:

      ota-stream certs thing door-lock-7 -o build

      ota-stream certs thing --count 1000 --prefix dev-
    """  # noqa: D412 - typer joins the lines of a paragraph
    wanted = [*(names or ()), *(f"{prefix}{number}" for number in range(1, count + 1))]
    _mint("thing", wanted, _folder(output, data_dir), data_dir, endpoint_url)


@certs_app.command("operator")
def operator(
    name: Annotated[str, typer.Argument(help="A name for its files.")],
    *,
    output: OutputOption = None,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Mint an identity that may do everything, wildcards included.

    Example:
      ota-stream certs operator me
    """
    _mint("operator", [name], _folder(output, data_dir), data_dir, endpoint_url)


def _folder(output: Path | None, data_dir: Path) -> Path:
    return data_dir / FOLDER if output is None else output


def _mint(role: Role, names: list[str], folder: Path, data_dir: Path, endpoint_url: str | None) -> None:
    names = [*dict.fromkeys(names)]
    if not names:
        raise CertsError("name a thing, or say --count")
    for name in names:
        if not is_thing_name(name):  # it becomes the name of a file too
            raise CertsError(f"name {name[:200]!r}: use 1 to 128 of a-z A-Z 0-9 : _ -")
    if taken := next((name for name in names if key_file(folder, name).exists()), None):
        raise CertsError(f"{key_file(folder, taken)} is there already: take it away, or choose another directory")
    for made in _written(role, names, folder, data_dir, endpoint_url):
        if len(names) <= _SHOWN_MAX:
            typer.echo(f"{made[0]}: certificate {made[1]}, ACTIVE, policy ota-stream-{role}")
    name = names[0] if len(names) == 1 else "each NAME"
    typer.echo(f"{name}.cert.pem, {name}.private.key and {CA} are in {folder}")
    _suggest(names[0], folder, data_dir)


def write_identity(data_dir: Path, thing: str, folder: Path) -> None:
    """Write the certificate of a thing, its key and the CA, from the running simulator. Raises CertsError."""
    list(_written("thing", [thing], folder, data_dir, None))


def _written(
    role: Role, names: list[str], folder: Path, data_dir: Path, endpoint_url: str | None
) -> Generator[tuple[str, str]]:
    """Mint and write identities; give the name and the certificate's id of each."""
    with _minting(data_dir, endpoint_url) as (pem, mint):
        _write(folder / CA, pem.encode())
        for start in range(0, len(names), BATCH_MAX):
            keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in names[start : start + BATCH_MAX]}
            made = mint(Order({name: _request(key) for name, key in keys.items()}, role))
            for name, (certificate_id, certificate) in made.items():
                key = keys[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                _write(key_file(folder, name), key)
                _write(certificate_file(folder, name), certificate.encode())
                yield name, certificate_id


def _request(key: ec.EllipticCurvePrivateKey) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(_SUBJECT).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def certificate_file(folder: Path, name: str) -> Path:
    """Return where the certificate of an identity is."""
    return folder / f"{name}.cert.pem"


def key_file(folder: Path, name: str) -> Path:
    """Return where its private key is, readable by its owner only."""
    return folder / f"{name}.private.key"


def _suggest(name: str, folder: Path, data_dir: Path) -> None:
    host, port = endpoints.mqtt(data_dir, tls=True)
    files = {"cafile": folder / CA, "cert": certificate_file(folder, name), "key": key_file(folder, name)}
    shown = " ".join(f"--{option} {shlex.quote(str(file))}" for option, file in files.items())
    topic = shlex.quote(f"$aws/things/{name}/jobs/get")
    typer.echo(f"try: mosquitto_pub -h {host} -p {port} {shown} -i {name} -q 1 -t {topic} -m '{{}}'")


@contextmanager
def _minting(data_dir: Path, endpoint_url: str | None) -> Generator[tuple[str, Mint]]:
    """Give the CA's certificate, and what mints: the running simulator, or we ourselves where none runs."""
    try:
        endpoint = endpoints.find(data_dir, endpoint_url)
    except EndpointError:
        if endpoint_url is not None:
            raise
        with minting(data_dir) as found:
            yield found
        return
    client = ControlClient(endpoint)

    def mint(order: Order) -> Mapping[str, tuple[str, str]]:
        made = client.post("certificates", body=msgspec.to_builtins(order))["certificates"]
        return {name: (each["certificateId"], each["certificatePem"]) for name, each in made.items()}

    yield client.get("ca")["certificatePem"], mint


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, content)
    except OSError as error:
        raise CertsError(f"{path} cannot be written: {error.strerror}") from error
