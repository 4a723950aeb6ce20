"""Each kind of fault, as a device meets it: what comes, what does not, and what is recorded."""

from typing import Any

import cbor2
import msgspec
import pytest

from fault_desk import IMAGE, World, blocks, ids, late
from ota_stream.faults.happening import Act, Deed, Happening
from ota_stream.faults.kinds import KINDS, FaultError, read, read_all
from ota_stream.faults.reject import CODES
from ota_stream.records import JobRequestRecord, RequestRecord
from ota_stream.streams.topics import Format

FORMATS = pytest.mark.parametrize("wire", list(Format))
UPDATE = "$aws/things/t/jobs/j/update"


def told(answer: Any) -> dict[str, Any]:
    """Return the members of the one message of an answer about jobs."""
    (reply,) = [reply for reply in answer.replies if "notify" not in reply.topic]
    return msgspec.json.decode(reply.payload)


def test_drop_loses_blocks_that_the_cloud_has_sent():
    world = World({"fault": "drop", "blocks": "3-4"})
    assert ids(world.get()) == [0, 1, 2, 5, 6, 7, 8, 9]
    request, fault = world.kept.made
    assert isinstance(request, RequestRecord)
    assert (fault.fault, fault.kind, fault.client_id, fault.thing) == ("drop-1", "drop", "client", "t")
    assert fault.hits == "2 of GetStream, blocks 3, 4"


def test_a_dropped_answer_of_jobs_has_changed_the_execution():
    world = World({"fault": "drop", "operation": "UpdateJobExecution", "attempts": 1})
    world.create_job("j", "t")
    update = b'{"status":"IN_PROGRESS","expectedVersion":1}'
    assert [reply for reply in world.publish(UPDATE, update).replies if "notify" not in reply.topic] == []
    assert told(world.publish(UPDATE, update))["code"] == "VersionMismatch"  # the agent's next try shows the harm


def test_a_swallowed_request_has_changed_nothing_and_leaves_the_fault_s_record_alone():
    world = World({"fault": "swallow", "job": "j", "attempts": "1"})
    world.create_job("j", "t")
    update = b'{"status":"IN_PROGRESS","expectedVersion":1}'
    assert world.publish(UPDATE, update).replies == ()
    assert [type(record).__name__ for record in world.kept.made] == ["FaultRecord"]
    assert told(world.publish(UPDATE, update)).keys() == {"timestamp"}
    assert isinstance(world.kept.made[-1], JobRequestRecord)


REQUEST = {"direction": "request"}


def test_a_request_is_lost_on_its_way_and_the_next_is_not():
    world = World({"fault": "drop", **REQUEST, "job": "j", "attempts": 1})
    world.create_job("j", "t")
    update = b'{"status":"IN_PROGRESS","expectedVersion":1}'
    assert world.publish(UPDATE, update).replies == ()
    (lost,) = world.kept.made
    assert (lost.kind, lost.hits) == ("drop", "1 request of UpdateJobExecution")
    assert told(world.publish(UPDATE, update)).keys() == {"timestamp"}


def test_a_request_comes_twice_and_the_cloud_answers_twice():
    world = World({"fault": "duplicate", **REQUEST})
    answer = world.get(2)
    assert ids(answer) == [0, 1, 0, 1]
    assert isinstance(answer.record, RequestRecord)
    world.create_job("j", "t")
    answers = world.publish(UPDATE, b'{"status":"IN_PROGRESS","expectedVersion":1}').replies
    codes = [msgspec.json.decode(each.payload).get("code") for each in answers if "notify" not in each.topic]
    assert codes == [None, "VersionMismatch"]
    assert [type(record).__name__ for record in world.kept.made].count("JobRequestRecord") == 2


def test_a_late_request_finds_the_cloud_as_it_is_then():
    world = World({"fault": "delay", "seconds": 4, **REQUEST, "operation": "GetPendingJobExecution"})
    answer = world.publish("$aws/things/t/jobs/get", b"{}")
    assert answer.replies == ()
    (request,) = answer.requests
    assert request.after == 4
    world.create_job("j", "t")
    assert [each["jobId"] for each in told(request.ask(world.clock.wall()))["queuedJobs"]] == ["j"]


def test_what_is_late_of_a_doubled_request_comes_late_as_well():
    world = World({"fault": "duplicate", **REQUEST}, {"fault": "delay", "seconds": 2, "attempts": 2})
    answer = world.get(1)
    assert (ids(answer), late(answer)) == ([0], [(2.0, 0)])


