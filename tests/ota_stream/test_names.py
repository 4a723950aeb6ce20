"""What may be a name."""

import pytest

from ota_stream.names import AGENT_STREAM_ID_MAX, is_stream_id, is_thing_name

GOOD = ["a", "Z", "0", "_", "-", "AFR_OTA-6be2303d", "a" * 128]
BAD = ["", "a" * 129, " ", "a b", "a/b", "a.b", "a+b", "#", "$aws", "a\n", "\na", "a\x00", "\u00e9", "\u0661", "\uff21"]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_a_stream_id_and_a_thing_name(name):
    """ST-11, Q-34."""
    assert is_stream_id(name)
    assert is_thing_name(name)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_is_neither(name):
    """ST-11, Q-34."""
    assert not is_stream_id(name)
    assert not is_thing_name(name)


def test_a_colon_may_stand_in_a_thing_name_only():
    """ST-11, Q-34."""
    assert is_thing_name("a:b")
    assert not is_stream_id("a:b")


def test_the_name_of_an_ota_update_s_stream_fits_the_c_agents():
    """ST-11: AFR_OTA- and a UUID."""
    assert len("AFR_OTA-08957b03-eea3-448a-87fe-743e6891ca3a") == AGENT_STREAM_ID_MAX
