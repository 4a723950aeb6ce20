"""How certificates of devices are issued: signed by the local CA, with the validity of AWS's own."""

import secrets
from datetime import UTC, datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ota_stream.api.aws.given import invalid
from ota_stream.signing.keys import KeyPair, certificate, private_key

_UNTIL: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)  # as AWS's own
_DAY: Final = 86_400.0
NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "AWS IoT Certificate")])


class Issuer:
    """The local CA at a moment (epoch seconds); its key is read once, whatever the number of certificates."""

    def __init__(self, ca: KeyPair, now: float) -> None:
        self._certificate, self._key = certificate(ca.certificate), private_key(ca.key)
        self._from = datetime.fromtimestamp(now - _DAY, UTC)
        self._authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def sign(self, subject: x509.Name, key: Any) -> str:  # noqa: ANN401 - any kind of public key
        """Return a client's certificate (PEM) for this key."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject if len(subject.rdns) else NAME)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(secrets.randbits(158) + 1)
            .not_valid_before(self._from)
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._authority, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def answer(self, request: str) -> str:
        """Return the certificate (PEM) that a signing request (PEM) asks for. Raises ControlError."""
        try:
            csr = x509.load_pem_x509_csr(request.encode())
            valid, key = csr.is_signature_valid, csr.public_key()
        except (ValueError, InvalidSignature, UnsupportedAlgorithm):
            raise invalid("certificateSigningRequest: this is not a PEM certificate signing request") from None
        if not valid:
            raise invalid("certificateSigningRequest: its signature is not that of its key")
        return self.sign(csr.subject, key)
