from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.stores import log_streams
from ota_stream.stores.errors import StoreError

TIMES = st.integers(min_value=0, max_value=2**44 - 1)


@given(TIMES, TIMES)
def test_names_sort_in_the_order_of_their_making(one: int, other: int):  # LG-5
    early, late = sorted((one, other))
    names = [log_streams.build(early, "123456789012", 10), log_streams.build(late, "123456789012", 9)]
    assert early == late or names == sorted(names)


@given(TIMES)
def test_a_name_tells_its_time(milliseconds: int):
    assert log_streams.milliseconds(log_streams.build(milliseconds, "123456789012", 0)) == milliseconds


def test_two_names_of_one_moment_differ():
    assert log_streams.build(1, "123456789012", 0) != log_streams.build(1, "123456789012", 0)


@pytest.mark.parametrize("account_id", ["", "1", "../../../../x", "12345678901a"])
def test_what_is_no_account_becomes_no_file(account_id: str):  # A5
    with pytest.raises(StoreError, match="use 12 digits"):
        log_streams.build(0, account_id, 0)


def test_both_spellings_lie_in_one_folder(tmp_path: Path):  # LG-2
    assert log_streams.folder(tmp_path, "AWSIoTLogsV2") == tmp_path / "logs" / "AWSIotLogsV2"
    assert log_streams.folder(tmp_path, "AWSIotLogsV2") == tmp_path / "logs" / "AWSIotLogsV2"


@pytest.mark.parametrize("group", ["..", ".", "../x", "/etc", "a/../../b", "a#b.c"])
def test_a_groups_name_leads_nowhere_else(tmp_path: Path, group: str):  # A5
    folder = log_streams.folder(tmp_path, group)
    assert folder.parent == tmp_path / "logs"
    assert folder.resolve() == folder
    folder.mkdir(parents=True)
    assert log_streams.found(tmp_path) == [group]


@pytest.mark.parametrize("group", ["", "a b", "x" * 513])
def test_what_is_no_group_has_no_folder(tmp_path: Path, group: str):
    with pytest.raises(StoreError, match="log group"):
        log_streams.folder(tmp_path, group)


def test_nothing_is_found_where_nothing_is(tmp_path: Path):  # LG-4
    assert log_streams.found(tmp_path) == []
    assert log_streams.names(tmp_path / "logs") == []


def test_other_files_are_none_of_ours(tmp_path: Path):
    name = log_streams.build(1, "123456789012", 0)
    for file in (f"{name}.jsonl", f"{name}.json", f"x{name}.jsonl", "notes.jsonl", f"f{name[1:]}.jsonl"):
        (tmp_path / file).touch()
    assert log_streams.names(tmp_path) == [name]


def test_a_folder_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Not a directory"):
        log_streams.names(tmp_path / "file")
