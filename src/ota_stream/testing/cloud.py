"""A whole cloud in the test's own process: the simulator on free ports of 127.0.0.1, over a folder."""

import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from msgspec.structs import replace

from ota_broker.config import Settings
from ota_broker.simulator import Simulator
from ota_device import mishaps, versions
from ota_device.errors import DeviceError
from ota_device.flavours import FLAVOURS, Flavour, FlavourName
from ota_device.link import KEEP_ALIVE, Credentials, LinkOptions
from ota_device.mishaps import WrongClock
from ota_device.station import FIRST_VERSION, Hardware
from ota_device.verify import Certificates
from ota_device.weak_storage import MemoryStorage
from ota_stream.api.operated import Operated
from ota_stream.diagnosis.kinds import Finding
from ota_stream.diagnosis.service import THINGS_MAX
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.configs import TimeoutConfig
from ota_stream.jobs.executions import JobExecution
from ota_stream.logs import groups
from ota_stream.signing.profiles import SigningProfile
from ota_stream.stores.cursor import Cursor
from ota_stream.stores.keys import signers
from ota_stream.testing.clock import Clock
from ota_stream.testing.device import Device
from ota_stream.testing.faults import Faults
from ota_stream.testing.loop import PATIENCE, LoopThread
from ota_stream.testing.update import Update
from ota_stream.updates.messages import (
    CodeSigning,
    CreateOtaUpdate,
    FileLocation,
    Protocol,
    S3Location,
    StartSigningJobParameter,
    UpdateFile,
)
from ota_stream.updates.orders import DAMAGE
from ota_stream.updates.states import OtaUpdate, UpdateStatus

BUCKET: Final = "firmware"
PROFILE: Final = SigningProfile("testing", "AmazonFreeRTOS-Default", "testing-signer", "testing-signer.crt.pem")
ROLE: Final = "arn:aws:iam::123456789012:role/ota-stream"  # the API wants one; nobody assumes it
_LASTING: Final = 5.0  # seconds after which a cloud has a process for its records: a short one costs none
_AWAY: Final = 0.05  # seconds until a device whose connection is lost connects again
_PAUSE: Final = 0.002  # seconds between two looks


class CloudError(OtaStreamError):
    """Something asked of a cloud under test has not come about."""


