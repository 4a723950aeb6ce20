"""Key pairs as PEM: how a CA, and what it signs for code and for TLS, are minted. It knows no file."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from ota_stream.signing import errors
from ota_stream.signing.platforms import KeyKind

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256: FIPS 186-5, SP 800-186
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class KeyPair(Struct, frozen=True, gc=False):
    """A private key (PKCS #8) and its certificate, both PEM. The key is a secret: keep it with mode 0600."""

    key: bytes
    certificate: bytes

    def __repr__(self) -> str:
        return "KeyPair(key=<secret>)"


class KeyStore(Protocol):
    """Where key pairs are kept."""

    def get_or_mint(self, certificate: str, kind: KeyKind) -> KeyPair:
        """Return the pair of this certificate's name (an ARN, as a rule); the first call mints one of this kind.

        Raises ControlError when the name can have no key pair.
        """
        ...


class Validity(Struct, frozen=True, gc=False):
    """From when to when a certificate holds (epoch seconds), and its serial number (1 to 2**159 - 1)."""

    not_before: float
    not_after: float
    serial: int


def mint_ca(common_name: str, kind: KeyKind, validity: Validity) -> KeyPair:
    """Return a new self-signed CA."""
    key = _new_key(kind)
    name = _name(common_name)
    builder = _certificate(name, name, key, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(certificates=True), critical=True)
    return _pair(key, builder.sign(key, hashes.SHA256()))


def mint_code_signing(
    common_name: str, kind: KeyKind, ca: KeyPair, validity: Validity, secret: int | None = None
) -> KeyPair:
    """Return a new pair whose certificate is for code signing and signed by `ca`. Raises ControlError for a bad CA.

    `secret`: an ECDSA key follows from it, for runs that are to be the same; RSA keys are new all the same.
    """
    key = _new_key(kind) if secret is None or kind is KeyKind.RSA else _key_of(secret)
    return _pair(key, _signed(common_name, ExtendedKeyUsageOID.CODE_SIGNING, key, ca, validity, []))


def mint_server(names: Iterable[str], ca: KeyPair, validity: Validity) -> KeyPair:
    """Return a new ECDSA pair for a TLS server that is called by these host names and IP addresses."""
    key = _new_key(KeyKind.ECDSA)
    called = x509.SubjectAlternativeName([_called(name) for name in names])
    return _pair(key, _signed("localhost", ExtendedKeyUsageOID.SERVER_AUTH, key, ca, validity, [called]))


def called(known: x509.Certificate) -> frozenset[str]:
    """Return the host names and IP addresses that a certificate is for."""
    try:
        names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = names.get_values_for_type(x509.IPAddress)
    return frozenset(names.get_values_for_type(x509.DNSName)) | {str(address) for address in addresses}


def _called(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signed(  # noqa: PLR0913, PLR0917 - what a certificate says
    common_name: str,
    purpose: x509.ObjectIdentifier,
    key: PrivateKey,
    ca: KeyPair,
    validity: Validity,
    more: Iterable[x509.ExtensionType],
) -> x509.Certificate:
    issuer, issuer_key = certificate(ca.certificate), private_key(ca.key)
    builder = _certificate(_name(common_name), issuer.subject, key, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def private_key(pem: bytes) -> PrivateKey:
    """Return the key of a PEM. Raises ControlError (ValidationException): not a P-256 or RSA key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise errors.validation("the private key is not an unencrypted PEM key") from None
    if isinstance(key, rsa.RSAPrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise errors.validation("the private key is neither RSA nor ECDSA on the curve P-256")


def certificate(pem: bytes) -> x509.Certificate:
    """Return the certificate of a PEM. Raises ControlError (ValidationException)."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise errors.validation("the certificate is not a PEM certificate") from None


def public_key(pem: bytes) -> PublicKey:
    """Return the public key of a certificate in PEM. Raises ControlError (ValidationException)."""
    key = certificate(pem).public_key()
    if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return key
    raise errors.validation("the certificate's key is neither RSA nor ECDSA")


def kind_of(key: PrivateKey | PublicKey) -> KeyKind:
    """Return what a key is."""
    return KeyKind.RSA if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) else KeyKind.ECDSA


def check_code_signing(pem: bytes) -> None:
    """Raise ControlError (ValidationException) unless a certificate may sign code, as AWS Signer asks."""
    extensions = certificate(pem).extensions
    try:
        signs = extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        signs, purposes = False, x509.ExtendedKeyUsage([])
    if not signs or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise errors.validation(
            "the certificate may not sign code: it needs the key usage digitalSignature and the purpose codeSigning"
        )


def _new_key(kind: KeyKind) -> PrivateKey:
    if kind is KeyKind.RSA:
        return rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _key_of(secret: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1 + secret % (_ORDER - 1), ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: PrivateKey, validity: Validity) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(validity.serial)
        .not_valid_before(datetime.fromtimestamp(validity.not_before, UTC))
        .not_valid_after(datetime.fromtimestamp(validity.not_after, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(key: PrivateKey, cert: x509.Certificate) -> KeyPair:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(pem, cert.public_bytes(Encoding.PEM))
