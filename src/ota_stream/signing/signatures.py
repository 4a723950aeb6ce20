"""Signatures over an image: how they are made and checked, and their one text form, base64 of the bytes."""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from msgspec import Struct

from ota_stream.signing import errors, keys
from ota_stream.signing.platforms import Algorithm

_HASHES: Final = {"SHA256": hashes.SHA256, "SHA1": hashes.SHA1}
_RSA_SIZES: Final = (128, 256, 384, 512)  # bytes of a raw RSA signature: keys of 1024 to 4096 bits
_SEQUENCE: Final = 0x30  # first byte of an ECDSA signature in DER
_DER_MAX: Final = 144  # bytes; P-521 makes the longest
_LAYERS_MAX: Final = 3  # of base64: the blob's own, a user's, a tool's


class Signature(Struct, frozen=True, gc=False):
    """A signature as the job document tells it: the key it stands under, and its text."""

    algorithm: Algorithm
    text: str


def sign(image: bytes, key_pem: bytes, algorithm: Algorithm) -> bytes:
    """Return the signature over `image`: DER for ECDSA, PKCS #1 v1.5 for RSA.

    It is the same each time (RFC 6979), where OpenSSL can do that.

    Raises ControlError (ValidationException): the key does not fit the algorithm.
    """
    key = keys.private_key(key_pem)
    _check_fit(key, algorithm)
    digest = _HASHES[algorithm.hash_name]()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(image, padding.PKCS1v15(), digest)
    return key.sign(image, _ecdsa(digest))


def _ecdsa(digest: hashes.HashAlgorithm) -> ec.ECDSA:
    try:
        return ec.ECDSA(digest, deterministic_signing=True)
    except UnsupportedAlgorithm:  # an OpenSSL before 3.2
        return ec.ECDSA(digest)


def verify(image: bytes, signature: bytes, certificate_pem: bytes, algorithm: Algorithm) -> bool:
    """Tell whether `signature` (bytes, not text) is the certificate's over `image`.

    Raises ControlError (ValidationException): the certificate does not fit the algorithm.
    """
    key = keys.public_key(certificate_pem)
    _check_fit(key, algorithm)
    digest = _HASHES[algorithm.hash_name]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, image, padding.PKCS1v15(), digest)
        else:
            key.verify(signature, image, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def text(signature: bytes) -> str:
    """Return the one form a device reads: base64 of the bytes, once."""
    return base64.b64encode(signature).decode()


def custom(signature: bytes) -> str:
    """Return the text of a signature made elsewhere, given as its bytes or as base64 text of them.

    `inlineDocument` is a blob: the same file reaches the service as bytes from one tool and as base64 text from
    another, so every layer of base64 is taken off, then one is put on. Raises ControlError (ValidationException):
    under all layers there is no signature.
    """
    content, layers = unwrap(signature)
    if layers is None:
        raise errors.validation("the custom signature is neither DER nor RSA bytes, nor base64 of them")
    return text(content)


def unwrap(signature: bytes) -> tuple[bytes, int | None]:
    """Return a signature's bytes and how many layers of base64 lay around them.

    Two are a user's mistake worth showing. None: there is no signature inside.
    """
    content = signature
    for layers in range(_LAYERS_MAX + 1):
        if _is_signature(content):
            return content, layers
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error:
            break
    return signature, None


def _is_signature(content: bytes) -> bool:
    return _is_der(content) or (len(content) in _RSA_SIZES and not content.isascii())


def _is_der(content: bytes) -> bool:
    """Tell whether this is one ASN.1 SEQUENCE of two INTEGERs, as ECDSA makes it."""
    if not 8 <= len(content) <= _DER_MAX or content[0] != _SEQUENCE:  # noqa: PLR2004 - the shortest: 30 06 02 01 r 02 01 s
        return False
    head = 3 if content[1] == 0x81 else 2  # noqa: PLR2004 - a length byte of its own
    length, body = content[head - 1], content[head:]
    if length != len(body) or body[0] != 0x02:  # noqa: PLR2004 - INTEGER
        return False
    rest = body[2 + body[1] :]
    return len(rest) > 2 and rest[0] == 0x02 and len(rest) == 2 + rest[1]  # noqa: PLR2004 - INTEGER, its head


def _check_fit(key: keys.PrivateKey | keys.PublicKey, algorithm: Algorithm) -> None:
    kind = keys.kind_of(key)
    if kind is not algorithm.kind:
        raise errors.validation(f"the key is {kind.value}, but {algorithm.value} needs {algorithm.kind.value}")
