"""Identities and TLS clients for tests: good certificates, and every kind of bad one."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from live import RawClient

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


class Identity(NamedTuple):
    """A certificate and its key, as files."""

    cert: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.cert.read_text()


class Signer(NamedTuple):
    """Who signs: None for a certificate that signs itself."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def local_ca(data_dir: Path) -> Signer:
    """Return the CA of a simulator, key included: the test is its owner."""
    cert, key = (next((data_dir / "keys").glob(f"ota-stream-local-CA-*.{ending}")) for ending in ("crt", "key"))
    loaded = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return Signer(x509.load_pem_x509_certificate(cert.read_bytes()), loaded)


def make(
    folder: Path,
    name: str,
    signer: Signer | None = None,
    *,
    days: tuple[int, int] = (-2, 2),
    purpose: x509.ObjectIdentifier = CLIENT,
    is_ca: bool = False,
) -> Identity:
    """Write a certificate that is valid from so many days on until so many."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if signer is None else signer.cert.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    cert = builder.sign(key if signer is None else signer.key, hashes.SHA256())
    made = Identity(folder / f"{name}.cert.pem", folder / f"{name}.private.key")
    made.cert.write_bytes(cert.public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def signer_of(made: Identity) -> Signer:
    key = load_pem_private_key(made.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Signer(x509.load_pem_x509_certificate(made.cert.read_bytes()), key)


def context(ca: Path, identity: Identity | None = None) -> ssl.SSLContext:
    """Return what a client speaks TLS with."""
    found = ssl.create_default_context(cafile=ca)
    if identity is not None:
        found.load_cert_chain(identity.cert, identity.key)
    return found


class TlsClient(RawClient):
    """The raw client behind a handshake. `name` is the SNI, and what the server's certificate must be for."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext, name: str | None = "localhost") -> None:
        super().__init__(address)
        plain = self.socket
        try:
            self.socket: ssl.SSLSocket = tls.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise


def is_refused(address: tuple[str, int], tls: ssl.SSLContext, name: str | None = "localhost") -> bool:
    """Tell whether a CONNECT gets no answer. With TLS 1.3 a client learns it at its first read."""
    try:
        with TlsClient(address, tls, name) as client:
            client.connect("anybody")
    except (ssl.SSLError, ConnectionError, TimeoutError):
        return True
    return False