class LocalCloud:
    """Serves from `start` to `stop`, or in a `with` block. `settings` are those of ota_broker.config.Settings.

    `folder` is its data directory, as commands take it.

    `loop` is a thread to share with other clouds; without one it has its own. `mqtt` is host and port, `mqtts` too
    with `tls=True`; `http` is the endpoint URL for boto3 and the AWS CLI. Every method may be called from any thread
    but the loop's.
    """

    clock: Clock
    faults: Faults

    def __init__(self, data_dir: Path, loop: LoopThread | None = None, **settings: Any) -> None:  # noqa: ANN401
        options = {"updates.pace": 0.0, **settings.pop("options", {})}
        ports = {"mqtt_port": 0, "tls_port": 0, "http_port": 0, "https_port": 0}
        usual = {"clock": "manual", "diagnose": THINGS_MAX, "quotas": "off", "log_writer_after": _LASTING}
        chosen: dict[str, Any] = {**ports, **usual, **settings, "data_dir": str(data_dir), "options": options}
        self._settings = Settings(**chosen)
        self.folder = data_dir
        self._own = loop is None
        self._loop = loop or LoopThread()
        self._numbers = count(1)
        self._simulator = Simulator(self._settings)
        self.faults = Faults(self._loop, self._simulator)
        self.mqtt = self.mqtts = ("", 0)
        self.http = ""

    def start(self) -> Self:
        """Open the ports. Raises OtaStreamError: one line that says what is wrong."""
        simulator = self._simulator
        self._loop.wait(simulator.start())
        if simulator.time is not None:
            self.clock = Clock(self._loop, simulator.time)
        self.mqtt = simulator.host, simulator.port
        if "mqtts" in simulator.endpoints:
            self.mqtts = simulator.endpoints["mqtts"]["host"], simulator.endpoints["mqtts"]["port"]
        self.http = f"http://{simulator.http_host}:{simulator.http_port}"
        return self

    def stop(self, *, wait: bool = True) -> None:
        """Close the ports; without `wait` the shared loop does it beside what comes next."""
        if wait or self._own:
            self._loop.wait(self._simulator.stop())
        else:
            self._loop.begin(self._simulator.stop())
        if self._own:
            self._loop.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create_thing(self, thing: str) -> str:
        """Make a thing, or know that it is there; return its name. Raises ControlError."""
        self._loop.ask(lambda: self._operated.registry.create_thing(thing))
        return thing

    def create_update(
        self,
        image: bytes,
        *things: str,
        timeout_minutes: int | None = None,
        protocol: Protocol | Sequence[Protocol] = "MQTT",
        damage: str | None = None,
        file_name: str | None = "firmware.bin",
    ) -> Update:
        """Upload an image, sign it, make stream and job for things, and return when devices can have it.

        `timeout_minutes`: how long an execution may be IN_PROGRESS, 1 to 10080 minutes. `damage`: what is wrong with
        the signature, as of `ota-stream update`. `file_name`: where the device puts it; None to leave it out.

        Raises:
            ControlError: refused, as AWS would.
            CloudError: it was not made; the message says why.
        """
        ota_update_id = f"update-{next(self._numbers)}"
        for thing in things:
            self.create_thing(thing)

        def create() -> None:
            cloud = self._operated
            cloud.signing.put_profile(PROFILE)
            key = f"{ota_update_id}/firmware.bin"
            location = S3Location(BUCKET, key, cloud.objects.put(BUCKET, key, image))
            start = StartSigningJobParameter(signing_profile_name=PROFILE.name)
            file = UpdateFile(
                file_name,
                file_location=FileLocation(s3_location=location),
                code_signing=CodeSigning(start_signing_job_parameter=start),
            )
            order = CreateOtaUpdate(
                ota_update_id,
                tuple(cloud.arn(f"thing/{thing}") for thing in things),
                (file,),
                ROLE,
                protocols=(protocol,) if isinstance(protocol, str) else tuple(protocol),
                additional_parameters={} if damage is None else {DAMAGE: damage},
                aws_job_timeout_config=TimeoutConfig(timeout_minutes),
            )
            _, effect = cloud.updates.create(order, cloud.clock.wall())
            cloud.hand_over(effect)
            cloud.commit()

        self._loop.ask(create)
        return Update(self._made(ota_update_id), self.execution)

    def execution(self, thing: str, job_id: str) -> JobExecution:
        """Return the latest execution of a job by a thing. Raises ControlError: there is none."""
        return self._loop.ask(lambda: self._operated.jobs.execution(thing, job_id))

    def signers(self) -> bytes:
        """Return the certificates (PEM) of those who sign its updates; there is one before the first."""

        def sign_up() -> None:
            self._operated.signing.put_profile(PROFILE)
            self._operated.signing.certificate(PROFILE.name)

        self._loop.ask(sign_up)
        return signers(self.folder)

    def device(  # noqa: PLR0913 - what a test may say of a device
        self,
        thing: str,
        flavour: str | Flavour = "freertos",
        faults: Iterable[str] = (),
        *,
        version: str | None = None,
        patience: float = 5.0,
        keep_alive: int = KEEP_ALIVE,
        credentials: Credentials | None = None,
        **changes: Any,  # noqa: ANN401 - the fields of Flavour
    ) -> Device:
        """Return a simulated device, which has the signers' certificates.

        Flavours and faults are those of `ota-stream device`: `faults=["power-cut:write=7"]`. `version` is that of the
        image it starts with, 0.9.0; `patience` the seconds it waits for CONNACK, SUBACK and PUBACK; `keep_alive` those
        of silence after which it pings. With `credentials` it speaks TLS. `changes` make it another than its flavour:
        `retry_after=0.2` is the seconds until it asks again for blocks that do not come, `block_count=1` the blocks of
        a request, `speaks=("MQTT", "HTTP")` its data protocols, the primary one first.

        Raises:
            DeviceError: one of the faults is none, or the version.
        """
        played = replace(flavour if isinstance(flavour, Flavour) else FLAVOURS[FlavourName(flavour)], **changes)
        first = FIRST_VERSION if version is None else versions.parse(version)
        if first is None:
            raise DeviceError(f"version {version!r}: use X.Y.Z, up to 255.255.65535")
        wrong = [mishaps.read(text) for text in faults]
        days_off = sum(each.days for each in wrong if isinstance(each, WrongClock))
        if days_off and credentials is None:
            raise DeviceError("wrong-clock: this device has no TLS, which alone asks for the time (docs/faults.md)")
        hardware = Hardware(MemoryStorage(), Certificates(ask=lambda: signers(self.folder)), played, first)
        options = LinkOptions(
            patience=patience, pause=_AWAY, keep_alive=keep_alive, credentials=credentials, days_off=days_off
        )
        return Device(self.mqtt if credentials is None else self.mqtts, thing, hardware, wrong, options)

    def records(self, thing: str | None = None, action: str | None = None) -> list[dict[str, Any]]:
        """Return the entries of the `AWSIoTLogsV2` log group, oldest first; of a thing or an action alone.

        A thing's are those whose `clientId` it is; `action` is the `actionType` of streams and updates (`GetStream`),
        or the `eventType` of jobs and of the broker (`UpdateJobExecution`).
        """
        self._loop.ask(self._operated.commit)
        with closing(Cursor(self.folder, groups.resolve(self._settings.log_group))) as events:
            entries = [dict(entry) for event in events.poll() if (entry := event.entry()) is not None]
        return [
            entry
            for entry in entries
            if thing in {None, entry.get("clientId")}
            and action in {None, entry.get("actionType"), entry.get("eventType")}
        ]

    def diagnosis(self, thing: str | None = None) -> list[Finding]:
        """Return what is wrong with the way devices talk to the cloud, or this thing alone: docs/diagnosis.md."""
        return self._loop.ask(lambda: self._simulator.findings(thing))

    @property
    def _operated(self) -> Operated:
        return self._simulator.cloud

    def _made(self, ota_update_id: str) -> OtaUpdate:
        until = time.monotonic() + PATIENCE
        while True:
            made = self._loop.ask(lambda: self._operated.updates.get(ota_update_id))
            if made.status is UpdateStatus.CREATE_COMPLETE:
                return made
            if made.status is UpdateStatus.CREATE_FAILED or time.monotonic() > until:
                raise CloudError(f"update {ota_update_id} is {made.status.value}: {made.error}")
            time.sleep(_PAUSE)
