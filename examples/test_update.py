"""A device updates itself: `pip install 'ota-stream[pytest]'`, then `pytest examples/test_update.py`."""


def test_a_device_updates_itself(ota_update, ota_device, ota_records):
    update = ota_update(b"a new image OTA-VERSION:1.0.1")

    ota_device.run()

    assert ota_device.runs == b"a new image OTA-VERSION:1.0.1"
    assert update.status(ota_device.thing) == "SUCCEEDED"
    assert len(ota_records(ota_device.thing, "GetStream")) == 1
