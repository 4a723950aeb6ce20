"""Whom a fault befalls: names, blocks, attempts, chance and time; and how faults are set and removed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fault_desk import World, ids
from ota_stream.answers import Answer, Refusal
from ota_stream.errors import ControlError
from ota_stream.faults.chance import drawn
from ota_stream.faults.kinds import KINDS
from ota_stream.faults.span import Span, parse

DROP = {"fault": "drop"}
DIRECTED = [{"fault": kind} for kind in ("drop", "lose-first", "delay", "duplicate", "corrupt", "truncate")]


@pytest.mark.parametrize(
    ("criteria", "hit"),
    [
        ({}, True),
        ({"thing": "t"}, True),
        ({"thing": "lock-*"}, False),
        ({"thing": "?"}, True),
        ({"stream": "fw"}, True),
        ({"stream": "other"}, False),
        ({"job": "*"}, False),
        ({"operation": "GetStream"}, True),
        ({"operation": "DescribeStream"}, False),
        ({"file": 0}, True),
        ({"file": 1}, False),
        ({"blocks": "2-"}, False),
        ({"blocks": 1}, True),
        ({"attempts": 2}, False),
        ({"since": 5}, False),
        ({"until": 5}, True),
    ],
)
@pytest.mark.parametrize("fault", [DROP, {**DROP, "direction": "request"}, {"fault": "swallow"}])
def test_every_criterion_counts(fault: dict[str, Any], criteria: dict[str, Any], hit: bool):
    world = World({**fault, **criteria})
    assert bool(world.get(2).replies != World().get(2).replies) == hit
    assert bool(world.faults) == hit


def test_attempts_are_counted_for_each_block_of_each_thing():
    world = World({**DROP, "attempts": "1-2", "blocks": 1})
    assert [ids(world.get(2)) for _ in range(3)] == [[0], [0], [0, 1]]
    assert ids(world.get(2, thing="u")) == [0]


def test_time_is_counted_from_the_moment_a_fault_is_set():
    world = World({**DROP, "since": 10, "until": 20})
    assert ids(world.get(1)) == [0]
    world.clock.move(10)
    assert ids(world.get(1)) == []
    world.clock.move(10)
    assert ids(world.get(1)) == [0]


def test_a_share_hits_about_that_many_and_the_same_ones_again_in_whatever_order():
    def lost(*things: str) -> set[tuple[str, int]]:
        world = World({**DROP, "share": 0.3, "seed": 7})
        return {(thing, block) for thing in things for block in range(10) if block not in ids(world.get(thing=thing))}

    things = [f"thing-{number}" for number in range(100)]
    first, again = lost(*things), lost(*reversed(things))
    assert first == again
    assert 200 < len(first) < 400


def test_under_a_share_a_download_comes_to_its_end():
    world = World({**DROP, "share": 0.9, "seed": 1})
    missing = set(range(10))
    for _ in range(500):
        missing -= set(ids(world.get()))
    assert not missing


def test_faults_apply_in_the_order_they_were_set():
    double, drop = {"fault": "duplicate", "blocks": 0}, {**DROP, "attempts": 1}
    assert ids(World(double, drop).get(1)) == [0]  # the first of the two is lost
    assert ids(World(drop, double).get(1)) == []


def test_names_are_given_and_taken_once():
    world = World(DROP, DROP, {"fault": "swallow", "name": "mine"})
    assert world.names == ["drop-1", "drop-2", "mine"]
    assert world.changes == 3
    world.desk.remove("drop-1")
    assert [each["name"] for each in world.desk.shown()] == ["drop-2", "mine"]
    with pytest.raises(ControlError, match="there is no fault 'drop-1'"):
        world.desk.remove("drop-1")
    with pytest.raises(ControlError, match="there is a fault 'mine' already"):
        World({**DROP, "name": "mine"}, {**DROP, "name": "mine"})
    world.desk.clear()
    assert len(world.desk) == 0
    assert ids(world.get(1)) == [0]


def test_what_is_no_request_is_the_clouds_alone():
    world = World({"fault": "swallow"})
    refused = world.cloud.answer("$aws/things/t/streams/fw/got/json", b"", "c", 0.0)
    assert isinstance(refused, Refusal)
    assert world.cloud.answer("$aws/elsewhere", b"", "c", 0.0) is None


@given(
    st.binary(max_size=40),
    st.sampled_from(
        [*({"fault": kind} for kind in sorted(KINDS)), *({**one, "direction": "request"} for one in DIRECTED)]
    ),
    st.sampled_from(["json", "cbor"]),
)
def test_any_bytes_give_an_answer_under_any_fault(payload: bytes, fault: dict[str, Any], wire: str):
    world = World(fault, {"fault": "truncate", "keep": 3}, {"fault": "corrupt", "what": "block"})
    for topic in (
        f"streams/fw/get/{wire}",
        f"streams/fw/describe/{wire}",
        "jobs/j/update",
        "jobs/$next/get",
        "jobs/get",
    ):
        assert isinstance(world.cloud.answer(f"$aws/things/t/{topic}", payload, "c", 0.0), Answer)


@given(st.integers(), st.text(), st.integers())
def test_chance_is_a_number_from_zero_up_to_one_and_only_the_seed_and_the_subject_make_it(seed: int, name: str, n: int):
    assert 0 <= drawn(seed, name, n) < 1
    assert drawn(seed, name, n) == drawn(seed, name, n)


def test_ranges():
    assert parse(7) == parse("7") == Span(7, 7)
    assert (3 in parse("3-9"), 9 in parse("3-9"), 10 in parse("3-9"), 10**9 in parse("3-")) == (True, True, False, True)
    for text in ("", "-3", "3--9", "9-3", "1.5"):
        with pytest.raises(ValueError, match=r"range|before"):
            parse(text)


def test_a_fault_hits_no_more_than_so_many_times():
    world = World({"fault": "drop", "times": 3})
    assert ids(world.get(2)) == []
    assert ids(world.get(2)) == [1]
    assert ids(world.get(2)) == [0, 1]
    assert world.desk.shown()[0]["hits"] == 3
