"""The options: their defaults are the decisions of section 9, and none is read that does not exist."""

import msgspec
import pytest

from ota_stream.streams.options import StreamOptions

DECIDED = {
    "bitmap_json": "auto",  # G-1
    "out_of_range": "reject",  # G-2
    "empty_request": "accept",  # G-3
    "bitmap_max": 12_288,  # G-4
    "stream_qos": 0,  # G-7
    "oversized_data": "send",  # G-8
    "files_per_stream": 10,  # G-15
    "streams_max": 10_000,  # G-15
    "unknown_keys": "ignore",  # G-20
}


def test_the_defaults_are_the_decisions():
    assert msgspec.to_builtins(StreamOptions()) == DECIDED


@pytest.mark.parametrize("wrong", [{"bitmap": "auto"}, {"bitmap_json": "Auto"}, {"stream_qos": 2}, {"bitmap_max": "1"}])
def test_a_setting_that_is_none_is_refused_by_name(wrong):
    with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
        msgspec.convert(wrong, StreamOptions)
