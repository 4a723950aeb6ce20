"""What can be wrong with a signature, on request: the negative scenarios of AWS's own end-to-end tests."""

import base64
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from ota_stream.signing import errors
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.signatures import Signature, text


class Damage(StrEnum):
    """A named way to spoil a signature."""

    UNSIGNED = "unsigned"  # UnsignedImage: the document of OD-11
    WRONG_KEY = "wrong-key"  # UntrustedCertificate: another key signs
    CORRUPTED = "corrupted"  # CorruptSignature: one bit is wrong
    WRONG_ALGORITHM = "wrong-algorithm"  # IncorrectSigningAlgorithm: it stands under another algorithm's key


def _corrupt(signature: Signature) -> Signature:
    content = base64.b64decode(signature.text)
    # the last bit: the DER around it stays whole, so that the device gets as far as checking it
    return replace(signature, text=text(content[:-1] + bytes([content[-1] ^ 1])))


_OTHERS: Final = {
    Algorithm.SHA256_ECDSA: Algorithm.SHA1_RSA,
    Algorithm.SHA256_RSA: Algorithm.SHA256_ECDSA,
    Algorithm.SHA1_RSA: Algorithm.SHA256_ECDSA,
    Algorithm.SHA1_ECDSA: Algorithm.SHA256_RSA,
}


def _rename(signature: Signature) -> Signature:
    return replace(signature, algorithm=_OTHERS[signature.algorithm])


def _drop(_: Signature) -> None:
    return None


def _keep(signature: Signature) -> Signature:
    return signature


DAMAGES: Final[dict[Damage, Callable[[Signature], Signature | None]]] = {
    Damage.UNSIGNED: _drop,
    Damage.WRONG_KEY: _keep,  # done where the key is chosen (SigningService)
    Damage.CORRUPTED: _corrupt,
    Damage.WRONG_ALGORITHM: _rename,
}


def damage(name: str) -> Damage:
    """Return the damage of this name. Raises ControlError (ValidationException)."""
    try:
        return Damage(name)
    except ValueError:
        known = ", ".join(each.value for each in Damage)
        raise errors.validation(f"there is no signature damage {name!r}: use one of {known}") from None


def spoil(signature: Signature, how: Damage | None) -> Signature | None:
    """Return the signature as the job document shall tell it, or None for an unsigned file."""
    return signature if how is None else DAMAGES[how](signature)
