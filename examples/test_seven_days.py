"""A job times out after seven days, which takes milliseconds: `pytest examples/test_seven_days.py`."""

import paho.mqtt.client as mqtt
from paho.mqtt import publish


def test_a_device_that_stops_half_way_times_out_after_seven_days(ota_cloud, ota_thing, ota_update, ota_clock):
    update = ota_update(b"a new image", timeout_minutes=7 * 24 * 60)
    host, port = ota_cloud.mqtt
    start_next = f"$aws/things/{ota_thing}/jobs/start-next"
    publish.single(start_next, "{}", qos=1, hostname=host, port=port, client_id=ota_thing, protocol=mqtt.MQTTv311)

    ota_clock.step("6d")
    assert update.status(ota_thing) == "IN_PROGRESS"
    ota_clock.step("1d")
    assert update.status(ota_thing) == "TIMED_OUT"
