"""What an OTA update is made with where nobody says otherwise: bucket, role, and a signing profile per kind of key."""

from enum import StrEnum
from typing import Final

from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.profiles import SigningProfile
from ota_stream.stores.keys import SIGNER

BUCKET: Final = "ota-stream-firmware"
ROLE: Final = "arn:aws:iam::123456789012:role/ota-stream"  # the API wants one; nobody assumes it
PLATFORM: Final = "AmazonFreeRTOS-Default"


class Sign(StrEnum):
    """Whether the image is signed, and with which kind of key."""

    ECDSA = "ecdsa"
    RSA = "rsa"
    NONE = "none"


PROFILES: Final = {
    kind: SigningProfile(
        name=f"ota_stream_{kind}",
        platform=PLATFORM,
        certificate=f"{SIGNER}{kind}",
        certificate_path=f"{kind}-sha256-signer.crt.pem",
        algorithm=algorithm,
    )
    for kind, algorithm in ((Sign.ECDSA, Algorithm.SHA256_ECDSA), (Sign.RSA, Algorithm.SHA256_RSA))
}
"""The profile of a kind of key: made on first use, the same ever after."""
