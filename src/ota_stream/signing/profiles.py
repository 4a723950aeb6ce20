"""A signing profile: which certificate signs for which platform, and where the device keeps that certificate."""

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from ota_stream.signing import errors, platforms
from ota_stream.signing.platforms import ABILITIES, Ability, Algorithm

_NAME: Final = re.compile(r"[a-zA-Z0-9_]{2,64}")  # API model


class ProfileStatus(StrEnum):
    """Whether a profile may still sign."""

    ACTIVE = "Active"
    CANCELED = "Canceled"


class SigningProfile(Struct, frozen=True, gc=False):
    """What a signing job needs to know apart from the image.

    `certificate` names a key pair of the key store (an ACM ARN, as a rule). `certificate_path` is `certname`: the
    device's name of the certificate, which becomes `certfile` of the job document (OD-6). `algorithm` overrides the
    platform's default.
    """

    name: str
    platform: str
    certificate: str
    certificate_path: str
    algorithm: Algorithm | None = None
    status: ProfileStatus = ProfileStatus.ACTIVE

    @property
    def ability(self) -> Ability:
        """What its platform can do. Raises ControlError (ValidationException) for an unknown platform."""
        return ABILITIES[platforms.platform(self.platform)]

    @property
    def signs_with(self) -> Algorithm:
        """The algorithm its jobs use."""
        return self.algorithm or self.ability.algorithms[0]


def check(profile: SigningProfile) -> None:
    """Raise ControlError (ValidationException) when a profile could never sign."""
    if _NAME.fullmatch(profile.name) is None:
        raise errors.validation(f"signing profile name {profile.name!r}: use 2 to 64 of a-z A-Z 0-9 _")
    if profile.signs_with not in profile.ability.algorithms:
        raise errors.validation(f"platform {profile.platform} cannot sign with {profile.signs_with.value}")
    if not profile.certificate or not profile.certificate_path:
        raise errors.validation(f"signing profile {profile.name} needs a certificate and its path on the device")
