"""The whole cloud on real sockets, and boards for it: one flash, and both ways to get an image."""

import asyncio
import base64
import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from device_world import CuttableStorage
from http_cloud import HttpCloud
from live import PATIENCE, RawClient, wait_until
from ota_broker.cloud import Cloud
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_broker.front.profile import AWS
from ota_device import verify
from ota_device.boot import boot
from ota_device.document import Job, Signature
from ota_device.flash import Event, Flash, Target
from ota_device.flavours import FREERTOS, Flavour
from ota_device.link import Link, LinkOptions
from ota_device.reasons import Reason
from ota_device.reception import Piece
from ota_device.station import FIRST_VERSION, Hardware, Station
from ota_device.verify import Certificates
from ota_stream.answers import Effect
from ota_stream.jobs.executions import JobExecution
from ota_stream.records import Record
from ota_stream.streams import blocks
from ota_stream.streams.service import StreamService
from ota_stream.updates import document
from ota_stream.updates.messages import S3Location
from ota_stream.updates.states import UpdateStatus
from scenario_world import BUCKET, NEW, OLD, PROFILE, THING, request

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
    """Hardware for a live cloud: a flash in memory that both data protocols share. `act` runs when `at` bytes came."""

    def __init__(self, cloud: LiveCloud, thing: str = THING, flavour: Flavour = FREERTOS) -> None:
        self.storage = CuttableStorage()
        self.lines: list[str] = []
        self.received: list[int] = []
        self.act: Callable[[], None] | None = None
        self.at = 0
        self._cloud, self._thing, self._flavour = cloud, thing, flavour

    def run(self) -> None:
        """Run the simulated device until its job has ended: the MQTT data protocol."""
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


class HttpAgent:
    """Plays the device's side of the HTTP data protocol on a board (device-agents 3.4): one ranged GET a block."""

    def __init__(self, board: Board, block_size: int = 4096) -> None:
        self.urls: list[str] = []
        self.ranges: list[tuple[int, str]] = []  # status, and the range asked for
        self._board, self._block_size = board, block_size

    def run(self) -> None:
        """Do the job at hand: download, verify, reboot, self test, report."""
        with RawClient(self._board._cloud.mqtt) as client:
            client.connect(self._board._thing)
            flash = Flash(self._board.storage)
            if flash.record is None:
                flash.install(OLD, FIRST_VERSION)
            job = self._job(client)
            self._download(client, flash, job)
            code = verify.check(job, flash.downloaded(), self._board._cloud.certificates)
            if code is not None:
                flash.mark(Event.DROP)
                self._report(client, job.job_id, "FAILED", reason=str(Reason(code)))
                return
            old = boot(flash).version
            self._report(client, job.job_id, "IN_PROGRESS", self_test="ready", updatedBy=f"0x{old.number:08x}")
            flash.complete(old.after)
            booted = boot(flash)
            assert booted.testing
            self._report(client, job.job_id, "IN_PROGRESS", self_test="active", updatedBy=f"0x{old.number:08x}")
            flash.mark(Event.ACCEPT)
            self._report(client, job.job_id, "SUCCEEDED", reason=f"accepted  v{booted.version}")
            flash.mark(Event.REPORTED)

    def _job(self, client: RawClient) -> Job:
        """Ask for the job document, and take the URL in it."""
        client.publish(f"$aws/things/{self._board._thing}/jobs/$next/get", b"{}", qos=1)
        ((_, payload),) = client.messages()
        execution = json.loads(payload)["execution"]
        said = document.decode(json.dumps(execution["jobDocument"]))
        assert "HTTP" in said.protocols
        (file,) = said.files
        assert file.url is not None
        self.urls.append(file.url)
        signature = Signature(file.signature_key, base64.b64decode(file.signature or ""))
        path, certificate = file.file_path or "", file.certificate_file
        return Job(execution["jobId"], "", file.file_id, file.file_size, path, certificate, signature)

    def _download(self, client: RawClient, flash: Flash, job: Job) -> None:
        missing = flash.open(Target(job.job_id, "", job.file_id, job.size, self._block_size))
        total = blocks.total(job.size, self._block_size)
        for block_id in (number for number in range(total) if missing >> number & 1):
            start, end = blocks.span(block_id, self._block_size, job.size)
            data = self._get(start, end)
            if data is None:  # only 403, 404 and 400 make it ask for a fresh document
                assert self._job(client).job_id == job.job_id
                data = self._get(start, end)
            assert data is not None
            flash.write(Piece(block_id, start, data))
            self._board.progress(end, job.size)

    def _get(self, start: int, end: int) -> bytes | None:
        """Return a range of the file, or None when the URL is good no more. Anything but 206 is an error else."""
        url = urlsplit(self.urls[-1])
        with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE)) as connection:
            asked = f"bytes={start}-{end - 1}"
            connection.request("GET", f"{url.path}?{url.query}", headers={"Range": asked, "Connection": "keep-alive"})
            answer = connection.getresponse()
            self.ranges.append((answer.status, asked))
            body = answer.read()
        assert answer.status in {206, 400, 403, 404}, body
        return body if answer.status == 206 else None

    def _report(self, client: RawClient, job_id: str, status: str, **details: str) -> None:
        body = json.dumps({"status": status, "statusDetails": details}).encode()
        topic = f"$aws/things/{self._board._thing}/jobs/{job_id}/update"
        client.publish(topic, body, qos=1)
        assert f"{topic}/accepted" in [answer for answer, _ in client.messages()]