def test_a_request_arrives_in_part_or_with_a_wrong_bit_and_is_refused_for_what_it_says_then():
    (cut,) = World({"fault": "truncate", "keep": 5, **REQUEST}).get(1, wire=Format.JSON).replies
    (wrong,) = World({"fault": "corrupt", "bit": 3, **REQUEST}).get(1, wire=Format.JSON).replies
    assert [msgspec.json.decode(each.payload)["code"] for each in (cut, wrong)] == ["InvalidJson"] * 2


def test_a_request_has_no_member_of_a_block_that_could_be_wrong():
    with pytest.raises(FaultError, match="a request carries no length of a block"):
        read({"fault": "corrupt", "what": "length", **REQUEST})


@FORMATS
def test_delay_makes_blocks_late(wire: Format):
    world = World({"fault": "delay", "seconds": 2.5, "blocks": "0-1"})
    answer = world.get(3, wire=wire)
    assert ids(answer) == [2]
    assert late(answer) == [(2.5, 0), (2.5, 1)]


def test_delays_add_up():
    world = World({"fault": "delay", "seconds": 2, "blocks": 0}, {"fault": "delay", "seconds": 3, "blocks": "0-1"})
    assert late(world.get(2)) == [(5.0, 0), (3.0, 1)]


def test_drip_lets_one_block_come_after_another():
    answer = World({"fault": "drip", "seconds": 0.5}).get(4)
    assert ids(answer) == [0]
    assert late(answer) == [(0.5, 1), (1.0, 2), (1.5, 3)]


def test_duplicate_sends_the_same_again():
    world = World({"fault": "duplicate", "copies": 3, "blocks": 1})
    assert ids(world.get(3)) == [0, 1, 1, 1, 2]


def test_reorder_turns_an_answer_round_and_leaves_in_place_what_it_is_not_for():
    assert ids(World({"fault": "reorder"}).get(4)) == [3, 2, 1, 0]
    assert ids(World({"fault": "reorder", "blocks": "1-2"}).get(4)) == [0, 2, 1, 3]


def test_reorder_shuffles_by_the_seed():
    shuffled = [ids(World({"fault": "reorder", "order": "shuffled", "seed": seed}).get()) for seed in (1, 1, 2)]
    assert shuffled[0] == shuffled[1]
    assert shuffled[0] != shuffled[2]
    assert [sorted(each) for each in shuffled] == [list(range(10))] * 3


@FORMATS
def test_corrupt_turns_one_bit_of_the_payload(wire: Format):
    world = World({"fault": "corrupt", "blocks": 1, "bit": 11})
    good, bad = blocks(world.get(2, wire=wire))
    assert good.payload == IMAGE[:1024]
    expected = bytearray(IMAGE[1024:2048])
    expected[1] ^= 1 << 3
    assert (bad.block_id, bad.payload, bad.client_token) == (1, bytes(expected), "tok")


@FORMATS
@pytest.mark.parametrize(("what", "key"), [("block", "i"), ("file", "f"), ("length", "l")])
def test_corrupt_makes_a_member_wrong_and_no_other(wire: Format, what: str, key: str):
    read_members = cbor2.loads if wire is Format.CBOR else msgspec.json.decode
    (right,) = World().get(1, wire=wire).replies
    (wrong,) = World({"fault": "corrupt", "what": what}).get(1, wire=wire).replies
    before, after = read_members(right.payload), read_members(wrong.payload)
    assert after == {**before, key: before[key] + 1}
    assert list(after) == list(before)


def test_corrupt_turns_a_bit_of_any_other_message_and_cannot_change_members_it_has_not():
    world = World({"fault": "corrupt", "operation": "GetPendingJobExecution"})
    (answer,) = world.publish("$aws/things/t/jobs/get", b"{}").replies
    assert answer.payload.startswith(b"z")  # { with another lowest bit
    world = World({"fault": "corrupt", "what": "block"})
    assert told(world.publish("$aws/things/t/jobs/get", b"{}"))["queuedJobs"] == []
    assert world.faults == []


def test_truncate_keeps_the_beginning():
    (reply,) = World({"fault": "truncate", "keep": 7}).get(1).replies
    (whole,) = World().get(1).replies
    assert reply.payload == whole.payload[:7]


