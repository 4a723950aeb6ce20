"""What workers keep at AWS, against the simulator's own endpoint: firmware in S3, records in CloudWatch Logs."""

import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from images import image_bytes
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.images import Images, MissingImage, described
from ota_stream.stores.shared.record_events import BYTES_MAX, EVENTS_MAX, RecordEvents, batches
from ota_stream.stores.shared.records import KeptRecord
from ota_stream.stores.shared.rows import SharedFile
from ota_stream.streams.catalog import ImageForbidden, ImageGone
from processes import CLI, Process


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    ports = ["--mqtt-port", "0", "--http-port", "0", "--json"]
    with Process(*CLI, "serve", "--data-dir", tmp_path / "data", *ports) as server:
        url = f"http://127.0.0.1:{server.ready['http']['port']}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield url


@pytest.mark.usefixtures("cloud")
async def test_firmware_comes_from_s3_once():
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="firmware")
    s3.put_object(Bucket="firmware", Key="a/app.bin", Body=image_bytes(70_000))
    file = await described(0, "s3://firmware/a/app.bin")
    assert file.size == 70_000
    images = Images()
    image = await images.load(file)
    assert image.read(69_000, 70_000) == image_bytes(70_000)[69_000:]
    s3.delete_object(Bucket="firmware", Key="a/app.bin")
    assert await images.load(file) is image
    with pytest.raises(ImageGone, match="there is no object s3://firmware/a/app"):
        await described(0, "s3://firmware/a/app.bin")
    assert isinstance(await Images().load(SharedFile(0, "s3://nowhere/app.bin", 1, "0")), MissingImage)


@pytest.mark.usefixtures("cloud")
async def test_an_s3_that_does_not_answer_is_forbidden_not_a_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(ImageForbidden, match="s3://firmware/app"):
        await described(0, "s3://firmware/app.bin")


@pytest.mark.usefixtures("cloud")
async def test_records_become_events_in_a_log_stream_of_the_workers_own():
    logs = boto3.client("logs")
    records = RecordEvents("workers", "worker-1")
    now = time.time()  # CloudWatch takes no old events
    await records.put([KeptRecord("s", number, 0, now + number / 1000, b'{"n":%d}' % number) for number in (2, 1)])
    await records.put([KeptRecord("s", 3, 0, now + 1, b'{"n":3}')])
    events = logs.get_log_events(logGroupName="workers", logStreamName="worker-1", startFromHead=True)["events"]
    assert [event["message"] for event in events] == ['{"n":1}', '{"n":2}', '{"n":3}']


@pytest.mark.usefixtures("cloud")
async def test_a_cloudwatch_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="CloudWatch Logs takes no records"):
        await RecordEvents("workers", "worker-1").put([KeptRecord("s", 1, 0, 0.0, b"{}")])


def test_batches_stay_within_the_limits_of_one_call():
    small = [KeptRecord("s", number, 0, 0.0, b"{}") for number in range(EVENTS_MAX + 1)]
    assert [len(batch) for batch in batches(small)] == [EVENTS_MAX, 1]
    large = [KeptRecord("s", number, 0, 0.0, b"x" * (BYTES_MAX // 4 - 26)) for number in range(9)]
    assert [len(batch) for batch in batches(large)] == [4, 4, 1]
    assert list(batches([])) == []
