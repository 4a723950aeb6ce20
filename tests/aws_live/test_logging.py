"""The logging settings act on an open MQTT connection at the next request: levels, targets, groups and the role."""

import json
from collections.abc import Iterator

import pytest

from aws_guide import make_role
from aws_process import AwsProcess, Thing, refusal, simulator

WRITE = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
NOTHING = {"Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*"}


def policy(statement: dict[str, str]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture(scope="module")
def logging_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsProcess]:
    with simulator(tmp_path_factory.mktemp("logging")) as cloud:
        make_role(cloud.client("iam"), "writer", policy(WRITE))
        yield cloud
        assert cloud.stop() == []


@pytest.fixture
def cloud(logging_cloud: AwsProcess) -> AwsProcess:
    """The simulator, at DEBUG with the role `writer` and nothing else set."""
    iot = logging_cloud.client("iot")
    iot.set_v2_logging_options(
        roleArn="arn:aws:iam::123456789012:role/writer", defaultLogLevel="DEBUG", eventConfigurations=[]
    )
    for page in iot.get_paginator("list_v2_logging_levels").paginate():
        for each in page["logTargetConfigurations"]:
            target = each["logTarget"]
            if target["targetType"] != "DEFAULT":
                iot.delete_v2_logging_level(**target)
    return logging_cloud


class Logged:
    """Whether a device's next request leaves a record, told by the tokens in the log."""

    def __init__(self, cloud: AwsProcess, device: Thing) -> None:
        self._cloud, self._device, self._number = cloud, device, 0

    def __call__(self, group: str = "AWSIotLogsV2") -> bool:
        self._number += 1
        token = f"{self._device.name}-{self._number}"
        assert self._device.block("fw", c=token) == ""
        return bool(self._cloud.entries(f'{{ $.clientToken = "{token}" }}', group))


@pytest.fixture
def device(cloud: AwsProcess, request: pytest.FixtureRequest) -> Iterator[Thing]:
    """A device that stays connected for the whole test."""
    with cloud.thing(str(request.node.name)[:50]) as device:
        yield device


@pytest.fixture
def logged(cloud: AwsProcess, device: Thing) -> Logged:
    return Logged(cloud, device)


def set_level(cloud: AwsProcess, kind: str, name: str | None, level: str) -> None:
    target = {"targetType": kind, **({} if name is None else {"targetName": name})}
    cloud.client("iot").set_v2_logging_level(logTarget=target, logLevel=level)


def test_the_level_holds_from_the_next_request_on(cloud: AwsProcess, logged: Logged):  # LC-1, LC-2
    iot = cloud.client("iot")
    assert logged()
    for level in ("INFO", "WARN", "ERROR", "DISABLED"):
        iot.set_v2_logging_options(defaultLogLevel=level)
        assert not logged()
    set_level(cloud, "DEFAULT", None, "DEBUG")
    assert logged()
    cloud.aws("iot", "set-v2-logging-options", "--default-log-level", "INFO")
    assert not logged()


def test_all_logs_can_be_disabled_and_the_settings_stay(cloud: AwsProcess, device: Thing, logged: Logged):  # LC-9
    iot = cloud.client("iot")
    set_level(cloud, "CLIENT_ID", device.name, "DEBUG")
    iot.set_v2_logging_options(disableAllLogs=True)
    assert not logged()
    assert iot.get_v2_logging_options()["defaultLogLevel"] == "DEBUG"
    iot.set_v2_logging_options(disableAllLogs=False)
    assert logged()


