"""Certificates of devices: signed by the simulator's own CA, so that a listener can verify them, and known to moto."""

import secrets
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown, invalid
from ota_stream.api.aws.moto.state import backends_of, check_region
from ota_stream.signing.keys import certificate, private_key

_UNTIL: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)  # as AWS's own
_KEY: Final = "ota-stream key"  # no member of the model: callers cannot send it
_DAY: Final = 86_400.0
_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AWS IoT Certificate")])


def new_key(given: Given) -> Given:
    """Return the request of CreateKeysAndCertificate with a key: RSA, as AWS's is. That takes 0.1 s of a thread."""
    return {**given, _KEY: rsa.generate_private_key(public_exponent=65_537, key_size=2048)}


def create_keys(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """CreateKeysAndCertificate, of a request that `new_key` has prepared (JC-20)."""
    key: rsa.RSAPrivateKey = given[_KEY]
    shown = _register(cloud, _signed(cloud, _NAME, key.public_key()), active=bool(given.get("setAsActive")))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    pair = {"PublicKey": public.decode(), "PrivateKey": private.decode()}
    return {**shown, "keyPair": pair}, Effect()


def create_from_csr(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """CreateCertificateFromCsr."""
    try:
        csr = x509.load_pem_x509_csr(given["certificateSigningRequest"].encode())
        valid, key = csr.is_signature_valid, csr.public_key()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        raise invalid("certificateSigningRequest: this is not a PEM certificate signing request") from None
    if not valid:
        raise invalid("certificateSigningRequest: its signature is not that of its key")
    return _register(cloud, _signed(cloud, csr.subject, key), active=bool(given.get("setAsActive"))), Effect()


def _signed(cloud: AwsOperated, subject: x509.Name, key: Any) -> str:  # noqa: ANN401 - any kind of public key
    """Return a certificate (PEM) for this key."""
    pair = cloud.keys.ca()
    issuer, issuer_key = certificate(pair.certificate), private_key(pair.key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject if len(subject.rdns) else _NAME)
        .issuer_name(issuer.subject)
        .public_key(key)
        .serial_number(secrets.randbits(158) + 1)
        .not_valid_before(datetime.fromtimestamp(cloud.clock.wall() - _DAY, UTC))
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _register(cloud: AwsOperated, pem: str, *, active: bool) -> Shown:
    """Have moto know the certificate, for policies and things to be attached to it."""
    check_region("iot", cloud.account, cloud.region)
    registry = backends_of("iot")[cloud.account][cloud.region]
    known = registry.register_certificate_without_ca(pem, "ACTIVE" if active else "INACTIVE")
    return {"certificateArn": known.arn, "certificateId": known.certificate_id, "certificatePem": pem}


CHANGES: Final = {"CreateKeysAndCertificate": create_keys, "CreateCertificateFromCsr": create_from_csr}
ASIDE: Final = {"CreateKeysAndCertificate": new_key}
"""What takes long and changes nothing: done in a thread, before the operation itself."""
