"""Which platforms sign how, and the names that devices read."""

import pytest

from ota_stream.errors import ControlError
from ota_stream.signing.platforms import ABILITIES, Algorithm, KeyKind, Platform, algorithm, platform


@pytest.mark.parametrize(
    ("hash_name", "signature_name", "key", "kind"),
    [
        ("SHA256", "ECDSA", "sig-sha256-ecdsa", KeyKind.ECDSA),
        ("SHA256", "RSA", "sig-sha256-rsa", KeyKind.RSA),
        ("SHA1", "RSA", "sig-sha1-rsa", KeyKind.RSA),
        ("sha1", "ecdsa", "sig-sha1-ecdsa", KeyKind.ECDSA),
    ],
)
def test_hash_and_algorithm_make_the_key_of_the_job_document(hash_name, signature_name, key, kind):
    """OD-10."""
    found = algorithm(hash_name, signature_name)
    assert (found.value, found.hash_name, found.kind) == (key, hash_name.upper(), kind)


@pytest.mark.parametrize("names", [("MD5", "RSA"), ("SHA256", ""), ("", ""), ("SHA256-RSA", "X"), ("SHA512", "ECDSA")])
def test_an_algorithm_that_no_device_knows_is_refused(names):
    with pytest.raises(ControlError, match="SHA256 or SHA1, and ECDSA or RSA") as refused:
        algorithm(*names)
    assert (refused.value.name, refused.value.status) == ("ValidationException", 400)


@pytest.mark.parametrize(
    ("name", "algorithms"),
    [
        ("AmazonFreeRTOS-Default", (Algorithm.SHA256_ECDSA, Algorithm.SHA256_RSA)),
        ("AmazonFreeRTOS-TI-CC3220SF", (Algorithm.SHA1_RSA,)),
        ("AWSIoTDeviceManagement-SHA256-ECDSA", (Algorithm.SHA256_ECDSA,)),
    ],
)
def test_a_platform_signs_with_its_own_algorithms(name, algorithms):
    assert ABILITIES[platform(name)].algorithms == algorithms


def test_every_platform_says_what_it_can_do():
    assert set(ABILITIES) == set(Platform)


def test_an_unknown_platform_is_refused_with_the_known_ones():
    with pytest.raises(ControlError, match="AmazonFreeRTOS-Default"):
        platform("Toaster")
