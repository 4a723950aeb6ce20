"""The cloud without sockets: the services as they are, a wire that loses, time that passes by itself."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_world import CERTIFICATE, STREAM, document, ecdsa, firmware
from images import image_bytes
from ota_device.boot import boot
from ota_device.flash import Flash
from ota_device.flavours import FLAVOURS, FlavourName
from ota_device.machine import Machine
from ota_device.station import FIRST_VERSION, factory_image
from ota_device.verify import Certificates
from ota_device.weak_storage import MemoryStorage
from ota_stream.errors import ControlError
from ota_stream.testing import LossyWire, MemoryCloud, assert_records

JOBS = "$aws/things/dev1/jobs"
GET = "$aws/things/dev1/streams/app/get/json"


class Inbox:
    """Takes messages."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []

    def __call__(self, topic: str, payload: bytes) -> None:
        self.taken.append((topic.partition("dev1/")[2], json.loads(payload)))

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.taken]


class Nobody:
    def say(self, text: str) -> None: ...
    def progress(self, received: int, size: int) -> None: ...


def update(cloud: MemoryCloud, flavour: FlavourName, image: bytes) -> bytes:
    """Let a simulated device do its job, with its reboots; return what it runs."""
    flash = Flash(MemoryStorage())
    flash.install(factory_image(FIRST_VERSION), FIRST_VERSION)
    cloud.put_stream(STREAM, image)
    cloud.create_job("job-1", document(image), "dev1")
    for _ in range(4):
        machine = Machine(
            "dev1", FLAVOURS[flavour], boot(flash), flash, Certificates({CERTIFICATE: ecdsa().pem}), Nobody()
        )
        wire = cloud.connect("dev1", lambda topic, payload: machine.on_message(wire, topic, payload, cloud.now))  # noqa: B023 - called in this round
        machine.start(wire, cloud.now)
        while not machine.over and machine.ended is None:
            if not cloud.deliver(machine.deadline):
                assert machine.deadline is not None, "nothing can happen any more"
                machine.on_time(wire, cloud.now)
        if machine.ended is not None and not machine.reboots:
            break
    return flash.image(flash.known.current)


LOSES = st.builds(LossyWire, st.integers(0, 2**32), loss=st.floats(0, 0.3), twice=st.floats(0, 0.5))
DOUBLES = st.builds(LossyWire, st.integers(0, 2**32), twice=st.floats(0, 0.5))
"""rustot gives up after three requests in a row that nothing came of: on a line that loses it may."""


@settings(max_examples=15, deadline=None)
@given(st.tuples(LOSES, st.just(FlavourName.FREERTOS)) | st.tuples(DOUBLES, st.just(FlavourName.RUSTOT)))
def test_a_device_updates_itself_over_a_bad_line(course: tuple[LossyWire, FlavourName]):
    wire, flavour = course
    cloud, image = MemoryCloud(wire), firmware(size=20_000)
    assert update(cloud, flavour, image) == image
    assert cloud.execution("dev1", "job-1").status.value == "SUCCEEDED"


def test_one_seed_is_one_course():
    first, again, other = (MemoryCloud(LossyWire(seed, loss=0.2, delay_max=0.5)) for seed in (1, 1, 2))
    for cloud in (first, again, other):
        update(cloud, FlavourName.FREERTOS, firmware(size=20_000))
    assert (first.records(), first.now) == (again.records(), again.now)
    assert (first.records(), first.now) != (other.records(), other.now)


def test_it_answers_as_the_simulator_does_and_records_it():
    cloud, inbox = MemoryCloud(), Inbox()
    cloud.put_stream("app", image_bytes(1000))
    device = cloud.connect("dev1", inbox)
    for size in (512, 100):
        device.publish(GET, json.dumps({"f": 0, "l": size, "o": 0, "n": 1}).encode())
    while cloud.deliver():
        pass
    assert inbox.topics == ["streams/app/data/json", "streams/app/rejected/json"]
    assert_records(cloud.records(), [{"actionType": "GetStream", "status": "Success"}, {"status": "Failure"}])


def test_who_is_subscribed_hears_of_a_job():  # JT-10
    cloud, inbox, other = MemoryCloud(), Inbox(), Inbox()
    device = cloud.connect("dev1", inbox)
    device.subscribe(f"{JOBS}/notify-next", qos=1)
    cloud.connect("dev2", other)
    cloud.create_job("job-1", {"do": "it"}, "dev1")
    device.unsubscribe(f"{JOBS}/notify-next")
    cloud.create_job("job-2", {"do": "it"}, "dev1")
    while cloud.deliver():
        pass
    assert (inbox.topics, other.topics) == (["jobs/notify-next"], [])


def test_time_passes_and_what_is_due_is_done():  # JTM-2
    cloud, inbox = MemoryCloud(), Inbox()
    cloud.create_job("job-1", {"do": "it"}, "dev1")
    began = cloud.now
    device = cloud.connect("dev1", inbox)
    device.publish(f"{JOBS}/start-next", b'{"stepTimeoutInMinutes": 10}', qos=1)
    assert cloud.deliver()
    assert not cloud.deliver(until=began + 599)
    assert (cloud.now, cloud.execution("dev1", "job-1").status.value) == (began + 599, "IN_PROGRESS")
    assert not cloud.deliver(until=began + 601)
    assert cloud.execution("dev1", "job-1").status.value == "TIMED_OUT"
    assert cloud.execution("dev1", "job-1").updated_at == began + 600


def test_a_job_there_is_not():
    with pytest.raises(ControlError):
        MemoryCloud().execution("dev1", "job-1")
