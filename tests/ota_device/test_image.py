"""What an image says about itself."""

import hashlib

import pytest

from device_world import firmware
from ota_device.image import CRASH, OFFLINE, Findings, inspect
from ota_device.versions import Version


@pytest.mark.parametrize(
    ("image", "version", "starts", "connects"),
    [
        (firmware("1.2.3"), Version(1, 2, 3), True, True),
        (firmware(None), None, True, True),
        (firmware("1.2.3", more=CRASH), Version(1, 2, 3), False, True),
        (firmware("1.2.3", more=OFFLINE), Version(1, 2, 3), True, False),
        (b"1", None, False, True),
    ],
)
def test_an_image_is_read_from_end_to_end(image: bytes, version: Version | None, starts: bool, connects: bool):
    assert inspect(image) == Findings(hashlib.sha256(image).hexdigest(), version, starts, connects)
