"""Is this image the one that was signed: its size, and its signature against the certificate the device holds."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ota_device.document import Job, Signature
from ota_device.reasons import Code

_HASHES: Final = MappingProxyType[str, hashes.HashAlgorithm](
    {"sha256": hashes.SHA256(), "sha1": hashes.SHA1()}  # noqa: S303 - sig-sha1-rsa: AWS Signer's choice for some boards
)

JUDGED_MAX: Final = 64  # signatures that are remembered: the things of a fleet have one image, and one signature


class Certificates:
    """The certificates on a device, by the name job documents use.

    `anything` answers to every other name; without it `ask` is called for what shall, each time one is needed.
    """

    def __init__(
        self,
        named: Mapping[str, bytes] | None = None,
        anything: bytes | None = None,
        ask: Callable[[], bytes] | None = None,
    ) -> None:
        self._named = {name.lstrip("/"): pem for name, pem in (named or {}).items()}
        self._anything = anything
        self._ask = ask

    def find(self, name: str | None) -> list[x509.Certificate]:
        """Return what is held under a name: none when nothing is, or what is there is no certificate."""
        pem = self._named.get(name.lstrip("/"), self._anything) if name else None
        if pem is None and name and self._ask is not None:
            pem = self._ask()
        return [] if pem is None else [*_parsed(pem)]


def certificates_of(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates in a PEM text: none when there is none, or one of them is damaged."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


@lru_cache(maxsize=8)
def _parsed(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read a PEM text once, however many things of a fleet hold the same."""
    return tuple(certificates_of(pem))


def check(job: Job, image: bytes, certificates: Certificates) -> Code | None:
    """Return what is wrong with an image, or None. The order is the reference agent's (device-agents 6.4)."""
    if len(image) != job.size:
        return Code.BAD_BLOCK
    held = certificates.find(job.certificate)
    if not held:
        return Code.CERTIFICATE
    if job.signature is None:
        return Code.SIGNATURE
    digest = _digest(image, job.signature)
    return None if any(_is_signed(digest, job.signature, certificate) for certificate in held) else Code.SIGNATURE


def _digest(image: bytes, signature: Signature) -> bytes:
    hashed = hashes.Hash(_hash_of(signature))
    hashed.update(image)
    return hashed.finalize()


def _hash_of(signature: Signature) -> hashes.HashAlgorithm:
    _, name, _ = signature.algorithm.split("-")
    return _HASHES[name]


@lru_cache(maxsize=JUDGED_MAX)
def _is_signed(digest: bytes, signature: Signature, certificate: x509.Certificate) -> bool:
    """Judge by the key the signature came under: sig-<hash>-<algorithm>; DER for ECDSA, PKCS #1 v1.5 for RSA."""
    hashed = Prehashed(_hash_of(signature))
    try:
        key = certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey) and signature.algorithm.endswith("-ecdsa"):
            key.verify(signature.value, digest, ec.ECDSA(hashed))
            return True
        if isinstance(key, rsa.RSAPublicKey) and signature.algorithm.endswith("-rsa"):
            key.verify(signature.value, digest, padding.PKCS1v15(), hashed)
            return True
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):  # the last two: a certificate with no usable key
        return False
    return False
