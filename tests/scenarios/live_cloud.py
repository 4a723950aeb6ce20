"""The whole cloud on real sockets, and boards for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from device_world import CuttableStorage
from http_cloud import HttpCloud
from live import PATIENCE, RawClient, wait_until
from ota_broker.cloud import Cloud
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_broker.front.profile import AWS
from ota_device.flash import Flash
from ota_device.flavours import FREERTOS, Flavour
from ota_device.link import Link, LinkOptions
from ota_device.station import Hardware, Station
from ota_device.verify import Certificates
from ota_stream.answers import Effect
from ota_stream.jobs.executions import JobExecution
from ota_stream.records import Record
from ota_stream.streams.service import StreamService
from ota_stream.updates.messages import S3Location
from ota_stream.updates.states import UpdateStatus
from scenario_world import BUCKET, NEW, PROFILE, THING, request

QUICK: Final = LinkOptions(patience=5.0, attempts=100, pause=0.01)


class LiveCloud(HttpCloud):
    """A whole cloud on real sockets, MQTT and HTTP, with a clock that can be moved."""

    def __init__(self, folder: Path) -> None:
        self.listener: Listener | None = None
        super().__init__(folder)

    def hand_over(self, effect: Effect) -> None:
        super().hand_over(effect)
        if self.listener is not None:
            self.listener.exchange.send(effect.replies)

    def keep(self, record: Record) -> None:
        self.records.append(record)

    def start(self) -> None:
        super().start()
        self._await(self._open())

    def stop(self) -> None:
        if self.listener is not None:
            self._await(self.listener.stop())
        super().stop()

    async def _open(self) -> None:
        cloud = Cloud(StreamService(self.catalog), self.devices, self)
        notices = Notices(self.clock.monotonic)
        listener = Listener(cloud, AWS, self.clock, notices, keep_records=self.database.flush, on_tick=lambda: None)
        await listener.start("127.0.0.1", 0)
        self.operated.signing.put_profile(PROFILE)
        self.certificates = Certificates({PROFILE.certificate_path: self.operated.signing.certificate(PROFILE.name)})
        self.listener = listener

    def _await(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    @property
    def mqtt(self) -> tuple[str, int]:
        assert self.listener is not None
        return "127.0.0.1", self.listener.port

    def update(self, image: bytes = NEW, ota_update_id: str = "u1", **more: Any) -> str:
        """Make an OTA update of an image, wait for its job, and return the job's id."""

        def create() -> None:
            key = f"{ota_update_id}.bin"
            location = S3Location(BUCKET, key, self.operated.objects.put(BUCKET, key, image))
            self.hand_over(self.updates.create(request(ota_update_id, location, **more), self.clock.wall())[1])

        self.run(create)
        wait_until(lambda: self.run(lambda: self.updates.get(ota_update_id).due) is None, "the update")
        update = self.run(lambda: self.updates.get(ota_update_id))
        assert update.status is UpdateStatus.CREATE_COMPLETE, update.error
        return str(update.job_id)

    def cancel(self, job_id: str) -> None:
        self.run(lambda: self.hand_over(self.jobs.cancel_job(job_id, self.clock.wall(), force=True)))

    def of(self, job_id: str, thing: str = THING) -> JobExecution:
        execution: JobExecution = self.run(lambda: self.jobs.execution(thing, job_id))
        return execution


@contextmanager
def live(folder: Path) -> Iterator[LiveCloud]:
    """Serve a whole cloud over `folder` on free ports of 127.0.0.1."""
    cloud = LiveCloud(folder)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()


class Board:
    """Hardware for a live cloud, with a flash in memory. `act` runs when `at` bytes came."""

    def __init__(self, cloud: LiveCloud, thing: str = THING, flavour: Flavour = FREERTOS) -> None:
        self.storage = CuttableStorage()
        self.lines: list[str] = []
        self.received: list[int] = []
        self.act: Callable[[], None] | None = None
        self.at = 0
        self._cloud, self._thing, self._flavour = cloud, thing, flavour

    def run(self) -> None:
        """Run the simulated device until its job has ended."""
        hardware = Hardware(self.storage, self._cloud.certificates, self._flavour)
        Station(self._thing, hardware, lambda _: Link(*self._cloud.mqtt, self._thing, QUICK), self).run(once=True)

    def take_over(self) -> None:
        """Let a second client with the same client id take the connection over."""
        with RawClient(self._cloud.mqtt) as other:
            other.connect(self._thing)

    @property
    def runs(self) -> bytes:
        """The image the device runs."""
        flash = Flash(self.storage)
        return flash.image(flash.known.current)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, received: int, _size: int) -> None:
        self.received.append(received)
        if self.act is not None and received >= self.at:
            act, self.act = self.act, None
            act()
