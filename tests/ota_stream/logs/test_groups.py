import pytest

from ota_stream.logs import groups


def test_both_spellings_are_one_group():  # LG-1, LG-2, G-9
    assert groups.resolve("AWSIotLogsV2") == groups.resolve("AWSIoTLogsV2") == "AWSIotLogsV2"


@pytest.mark.parametrize("name", ["mine", "awsiotlogsv2", "AWSIotLogs"])
def test_another_name_is_another_group(name: str):  # LG-3: the old plain-text group is not this one
    assert groups.resolve(name) == name


@pytest.mark.parametrize("name", [groups.REAL, groups.SEED, "/aws/iot#1", "..", "x" * 512])
def test_what_the_api_allows_is_a_name(name: str):  # LQ-5
    assert groups.is_group_name(name)


@pytest.mark.parametrize("name", ["", "x" * 513, "a b", "ä", "a\n", "a:b"])
def test_what_the_api_refuses_is_none(name: str):  # LQ-5
    assert not groups.is_group_name(name)
