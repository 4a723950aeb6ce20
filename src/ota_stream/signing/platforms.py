"""The signing platforms there are, and under which key of a job document each algorithm's signature stands (OD-10)."""

from enum import Enum, StrEnum
from typing import Final

from msgspec import Struct

from ota_stream.signing import errors

MIB: Final = 1024 * 1024


class KeyKind(StrEnum):
    """What a key pair is."""

    ECDSA = "ECDSA"  # P-256
    RSA = "RSA"  # 2048 bits, PKCS #1 v1.5


class Algorithm(StrEnum):
    """How an image is signed. The value is the key in the job document, hash first."""

    SHA256_ECDSA = "sig-sha256-ecdsa"
    SHA256_RSA = "sig-sha256-rsa"
    SHA1_RSA = "sig-sha1-rsa"
    SHA1_ECDSA = "sig-sha1-ecdsa"

    @property
    def hash_name(self) -> str:
        """`SHA256` or `SHA1`, as the API writes it."""
        return self.value.split("-")[1].upper()

    @property
    def kind(self) -> KeyKind:
        """The kind of key it needs; its name is the API's signature algorithm."""
        return KeyKind(self.value.split("-")[2].upper())


class Platform(Enum):
    """A platform of AWS Signer that devices with an OTA agent use."""

    FREERTOS = "AmazonFreeRTOS-Default"
    TI_CC3220SF = "AmazonFreeRTOS-TI-CC3220SF"
    DEVICE_MANAGEMENT = "AWSIoTDeviceManagement-SHA256-ECDSA"


class Ability(Struct, frozen=True, gc=False):
    """What a platform can sign: its algorithms, the default first, and the largest image in bytes."""

    algorithms: tuple[Algorithm, ...]
    image_max: int


ABILITIES: Final = {
    Platform.FREERTOS: Ability((Algorithm.SHA256_ECDSA, Algorithm.SHA256_RSA), 16 * MIB),
    Platform.TI_CC3220SF: Ability((Algorithm.SHA1_RSA,), 16 * MIB),
    Platform.DEVICE_MANAGEMENT: Ability((Algorithm.SHA256_ECDSA,), 2048 * MIB),
}


def platform(name: str) -> Platform:
    """Return the platform of this name. Raises ControlError (ValidationException) when there is none."""
    try:
        return Platform(name)
    except ValueError:
        known = ", ".join(each.value for each in Platform)
        raise errors.validation(f"there is no signing platform {name!r}: use one of {known}") from None


def algorithm(hash_name: str, signature_name: str) -> Algorithm:
    """Return the algorithm of a custom signature, case aside. Raises ControlError (ValidationException)."""
    try:
        return Algorithm(f"sig-{hash_name}-{signature_name}".lower())
    except ValueError:
        raise errors.validation(
            f"no device knows a signature made with {hash_name!r} and {signature_name!r}: "
            "use SHA256 or SHA1, and ECDSA or RSA"
        ) from None
