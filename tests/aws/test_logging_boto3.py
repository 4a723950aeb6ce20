"""The settings of logging, through boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws_cloud import AwsCloud, serving_aws
from aws_logs import REAL, make_role
from ota_stream.logs.levels import Level
from ota_stream.logs.targets import Client as LogClient
from ota_stream.records import Action

ROLE = "arn:aws:iam::123456789012:role/nobody"


def refused(call: Any, **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def levels(iot: Any, **given: Any) -> list[tuple[str, str | None, str]]:
    pages = iot.get_paginator("list_v2_logging_levels").paginate(**given)
    found = [each for page in pages for each in page["logTargetConfigurations"]]
    return [(each["logTarget"]["targetType"], each["logTarget"].get("targetName"), each["logLevel"]) for each in found]


def test_an_account_that_has_set_nothing_is_told_so(client):  # LC-4, LC-5
    iot = client("iot")
    for call, given in (
        (iot.get_v2_logging_options, {}),
        (iot.list_v2_logging_levels, {}),
        (iot.set_v2_logging_level, {"logTarget": {"targetType": "DEFAULT"}, "logLevel": "INFO"}),
    ):
        assert refused(call, **given)[:2] == ("NotConfiguredException", 404)
    assert "roleArn" not in iot.get_logging_options()


def test_options_are_kept_as_they_are_given(client):  # LC-3, LC-4
    iot, role = client("iot"), make_role(client("iam"))
    configured = [{"eventType": "GetStream", "logLevel": "ERROR", "logDestination": "mine"}]
    iot.set_v2_logging_options(roleArn=role, defaultLogLevel="DEBUG", eventConfigurations=configured)
    shown = iot.get_v2_logging_options()
    assert (shown["roleArn"], shown["defaultLogLevel"], shown["disableAllLogs"]) == (role, "DEBUG", False)
    assert shown["eventConfigurations"] == configured
    every = iot.get_v2_logging_options(verbose=True)["eventConfigurations"]
    assert {"eventType": "DescribeStream"} in every
    iot.set_v2_logging_options(disableAllLogs=True)
    assert iot.get_v2_logging_options()["disableAllLogs"] is True


def test_a_role_that_cannot_write_is_refused(client):
    code, status, said = refused(client("iot").set_v2_logging_options, roleArn=ROLE, defaultLogLevel="DEBUG")
    assert (code, status) == ("InvalidRequestException", 400)
    assert said.startswith(f"The role {ROLE} cannot write to log group {REAL}: ")
    assert refused(client("iot").get_v2_logging_options)[0] == "NotConfiguredException"  # nothing was kept


def test_targets_have_levels_of_their_own(client):  # LC-5, LC-6
    iot = client("iot")
    iot.set_v2_logging_options(roleArn=make_role(client("iam")), defaultLogLevel="ERROR")
    for kind, name in (("CLIENT_ID", "c1"), ("SOURCE_IP", "127.0.0.1"), ("THING_GROUP", "g1"), ("CLIENT_ID", "c0")):
        iot.set_v2_logging_level(logTarget={"targetType": kind, "targetName": name}, logLevel="DEBUG")
    everything = [
        ("CLIENT_ID", "c0", "DEBUG"), ("CLIENT_ID", "c1", "DEBUG"), ("DEFAULT", None, "ERROR"),
        ("SOURCE_IP", "127.0.0.1", "DEBUG"), ("THING_GROUP", "g1", "DEBUG"),
    ]  # fmt: skip
    assert levels(iot) == everything
    assert levels(iot, PaginationConfig={"PageSize": 2}) == everything
    assert levels(iot, targetType="CLIENT_ID") == everything[:2]
    iot.set_v2_logging_level(logTarget={"targetType": "DEFAULT"}, logLevel="INFO")
    assert iot.get_v2_logging_options()["defaultLogLevel"] == "INFO"
    iot.delete_v2_logging_level(targetType="CLIENT_ID", targetName="c0")
    assert levels(iot, targetType="CLIENT_ID") == everything[1:2]
    code, _, said = refused(iot.delete_v2_logging_level, targetType="WHO", targetName="c0")
    assert code == "InvalidRequestException"
    assert "enum value set" in said
    assert refused(iot.list_v2_logging_levels, nextToken="no")[0] == "InvalidRequestException"


def test_the_older_api_sets_the_newer_ones_options(client):  # LC-12
    iot, role = client("iot"), make_role(client("iam"))
    iot.set_logging_options(loggingOptionsPayload={"roleArn": role, "logLevel": "WARN"})
    shown = iot.get_logging_options()
    assert (shown["roleArn"], shown["logLevel"]) == (role, "WARN")
    assert iot.get_v2_logging_options()["defaultLogLevel"] == "WARN"
    assert refused(iot.set_logging_options, loggingOptionsPayload={"roleArn": ROLE})[0] == "InvalidRequestException"


def test_settings_are_kept_over_a_restart(client, cloud: AwsCloud):
    client("iot").set_v2_logging_options(roleArn=make_role(client("iam")), defaultLogLevel="DEBUG")
    cloud.stop()
    with serving_aws(cloud.folder) as again:
        settings = again.operated.logs.settings
        assert again.run(settings.get_options).default_log_level is Level.DEBUG
        assert again.run(settings.refusal) is None


def test_what_is_logged_follows_roles_things_and_groups(client, cloud: AwsCloud):  # LC-7
    iot, iam = client("iot"), client("iam")
    iot.set_v2_logging_options(roleArn=make_role(iam), defaultLogLevel="ERROR")
    settings = cloud.operated.logs.settings

    def logged() -> bool:
        return cloud.run(
            lambda: settings.effective(LogClient("c", thing="t1"), Action.GET_STREAM, Level.DEBUG) is not None
        )

    iot.create_thing_group(thingGroupName="all")
    iot.create_thing_group(thingGroupName="few", parentGroupName="all")
    iot.create_thing(thingName="t1")
    iot.set_v2_logging_level(logTarget={"targetType": "THING_GROUP", "targetName": "all"}, logLevel="DEBUG")
    assert not logged()
    iot.add_thing_to_thing_group(thingName="t1", thingGroupName="few")
    assert logged()  # its group's parent says so
    iot.set_v2_logging_level(logTarget={"targetType": "THING_GROUP", "targetName": "few"}, logLevel="ERROR")
    assert not logged()  # the nearer group overrides it
    iot.delete_v2_logging_level(targetType="THING_GROUP", targetName="few")
    assert logged()
    iam.delete_role_policy(RoleName="logging", PolicyName="logs")
    iam.delete_role(RoleName="logging")
    assert not logged()
    assert cloud.run(settings.refusal) is not None
    make_role(iam)
    assert logged()
    iot.remove_thing_from_thing_group(thingName="t1", thingGroupName="few")
    assert not logged()


def test_reading_voids_no_decision(client, cloud: AwsCloud):
    before = cloud.run(lambda: cloud.operated.logs.settings.generation)
    client("iot").list_things()
    client("logs").describe_log_groups()
    assert cloud.run(lambda: cloud.operated.logs.settings.generation) == before
