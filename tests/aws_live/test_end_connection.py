"""DeleteConnection through boto3 (M5-5). It leaves a line, so it has a simulator of its own."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from aws_process import simulator
from live import RawClient


def test_an_operator_ends_a_connection(tmp_path: Path):  # M5-5
    with simulator(tmp_path) as cloud, RawClient(cloud.mqtt, 5) as client:
        data = cloud.client("iot-data")
        client.connect("ended")
        data.delete_connection(clientId="ended", cleanSession=True)
        first, body = client.receive()
        assert (first, body[0]) == (0xE0, 0x98)
        assert client.is_closed()
        with pytest.raises(ClientError) as refused:
            data.delete_connection(clientId="ended")
        assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
