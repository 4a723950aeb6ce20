"""Block 7 is lost on its way, once, and asked for again; the log says why: `pytest examples/test_lost_block.py`."""

from ota_stream.testing import assert_records


def test_a_lost_block_is_asked_for_again(ota_cloud, ota_thing, ota_update, ota_faults, ota_records):
    image = bytes(range(256)) * 200
    lost = ota_faults.add("drop", blocks=7, attempts=1)
    ota_update(image)

    device = ota_cloud.device(ota_thing, retry_after=0.2)
    device.run()

    assert device.runs == image
    assert ota_faults.hits(lost) == 1
    assert_records(
        ota_records(ota_thing),
        [
            ...,
            {"eventType": "InjectedFault", "details": "drop: 1 of GetStream, blocks 7"},
            ...,
            "GetStream",
            ...,
            {"eventType": "UpdateJobExecution", "details": lambda text: "SUCCEEDED" in text},
        ],
    )
