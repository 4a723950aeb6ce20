"""Versions, as text, as numbers and in images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_device import versions
from ota_device.versions import Version

VERSIONS = st.builds(Version, st.integers(0, 255), st.integers(0, 255), st.integers(0, 65_535))


@given(VERSIONS)
def test_a_version_comes_back_from_text_number_and_image(version):
    assert versions.parse(str(version)) == version
    assert versions.of_number(f"0x{version.number:08x}") == version
    assert versions.of_number(str(version.number)) == version
    assert versions.of_number(f"0{version.number:o}") == version
    assert versions.of_image(f"...OTA-VERSION:{version} ...".encode()) == version


@given(VERSIONS, VERSIONS)
def test_versions_are_in_the_order_of_their_numbers(one, other):
    assert (one < other) == (one.number < other.number)


def test_the_number_of_the_captures_is_meant():
    assert versions.of_number("0x00090002") == Version(0, 9, 2)


@pytest.mark.parametrize("text", ["", "1.2", "1.2.3.4", "256.0.0", "0.256.0", "0.0.65536", "a.b.c", "1.2.3 "])
def test_what_is_no_version_is_none(text):
    assert versions.parse(text) is None


@pytest.mark.parametrize("text", ["", "0x", "0x1g", "12 ", "-1", "1.5", "09", "4294967296", "self", "\uff10"])
def test_what_is_no_c_integer_is_no_version(text):  # 6.1: it must parse completely
    assert versions.of_number(text) is None


def test_an_image_without_the_mark_says_nothing():
    assert versions.of_image(b"OTA-VERSION: 1.2.3") is None


def test_after_the_last_build_comes_the_first():
    assert Version(1, 2, 65_535).after == Version(1, 2, 0)
