"""The first call of the AWS API, while devices are served; and a new account without logs, as `--no-logging` has."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aws_process import FIRMWARE, refusal, simulator

BLOCK = 256  # bytes


def test_a_device_gets_all_its_blocks_while_the_aws_api_wakes_up(tmp_path: Path):
    with ThreadPoolExecutor() as executor, simulator(tmp_path, "--no-logging") as cloud, cloud.thing("busy") as device:
        iot = cloud.client("iot")
        first = executor.submit(refusal, iot.get_v2_logging_options)
        received, rounds = b"", 0
        while not first.done() or rounds < 1:
            received, rounds = b"", rounds + 1
            for number in range(0, len(FIRMWARE), BLOCK):
                _, answer = device.ask("streams/fw/get/json", f=0, l=BLOCK, o=number // BLOCK, n=1)
                assert answer["i"] == number // BLOCK
                received += base64.b64decode(answer["p"])
            assert received == FIRMWARE
        assert first.result() == ("NotConfiguredException", 404)  # LC-4
        target = {"targetType": "DEFAULT"}
        given = {"logTarget": target, "logLevel": "DEBUG"}
        assert refusal(iot.set_v2_logging_level, **given) == ("NotConfiguredException", 404)  # LC-5
        assert refusal(iot.list_v2_logging_levels) == ("NotConfiguredException", 404)
        assert cloud.client("logs").describe_log_groups()["logGroups"] == []  # LG-4
        assert cloud.entries() == []

        role = cloud.aws("iam", "get-role", "--role-name", "ota-stream-logging")["Role"]["Arn"]
        cloud.aws("iot", "set-v2-logging-options", "--role-arn", role, "--default-log-level", "DEBUG")
        assert device.block("fw") == ""
        (group,) = cloud.client("logs").describe_log_groups()["logGroups"]
        assert group["logGroupName"] == "AWSIotLogsV2"
        assert [entry["clientId"] for entry in cloud.entries()] == ["busy"]
        assert cloud.stop() == []