def test_the_narrower_target_wins(cloud: AwsProcess, device: Thing, logged: Logged):  # LC-7, LC-8
    iot = cloud.client("iot")
    iot.create_thing(thingName=device.name)
    iot.create_thing_group(thingGroupName="plant")
    iot.create_thing_group(thingGroupName="hall", parentGroupName="plant")
    iot.create_thing_group(thingGroupName="line", parentGroupName="hall")
    set_level(cloud, "DEFAULT", None, "ERROR")
    assert not logged()
    set_level(cloud, "THING_GROUP", "plant", "DEBUG")
    assert not logged(), "it is in no group"
    iot.add_thing_to_thing_group(thingName=device.name, thingGroupName="line")
    assert logged(), "the nearest group with a level is two above"
    set_level(cloud, "THING_GROUP", "hall", "INFO")
    assert not logged(), "a nearer group has another level"
    set_level(cloud, "SOURCE_IP", "127.0.0.1", "DEBUG")
    assert logged()
    set_level(cloud, "CLIENT_ID", device.name, "DISABLED")
    assert not logged()
    iot.delete_v2_logging_level(targetType="CLIENT_ID", targetName=device.name)
    assert logged()
    iot.delete_v2_logging_level(targetType="SOURCE_IP", targetName="127.0.0.1")
    assert not logged()
    iot.delete_v2_logging_level(targetType="THING_GROUP", targetName="hall")
    assert logged()
    iot.remove_thing_from_thing_group(thingName=device.name, thingGroupName="line")
    assert not logged()


def test_a_group_that_is_deleted_takes_its_level_from_its_things(cloud: AwsProcess, device: Thing, logged: Logged):
    iot = cloud.client("iot")
    iot.create_thing(thingName=device.name)
    iot.create_thing_group(thingGroupName="top")
    iot.create_thing_group(thingGroupName="leaf", parentGroupName="top")
    iot.update_thing_groups_for_thing(thingName=device.name, thingGroupsToAdd=["leaf"])
    set_level(cloud, "DEFAULT", None, "ERROR")
    set_level(cloud, "THING_GROUP", "top", "DEBUG")
    assert logged()
    iot.delete_thing_group(thingGroupName="leaf")
    assert not logged()


def test_an_event_type_has_a_level_and_a_group_of_its_own(cloud: AwsProcess, device: Thing, logged: Logged):  # LC-10
    iot = cloud.client("iot")
    configured = [
        {"eventType": "GetStream", "logDestination": "streams/only"},
        {"eventType": "DescribeStream", "logLevel": "ERROR"},
    ]
    iot.set_v2_logging_options(eventConfigurations=configured)
    assert logged("streams/only")
    assert not logged("AWSIotLogsV2")
    device.ask("streams/fw/describe/json", c="described")
    device.ask("jobs/$next/get", clientToken="asked")
    mine = cloud.entries(f'{{ $.clientId = "{device.name}" }}')
    assert [entry.get("eventType") for entry in mine] == ["DescribeJobExecution"]
    names = {group["logGroupName"] for group in cloud.client("logs").describe_log_groups()["logGroups"]}
    assert names >= {"AWSIotLogsV2", "streams/only"}
    iot.set_v2_logging_options(eventConfigurations=[])
    assert logged("AWSIotLogsV2")


def test_a_role_that_loses_its_right_stops_the_records_and_says_so_once(cloud: AwsProcess, logged: Logged):  # LC-14
    iam = cloud.client("iam")
    assert logged()
    iam.put_role_policy(RoleName="writer", PolicyName="policy", PolicyDocument=json.dumps(policy(NOTHING)))
    assert not logged()
    line = cloud.next_line()
    assert line.startswith(
        "logging: no records are written: role 'arn:aws:iam::123456789012:role/writer' is not allowed "
    )
    assert line.endswith(":log-group:AWSIotLogsV2'; give the role the right, or set another role")
    assert not logged()
    iam.put_role_policy(RoleName="writer", PolicyName="policy", PolicyDocument=json.dumps(policy(WRITE)))
    assert logged()
    nobody = "arn:aws:iam::123456789012:role/nobody"
    set_options = cloud.client("iot").set_v2_logging_options
    assert refusal(set_options, roleArn=nobody, defaultLogLevel="DEBUG") == ("InvalidRequestException", 400)
    assert cloud.client("iot").get_v2_logging_options()["roleArn"].endswith("/writer")
    assert logged()