@FORMATS
@pytest.mark.parametrize("code", ["ETagMismatch", "VersionMismatch", "ResourceNotFound"])
def test_reject_says_any_code_of_streams(wire: Format, code: str):
    world = World({"fault": "reject", "code": code, "blocks": "5-"})
    assert ids(world.get(5, wire=wire)) == [0, 1, 2, 3, 4]
    (reply,) = world.get(5, offset=5, wire=wire).replies
    assert reply.topic == f"$aws/things/t/streams/fw/rejected/{wire}"
    members = (cbor2.loads if wire is Format.CBOR else msgspec.json.decode)(reply.payload)
    assert (members["o"], members["code"], members["c"]) == (code, code, "tok")
    assert members["m"] == "A fault that was asked for"


def test_reject_says_any_code_of_jobs_and_nothing_has_changed():
    world = World({"fault": "reject", "code": "RequestThrottled", "message": "slow down", "attempts": "1-2"})
    world.create_job("j", "t")
    update = b'{"status":"IN_PROGRESS","expectedVersion":1,"clientToken":"x"}'
    for _ in range(2):
        refused = told(world.publish(UPDATE, update))
        assert (refused["code"], refused["message"], refused["clientToken"]) == ("RequestThrottled", "slow down", "x")
    assert "code" not in told(world.publish(UPDATE, update))


def test_reject_says_no_code_to_a_service_that_has_no_such_code():
    world = World({"fault": "reject", "code": "ETagMismatch"})
    assert told(world.publish("$aws/things/t/jobs/get", b"{}"))["queuedJobs"] == []
    assert world.faults == []
    with pytest.raises(FaultError, match="code 'ETagMismatch': use one of InternalError, Inval"):
        read({"fault": "reject", "code": "ETagMismatch", "operation": "UpdateJobExecution"})


def test_stale_version_of_a_stream_and_of_an_execution():
    world = World({"fault": "stale-version"})
    (described,) = world.publish("$aws/things/t/streams/fw/describe/json", b"{}").replies
    assert msgspec.json.decode(described.payload)["s"] == 0
    world.create_job("j", "t")
    assert told(world.publish("$aws/things/t/jobs/$next/get", b"{}"))["execution"]["versionNumber"] == 0
    assert len(world.faults) == 3  # the notification of the job was one too


def test_a_notification_can_be_lost_and_come_twice():
    lost = World({"fault": "drop", "operation": "NotifyNext"}).create_job("j", "t")
    assert [reply.topic for reply in lost] == ["$aws/things/t/jobs/notify"]
    world = World({"fault": "duplicate", "operation": "Notify", "thing": "t"})
    twice = world.create_job("j", "t", "u")
    assert sorted(reply.topic.split("/")[2] for reply in twice if reply.topic.endswith("/notify")) == ["t", "t", "u"]
    assert world.faults[0].hits == "1 of Notify"


ANSWERED = sorted(kind for kind, fault in KINDS.items() if fault.way in {"request", "answer"})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_shown_and_read_again(kind: str):
    (shown,) = World({"fault": kind}).desk.shown()
    assert read({key: value for key, value in shown.items() if key != "hits"}) == read(
        {"fault": kind, "name": f"{kind}-1"}
    )


@pytest.mark.parametrize("kind", ANSWERED)
def test_every_kind_that_is_about_answers_tells_what_it_did(kind: str):
    world = World({"fault": kind})
    world.get(4)
    world.create_job("j", "t")
    world.publish("$aws/things/t/jobs/start-next", b"{}")
    world.publish("$aws/things/t/jobs/j/update", b'{"status":"IN_PROGRESS"}')
    world.publish("$aws/things/t/streams/fw/describe/json", b"{}")
    assert world.faults
    assert {record.kind for record in world.faults} == {kind}
    assert world.desk.shown()[0]["hits"] > 0


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "a fault needs its kind"),
        ([], "a fault needs its kind"),
        ({"fault": "explode"}, "explode"),
        ({"fault": "drop", "blocks": "9-3"}, "ends before it begins"),
        ({"fault": "drop", "blocks": "x"}, "write 7, 3-9 or 3-"),
        ({"fault": "drop", "share": 0}, "share"),
        ({"fault": "drop", "colour": "red"}, "colour"),
        ({"fault": "drop", "operation": "Get"}, "operation"),
        ({"fault": "reject", "code": "No"}, "RequestThrottled"),
        ({"fault": "delay", "seconds": -1}, "seconds"),
        ({"fault": "reorder", "operation": "GetObject"}, "can befall a download"),
        ({"fault": "drop", "operation": "GetObject", "direction": "request"}, "can befall a download"),
        ({"fault": "corrupt", "operation": "GetObject", "what": "length"}, "can befall a download"),
        ({"fault": "reject", "operation": "GetObject"}, "an HTTP status, 400 to 599"),
        ({"fault": "reject", "code": 200}, "RequestThrottled"),
        ({"fault": "reject", "operation": "GetStream", "code": 503}, "BlockSizeOutOfBounds"),
    ],
)
def test_what_is_no_fault_is_one_clear_line(members: Any, said: str):
    with pytest.raises(FaultError, match=r"docs/faults\.md") as error:
        read(members)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_needs_a_list():
    assert [fault.kind() for fault in read_all({"faults": [{"fault": "drop"}]})] == ["drop"]
    for content in (None, [], {"faults": {}}):
        with pytest.raises(FaultError, match="a list named `faults`"):
            read_all(content)


