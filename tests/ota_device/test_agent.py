"""The agent's table, and what stands around it: subscriptions, waiting, notices, reports."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_world import SIZE, STREAM, THING, World, document, firmware
from ota_device.agent import Agent
from ota_device.boot import Booted
from ota_device.flavours import FLAVOURS, FREERTOS, MODULAR_JSON, RUSTOT
from ota_device.orders import Publish, Say, Subscribe
from ota_device.states import TABLE, Act, Event, Happened, State
from ota_device.versions import Version
from ota_stream.jobs.executions import Status
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Why
from ota_stream.streams.topics import Format

BASE = f"$aws/things/{THING}"
NOTIFY_NEXT = f"{BASE}/jobs/notify-next"
DATA = f"{BASE}/streams/{STREAM}/data/cbor"
CBOR = CODECS[Format.CBOR]
FIRST = Booted("slot-a", Version(0, 9, 0), Version(0, 9, 0), testing=False)


def receiving(flavour=FREERTOS) -> World:
    """Return a world whose device has got its first block."""
    world = World(flavour)
    world.offer(firmware())
    world.run(lambda: bool(world.bars))
    return world


def agent_of(world: World) -> Agent:
    assert world.machine is not None
    return world.machine._agent


# The table


def test_every_state_is_reached_and_every_act_used():
    assert {State.WAITING, State.TESTING} | {state for state, _ in TABLE.values()} == set(State)
    assert {act for _, act in TABLE.values()} == set(Act)
    assert {event for _, event in TABLE} == set(Event)
    assert State.OVER not in {state for state, _ in TABLE}


def test_the_agent_can_do_every_act():
    assert set(Agent._ACTS) == set(Act)


# Subscriptions and requests


def test_the_freertos_agent_subscribes_to_notify_next_and_the_blocks_and_nothing_else():  # JT-11, 1.1
    world = World()
    world.run()
    assert world.subscriptions == {NOTIFY_NEXT: 1}
    world.offer(firmware())
    world.run(lambda: bool(world.bars))
    assert world.subscriptions == {NOTIFY_NEXT: 1, DATA: 0}
    assert world.published("jobs/$next/get") == [b'{"clientToken":":dev1"}']


def test_the_library_devices_subscribe_to_the_blocks_only():  # 6.2
    world = receiving(MODULAR_JSON)
    assert world.subscriptions == {f"{BASE}/streams/{STREAM}/data/json": 0}


def test_rustot_subscribes_at_qos_1():  # 6.5
    world = receiving(RUSTOT)
    assert world.subscriptions == {NOTIFY_NEXT: 1, DATA: 1}


def test_the_subscription_to_the_blocks_ends_with_the_download():
    world = World()
    world.offer(firmware(), doc=document(b"other"), stream=firmware())
    world.run_job()
    assert world.subscriptions == {NOTIFY_NEXT: 1}


@pytest.mark.parametrize("flavour", [FREERTOS, RUSTOT])
def test_who_is_notified_asks_once_and_waits(flavour):  # 6.1: no answer, no retry
    agent = Agent(THING, flavour, FIRST)
    orders = agent.start(0.0)
    assert [type(order) for order in orders] == [Subscribe, Publish]
    assert agent.deadline is None
    assert agent.on_time(1e9) == []


def test_the_library_devices_ask_again_and_again():  # 6.2: the lab's agent, every 1.4 s
    agent = Agent(THING, MODULAR_JSON, FIRST)
    agent.start(0.0)
    assert agent.deadline == 1.4
    assert agent.on_time(1.3) == []
    assert [type(order) for order in agent.on_time(1.4)] == [Publish]
    assert agent.deadline == 2.8


def test_a_job_created_while_the_device_runs_comes_by_notify_next():  # 4.4
    world = World()
    world.run()
    world.offer(firmware())
    assert world.run_job()[0] is Status.SUCCEEDED
    assert len(world.published("jobs/$next/get")) == 2  # one for each boot


# Progress


def test_progress_is_reported_after_block_1_and_then_every_25():  # OA-2, 6.1
    world = World()
    world.offer(firmware(size=4096 * 60))
    world.run_job()
    reports = [payload for payload in world.published("jobs/job-1/update") if b"receive" in payload]
    assert reports == [b'{"status":"IN_PROGRESS","statusDetails":{"receive":"%d/60"}}' % count for count in (1, 25, 50)]


def test_progress_is_shown_in_bytes():
    world = World()
    world.offer(firmware())
    world.run_job()
    assert (world.bars[0], world.bars[-1]) == ((4096, SIZE), (SIZE, SIZE))
    assert world.bars == sorted(world.bars)


# In the middle of a download


def test_a_notice_in_mid_download_starts_again_at_block_0():  # 6.1
    world = receiving()
    assert world.machine is not None
    world.machine.on_message(world, NOTIFY_NEXT, b'{"timestamp":1}', world.wire.now)
    assert world.said[-1] == "job job-1: given up after 1 blocks"
    assert len(world.published("jobs/$next/get")) == 2
    first = world.published(f"streams/{STREAM}/get/cbor")[0]
    assert world.run_job()[0] is Status.SUCCEEDED
    assert world.published(f"streams/{STREAM}/get/cbor").count(first) == 2


def test_a_job_cancelled_in_mid_download_is_dropped():  # CancelThenUpdate
    world = receiving()
    world.cancel()
    world.run()
    assert world.subscriptions == {NOTIFY_NEXT: 1}
    assert agent_of(world).state is State.WAITING
    world.offer(firmware(), "job-2")
    assert world.run_job("job-2")[0] is Status.SUCCEEDED


def test_of_two_jobs_the_second_is_done_when_the_first_is_cancelled():  # 2UpdatesCancel1st
    world = World()
    world.offer(firmware())
    world.offer(firmware("0.9.5"), "job-2", {**document(firmware("0.9.5"), ota={"streamname": "second"})})
    world.run(lambda: bool(world.bars))
    world.cancel()
    assert world.run_job("job-2")[0] is Status.SUCCEEDED
    assert world.images[-1] == firmware("0.9.5")


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_a_lost_connection_goes_on_with_what_is_missing(flavour):  # DisconnectResume, 6.3
    world = receiving(flavour)
    here = len(world.bars)
    world.reconnect()
    assert world.run_job()[0] is Status.SUCCEEDED
    assert len(world.bars) == -(-SIZE // flavour.block_size)  # no block came twice
    assert here < len(world.bars)


def test_a_job_cancelled_while_the_connection_was_lost_is_noticed():  # DisconnectCancelUpdate
    world = receiving()
    world.control.cancel_job("job-1", world.wire.now, force=True)  # nobody hears of it
    world.reconnect()
    world.run()
    assert agent_of(world).state is State.WAITING
    world.offer(firmware(), "job-2")
    assert world.run_job("job-2")[0] is Status.SUCCEEDED


def test_another_job_after_a_lost_connection_takes_the_place_of_the_first():
    world = receiving()
    world.offer(firmware("0.9.7"), "job-2", document(firmware("0.9.7"), ota={"streamname": "second"}))
    world.control.cancel_job("job-1", world.wire.now, force=True)
    world.reconnect()
    assert world.run_job("job-2")[0] is Status.SUCCEEDED
    assert "job job-1: given up after 1 blocks" in world.said
    assert world.images[-1] == firmware("0.9.7")


@pytest.mark.parametrize(
    ("doc", "status"),
    [
        ({"operation": "reboot"}, Status.FAILED),
        (document(firmware(), filesize=0), Status.QUEUED),
    ],
)
def test_a_job_that_does_not_fit_takes_the_place_of_the_first_all_the_same(doc, status):
    world = receiving()
    world.offer(firmware(), "job-2", doc)
    world.control.cancel_job("job-1", world.wire.now, force=True)
    world.reconnect()
    world.run()
    assert world.execution("job-2")[0] is status
    assert agent_of(world).state is State.WAITING


def test_jobs_one_after_the_other_are_all_done():  # BackToBackDownloads
    world = World()
    for number in (1, 2, 3):
        image = firmware(f"0.9.{number}")
        world.offer(image, f"job-{number}", document(image, ota={"streamname": f"s{number}"}))
    assert [world.run_job(f"job-{number}")[0] for number in (1, 2, 3)] == [Status.SUCCEEDED] * 3
    assert world.images[-1] == firmware("0.9.3")
    assert [booted.slot for booted in world.boots] == ["slot-a", "slot-b", "slot-a", "slot-b"]


# Messages that mean nothing


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{BASE}/jobs/job-1/update/accepted", b"{}"),
        (f"{BASE}/jobs/notify", b"{}"),
        (f"{BASE}/shadow/update", b"{}"),
        (DATA, b"a block that nobody waits for"),
    ],
)
def test_what_the_agent_does_not_know_changes_nothing(topic, payload):
    agent = Agent(THING, FREERTOS, FIRST)
    agent.start(0.0)
    assert agent.on_message(topic, payload, 1.0) == []
    assert agent.state is State.WAITING


def test_a_rejected_update_is_said_and_changes_nothing():  # 6.3
    world = receiving()
    agent = agent_of(world)
    orders = agent.on_message(f"{BASE}/jobs/job-1/update/rejected", b'{"code":"VersionMismatch"}', 1.0)
    assert orders == [Say('the cloud refused: {"code":"VersionMismatch"}')]
    assert agent.state is State.RECEIVING


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (CBOR.encode_rejected(Why.STREAM_NOT_FOUND, None), "ResourceNotFound: The requested stream was not found"),
        (b"?", "b'?'"),
    ],
)
def test_a_rejection_of_the_stream_is_taken_for_a_bad_block(payload, said):  # 6.1, last but one
    world = receiving()
    assert world.machine is not None
    world.machine.on_message(world, f"{BASE}/streams/{STREAM}/rejected/cbor", payload, 1.0)
    assert f"the cloud sends no blocks: {said}" in world.said
    assert world.run_job() == (Status.FAILED, {"reason": "0x000000e0: 0x00000000"})


def test_a_late_block_of_a_stream_that_was_given_up_does_not_land_in_the_new_image():
    world = receiving()
    assert world.machine is not None
    late = CBOR.block_head("rdy") + CBOR.block_body(0, 0, b"!" * 4096)
    world.machine.on_message(world, f"{BASE}/streams/given-up/data/cbor", late, 1.0)
    assert world.run_job()[0] is Status.SUCCEEDED


def test_the_library_devices_ignore_a_rejection_of_the_stream():  # 6.2: silent wait
    world = receiving(MODULAR_JSON)
    assert world.machine is not None
    world.machine.on_message(world, f"{BASE}/streams/{STREAM}/rejected/json", b"{}", 1.0)
    assert world.run_job()[0] is Status.SUCCEEDED


@given(
    messages=st.lists(
        st.tuples(
            st.sampled_from([NOTIFY_NEXT, DATA, f"{BASE}/jobs/$next/get/accepted", f"{BASE}/jobs/x/update/rejected"]),
            st.binary(max_size=40)
            | st.sampled_from([b"{}", b'{"execution":{"jobId":"x"}}', CBOR.block_body(0, 1, b"")]),
        ),
        max_size=12,
    ),
    flavour=st.sampled_from(list(FLAVOURS.values())),
)
def test_no_message_breaks_an_agent(messages, flavour):
    world = receiving(flavour)
    for topic, payload in messages:
        assert world.machine is not None
        if not world.machine.over:
            world.machine.on_message(world, topic, payload, world.wire.now)


# Self test


def in_self_test(flavour=FREERTOS) -> World:
    """Return a world whose device has just booted the new image."""
    world = World(flavour)
    world.offer(firmware())
    world.run(lambda: bool(world.boots) and world.boots[-1].testing)
    return world


def test_a_self_test_that_nobody_confirms_is_over_after_16_seconds():  # OA-10
    world = in_self_test()
    began = world.wire.now
    world.inbox.clear()
    world.run(lambda: len(world.boots) == 3)
    assert world.wire.now == began + 16.0
    assert world.boots[-1].slot == "slot-a"
    assert world.run_job() == (Status.FAILED, {"reason": "rejected: 0x00000011"})


def test_a_self_test_whose_job_is_not_in_self_test_is_reset_without_a_report():  # 6.1
    world = in_self_test()
    world.inbox.clear()
    job = b'{"execution":{"jobId":"job-1","jobDocument":%s}}'
    payload = job % json.dumps(document(firmware())).encode()
    sent = len(world.published("jobs/job-1/update"))
    assert world.machine is not None
    world.machine.on_message(world, f"{BASE}/jobs/$next/get/accepted", payload, world.wire.now)
    assert world.machine.reboots
    assert len(world.published("jobs/job-1/update")) == sent


def test_a_job_cancelled_during_the_self_test_rolls_back_and_leaves_nothing_to_report():
    world = in_self_test()
    world.inbox.clear()
    world.control.cancel_job("job-1", world.wire.now, force=True)
    world.reconnect()
    world.run()
    assert world.boots[-1].slot == "slot-a"
    assert world.execution()[0] is Status.CANCELED
    assert agent_of(world)._subject is None


def test_the_self_test_is_confirmed_over_a_lost_connection():
    world = in_self_test()
    world.reconnect()
    assert world.run_job()[0] is Status.SUCCEEDED


def test_a_job_in_self_test_on_a_device_that_is_not_fails():  # 6.1: 0x11
    world = in_self_test()
    world.storage.files.clear()  # another board with the same name
    world.machine = None
    assert world.run_job() == (Status.FAILED, {"reason": "rejected: 0x00000011"})


@pytest.mark.parametrize(("state", "event"), sorted(set(itertools.product(State, Event)) - set(TABLE)))
def test_an_event_without_a_row_leaves_the_agent_as_it_is(state, event):
    agent = Agent(THING, FREERTOS, FIRST)
    agent.state = state
    assert agent._happen(Happened(event, 0.0)) == []
    assert agent.state is state
