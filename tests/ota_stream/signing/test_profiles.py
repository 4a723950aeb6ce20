"""Signing profiles."""

import pytest
from msgspec.structs import replace

from ota_stream.errors import ControlError
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.profiles import SigningProfile, check

PROFILE = SigningProfile("profile_1", "AmazonFreeRTOS-Default", "arn:signer", "Code Verify Key")


def test_a_profile_signs_as_its_platform_does_by_default():
    check(PROFILE)
    assert PROFILE.signs_with is Algorithm.SHA256_ECDSA


def test_a_profile_may_choose_among_what_its_platform_can():
    rsa = replace(PROFILE, algorithm=Algorithm.SHA256_RSA)
    check(rsa)
    assert rsa.signs_with is Algorithm.SHA256_RSA


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "x"}, "2 to 64 of a-z"),
        ({"name": "with-dash"}, "2 to 64 of a-z"),
        ({"name": "x" * 65}, "2 to 64 of a-z"),
        ({"platform": "Toaster"}, "no signing platform 'Toaster'"),
        ({"algorithm": Algorithm.SHA1_RSA}, "cannot sign with sig-sha1-rsa"),
        ({"certificate": ""}, "needs a certificate"),
        ({"certificate_path": ""}, "its path on the device"),
    ],
)
def test_a_profile_that_could_never_sign_is_refused(changes, message):
    with pytest.raises(ControlError, match=message):
        check(replace(PROFILE, **changes))
