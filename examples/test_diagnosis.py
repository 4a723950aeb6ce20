"""An agent asks for blocks and none come: the cloud says why. Run: `pytest examples/test_diagnosis.py`."""

import paho.mqtt.client as mqtt
from paho.mqtt import publish


def test_why_no_block_comes(ota_cloud, ota_thing, ota_update):
    update = ota_update(bytes(100_000))
    host, port = ota_cloud.mqtt
    get = f"$aws/things/{ota_thing}/streams/{update.stream_id}/get/json"
    agent = {"hostname": host, "port": port, "client_id": ota_thing, "protocol": mqtt.MQTTv311}

    publish.single(get, '{"f": 0, "l": 200, "o": 0, "n": 1}', qos=1, **agent)

    refused, unheard = ota_cloud.diagnosis(ota_thing)
    assert (refused.wrong, refused.remedy) == ("a block size outside 256 to 131072", "choose l inside the limits")
    assert (unheard.wrong, unheard.remedy) == (
        "was refused, and is not subscribed to hear it",
        "subscribe to .../rejected/+",
    )