def test_the_codes_are_those_of_both_services():
    assert {"BlockSizeOutOfBounds", "InvalidStateTransition"} <= CODES


def test_a_throttled_block_comes_when_its_last_byte_has_passed():
    world = World({"fault": "throttle", "rate": 1000})
    answer = world.get(3)
    size = len(World().get(1).replies[0].payload)
    assert answer.replies == ()
    assert [block for _, block in late(answer)] == [0, 1, 2]
    for place, (seconds, _) in enumerate(late(answer), start=1):
        assert seconds == pytest.approx(place * size / 1000, rel=0.01)


def test_a_slow_line_is_as_slow_over_several_answers_and_each_thing_has_its_own():
    world = World({"fault": "throttle", "rate": 1})
    seconds = [late(world.get(1, thing=thing))[0][0] for thing in ("t", "t", "u")]
    assert seconds == pytest.approx([seconds[0], 2 * seconds[0], seconds[0]], rel=0.01)
    world.clock.move(10_000)
    assert late(world.get(1))[0][0] == pytest.approx(seconds[0], rel=0.01)


@pytest.mark.parametrize("kind", sorted(kind for kind, fault in KINDS.items() if issubclass(fault, Happening)))
def test_what_the_cloud_does_of_its_own_accord_follows_the_answer_it_was_set_for(kind: str):
    world = World({"fault": kind, "blocks": "3-", "attempts": 1})
    assert ids(world.get(3)) == [0, 1, 2]
    assert world.acts == []
    assert ids(world.get(4)) == [0, 1, 2, 3]
    assert world.acts == [Act(Deed(kind), "client", "t", "fw")]
    assert ids(world.get(4)) == [0, 1, 2, 3]
    assert len(world.acts) == 1
    assert [record.kind for record in world.faults] == [kind]


def test_the_first_answer_is_lost_and_the_job_has_begun():
    world = World({"fault": "lose-first"})
    world.create_job("j", "t")
    assert world.publish("$aws/things/t/jobs/start-next", b"{}").replies == ()
    assert told(world.publish("$aws/things/t/jobs/start-next", b"{}"))["execution"]["versionNumber"] == 2


def test_an_update_is_denied_and_nothing_has_changed():
    world = World({"fault": "deny-update", "attempts": 1})
    world.create_job("j", "t")
    update = b'{"status":"SUCCEEDED","expectedVersion":"1"}'
    assert told(world.publish("$aws/things/t/jobs/j/update", update))["code"] == "InvalidStateTransition"
    assert "code" not in told(world.publish("$aws/things/t/jobs/j/update", update))


def test_a_changed_file_is_refused_from_a_block_on():
    world = World({"fault": "etag-change", "blocks": "5-"})
    assert ids(world.get(5)) == [0, 1, 2, 3, 4]
    (reply,) = world.get(5, offset=5, wire=Format.JSON).replies
    assert b'"o":"ETagMismatch"' in reply.payload


def test_a_changed_file_is_nothing_to_a_job_and_can_be_described():
    world = World({"fault": "etag-change"})
    world.create_job("j", "t")
    assert "execution" in told(world.publish("$aws/things/t/jobs/start-next", b"{}"))
    (described,) = world.publish("$aws/things/t/streams/fw/describe/json", b"{}").replies
    assert described.topic.endswith("/description/json")
    assert [reply.topic.rpartition("/streams/fw/")[2] for reply in world.get(1).replies] == ["rejected/cbor"]


def test_a_kind_that_is_misspelt_is_guessed():
    with pytest.raises(FaultError, match=r"there is no fault 'dorp'; did you mean drop or drip\?") as error:
        read({"fault": "dorp"})
    assert "\n" not in str(error.value)
    with pytest.raises(FaultError, match=r"there is no fault 'xyzzy' \("):
        read({"fault": "xyzzy"})
