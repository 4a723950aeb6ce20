"""What the flavours say, byte for byte against the captures of device-agents section 3 and 6.5."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_world import SIZE
from images import image_bytes
from ota_device.download import State
from ota_device.flavours import (
    FLAVOURS,
    FREERTOS,
    MODULAR_CBOR,
    MODULAR_JSON,
    RUSTOT,
    Facts,
    FlavourName,
    Moment,
    by_window,
)
from ota_device.reasons import Code, Reason
from ota_device.reception import Reception
from ota_device.versions import Version
from ota_stream.streams.codec import CODECS

FACTS = Facts(
    running=Version(0, 9, 3),
    old=Version(0, 9, 2),
    new=Version(0, 9, 3),
    received=1,
    total=15,
    reason=Reason(Code.SIGNATURE),
)


def first_request(flavour, size=SIZE, missing=None):
    return Reception(0, size, flavour, missing).start(0.0)


def all_but(*here: int, total: int = 15) -> int:
    return ((1 << total) - 1) ^ sum(1 << block_id for block_id in here)


@pytest.mark.parametrize(
    ("flavour", "missing", "captured"),
    [
        (FREERTOS, None, "a6616363726479616600616c191000616f00616242ff7f616e08"),
        (FREERTOS, all_but(*range(8)), "a6616363726479616600616c191000616f00616242007f616e08"),
        (FREERTOS, all_but(0, 1, 2, 4, 5, 6, 7), "a6616363726479616600616c191000616f00616242087f616e08"),
        (
            MODULAR_JSON,
            None,
            "7b2273223a20312c2266223a20302c226c223a20343039362c226f223a20302c226e223a20317d",
        ),
        (MODULAR_CBOR, all_but(0), "a6616363726479616600616c191000616f016162444d513d3d616e01"),
    ],
)
def test_a_block_request_is_the_captured_one(flavour, missing, captured):  # 3.1, 3.2
    assert first_request(flavour, missing=missing) == bytes.fromhex(captured)


def test_rustot_asks_for_31_blocks_of_its_window():  # 6.5
    assert first_request(RUSTOT) == bytes.fromhex("a4616600616c190100616f00616244ffffff7f")


@given(st.integers(1, 200).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, (1 << total) - 1))))
def test_a_window_begins_at_a_multiple_of_31_and_asks_for_all_that_is_missing_in_it(case):
    total, missing = case
    plan = by_window(missing, total, 31, 256)
    wanted = {block_id for block_id in range(total) if missing >> block_id & 1}
    assert plan.block_offset % 31 == 0
    assert plan.awaited == {one for one in wanted if plan.block_offset <= one < plan.block_offset + 31}
    assert min(wanted) in plan.awaited


@pytest.mark.parametrize(
    ("flavour", "payload", "topic", "qos"),
    [
        (FREERTOS, b'{"clientToken":":dev1"}', "$next/get", 1),  # 3.1
        (MODULAR_JSON, b'{"clientToken":"test"}', "start-next", 0),  # 3.2
        (MODULAR_CBOR, b'{"clientToken":"test"}', "start-next", 0),
        (RUSTOT, b"{}", "$next/get", 1),  # 6.5
    ],
)
def test_a_job_is_asked_for_as_captured(flavour, payload, topic, qos):
    assert (flavour.job_request("dev1"), flavour.job_topic, flavour.job_qos) == (payload, topic, qos)


@pytest.mark.parametrize(
    ("moment", "payload", "qos"),
    [
        (Moment.PROGRESS, b'{"status":"IN_PROGRESS","statusDetails":{"receive":"1/15"}}', 0),
        (
            Moment.ACTIVE,
            b'{"status":"IN_PROGRESS","statusDetails":{"self_test":"active","updatedBy":"0x00090003"}}',
            1,
        ),
        (
            Moment.ACCEPTED,
            b'{"status":"SUCCEEDED","statusDetails":{"reason":"accepted  v0.9.3","updatedBy":"  v0.9.2"}}',
            1,
        ),
        (Moment.FAILED, b'{"status":"FAILED","statusDetails":{"reason":"0x000000e3: 0x00000000"}}', 1),
    ],
)
def test_the_freertos_agent_reports_as_captured(moment, payload, qos):  # 3.1, OA-2 to OA-6
    report = FREERTOS.reports[moment](FACTS)
    assert (report.payload, report.qos) == (payload, qos)


def test_the_old_image_of_the_freertos_agent_reports_ready_as_captured():  # OA-3
    report = FREERTOS.reports[Moment.READY](Facts(Version(0, 9, 2), Version(0, 9, 2), Version(0, 9, 2)))
    assert report.payload == (
        b'{"status":"IN_PROGRESS","statusDetails":{"self_test":"ready","updatedBy":"0x00090002"}}'
    )


@pytest.mark.parametrize("moment", FREERTOS.reports)
def test_a_status_message_of_the_freertos_agent_has_at_most_128_bytes(moment):  # OA-13
    longest = Version(255, 255, 65_535)
    facts = Facts(longest, longest, longest, 1023, 1024, Reason(Code.JOB_PARSER, 0xFFFFFFFF))
    assert len(FREERTOS.reports[moment](facts).payload) <= 128


def test_the_library_devices_know_the_versions_by_heart():  # 1.11, 6.2
    before, after = (
        FACTS,
        Facts(**{name: getattr(FACTS, name) for name in FACTS.__struct_fields__} | {"restarted": True}),
    )
    reports = MODULAR_JSON.reports
    assert reports[Moment.READY](before).payload == (
        b'{"status":"IN_PROGRESS","expectedVersion":"2","statusDetails":{"updatedBy":"589827"}}'
    )
    assert reports[Moment.ACCEPTED](after).payload == b'{"status":"SUCCEEDED","expectedVersion":"3"}'
    assert reports[Moment.ACCEPTED](before).payload == b'{"status":"SUCCEEDED","expectedVersion":"2"}'
    assert b'"expectedVersion":"2"' in reports[Moment.FAILED](before).payload
    assert b'"expectedVersion":"3"' in reports[Moment.FAILED](after).payload
    assert reports is MODULAR_CBOR.reports


@pytest.mark.parametrize("moment", RUSTOT.reports)
def test_the_details_of_rustot_are_short(moment):  # section 5: at most 4 entries, keys of 15 characters
    details = json.loads(RUSTOT.reports[moment](FACTS).payload)["statusDetails"]
    assert len(details) <= 4
    assert max(map(len, details)) <= 15


def test_the_table_has_every_flavour_under_its_name():
    assert [(name, flavour.name) for name, flavour in FLAVOURS.items()] == [(name, name) for name in FlavourName]


# A reception


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_a_reception_goes_on_with_what_is_here(flavour):
    codec, content = CODECS[flavour.format], image_bytes(flavour.block_size * 40 + 1)
    reception = Reception(0, len(content), flavour, missing=0b1101)
    assert (reception.total, reception.received) == (41, 38)
    assert reception.start(0.0) is not None
    for block_id in (0, 2, 3):
        start = block_id * flavour.block_size
        body = codec.block_body(0, block_id, content[start : start + flavour.block_size])
        reception.on_data(codec.block_head(flavour.block_token) + body, 1.0)
        assert reception.piece is not None
        assert (reception.piece.block_id, reception.piece.start) == (block_id, start)
        assert reception.piece.data == content[start : start + flavour.block_size]
    assert (reception.state, reception.received) == (State.DONE, 41)


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_a_reception_of_nothing_missing_is_done_without_a_request(flavour):
    reception = Reception(0, 100, flavour, missing=0)
    assert reception.start(0.0) is None
    assert reception.state is State.DONE
