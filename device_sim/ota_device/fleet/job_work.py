"""A thing that waits for an OTA job and does it as its agent does: download, verify, reboot, self test, report."""

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ota_device.boot import Booted, boot
from ota_device.flash import Flash
from ota_device.fleet.getter import Getter
from ota_device.fleet.memory_flash import MemoryFlash
from ota_device.fleet.paced import PacedMachine
from ota_device.fleet.tally import Stage
from ota_device.fleet.thing import Verdict
from ota_device.fleet.traits import Fault
from ota_device.machine import Machine
from ota_device.orders import Get, Outcome
from ota_device.station import BOOTS_MAX, factory_image
from ota_device.verify import Certificates

if TYPE_CHECKING:
    from ota_device.fleet.thing import Thing

ACKNOWLEDGED_WITHIN: Final = 10.0  # seconds; then the connection counts as lost
_NOT_SENT: Final = -1  # stands for a packet id when there was no connection to send over


class Keys(Struct, frozen=True):
    """What things hold: the signer's certificate, nothing, and another one's, for the faults."""

    right: Certificates
    none: Certificates
    other: Certificates

    def of(self, fault: Fault | None) -> Certificates:
        """Return what a thing with a fault holds."""
        if fault is Fault.NO_CERTIFICATE:
            return self.none
        return self.other if fault is Fault.OTHER_CERTIFICATE else self.right


class _Unacknowledged(Struct, frozen=True):
    topic: str
    payload: bytes


class JobWork:
    """What one thing does. It is the wire and the watcher of its machine, too."""

    __slots__ = (
        "_came",
        "_flash",
        "_getter",
        "_inbox",
        "_keys",
        "_machine",
        "_opened",
        "_reboots",
        "_sent_at",
        "_thing",
        "_topics",
        "_unacknowledged",
        "reboots",
        "verdict",
    )  # fmt: skip

    def __init__(self, thing: "Thing", keys: Keys) -> None:
        self.verdict: Verdict | None = None
        self.reboots = False
        self._thing = thing
        self._keys = keys
        self._flash = MemoryFlash(thing.site.shelf)
        self._machine: PacedMachine | None = None
        self._topics: tuple[tuple[str, int], ...] = ()
        self._inbox: deque[tuple[str, bytes]] | None = None
        self._getter: Getter | None = None
        self._came: tuple[int, bytes] | None = None  # of a range, while the machine waits for a PUBACK
        self._unacknowledged: _Unacknowledged | None = None
        self._reboots = 0
        self._opened = self._sent_at = 0.0

    @property
    def deadline(self) -> float | None:
        """When `on_time` is due."""
        if self._unacknowledged is not None:
            return self._sent_at + ACKNOWLEDGED_WITHIN
        return None if self._machine is None else self._machine.deadline

    def start(self, now: float) -> None:
        """Boot, or go on when only the connection was lost."""
        machine = self._machine
        if machine is None:
            self._boot(now)
            return
        if self._topics:
            self._thing.subscribe(dict(self._topics))
        if self._unacknowledged is not None:
            self._send_again(machine, self._unacknowledged, now)
        machine.restart(self, now)
        self._follow(machine)

    def on_message(self, topic: bytes, payload: bytes, now: float) -> None:
        """Take a message, or keep it until the machine hears again."""
        machine = self._machine
        if machine is None:
            return
        name = topic.decode(errors="replace")
        if machine.awaited:
            if self._inbox is None:
                self._inbox = deque()
            self._inbox.append((name, payload))
            return
        machine.on_message(self, name, payload, now)
        self._follow(machine)

    def on_acknowledged(self, packet_id: int, now: float) -> None:
        """Go on."""
        machine = self._machine
        if machine is None or packet_id != machine.awaited:
            return
        self._unacknowledged = None
        machine.acknowledge(packet_id, self, now)
        while self._inbox and not machine.awaited and not machine.over:
            machine.on_message(self, *self._inbox.popleft(), now)
        if self._came is not None and not machine.awaited and not machine.over:
            came, self._came = self._came, None
            machine.on_range(self, *came, now)
        self._follow(machine)

    def on_time(self, now: float) -> None:
        """Do what is due."""
        machine = self._machine
        if machine is None:
            return
        if self._unacknowledged is None:
            machine.on_time(self, now)
            self._follow(machine)
        elif now >= self._sent_at + ACKNOWLEDGED_WITHIN and self._thing.connection is not None:
            self._sent_at = now
            self._thing.connection.abort("a QoS 1 message is not acknowledged")

    def lose_power(self) -> None:
        """Forget everything but the flash."""
        self._machine = self._inbox = self._unacknowledged = None
        self._topics = ()
        self.hang_up()

    def hang_up(self) -> None:
        """Break the connection for downloads by HTTP, if there is one."""
        self._came = None
        if self._getter is not None:
            self._getter.close()
            self._getter = None

    def _boot(self, now: float) -> None:
        thing, traits = self._thing, self._thing.traits
        booted, flash = self._choose()
        if booted.testing:
            thing.site.tally.rebooted += 1
            thing.enter(Stage.REBOOTED)
        machine = PacedMachine(thing.name, traits.flavour, booted, flash, self._keys.of(thing.fault), self)
        machine.steps = self
        machine.fetch = self._fetch
        self._machine = machine
        machine.start(self, now)
        self._follow(machine)

    def _choose(self) -> tuple[Booted, Flash]:
        """Start from the flash until an image runs: one that crashes on trial is rejected by the next boot."""
        traits, shelf = self._thing.traits, self._thing.site.shelf
        while True:
            flash = Flash(self._flash, shelf.inspect)
            if flash.record is None:
                flash.install(factory_image(traits.version), traits.version)
            booted = shelf.booted(boot(flash))
            if booted.starts and booted.connects and not (booted.testing and self._thing.fault is Fault.CRASH):
                flash.record = shelf.record(flash.known)
                return booted, flash

    def _follow(self, machine: Machine) -> None:
        """Look whether this boot is over, and whether the job is."""
        ended = machine.ended
        if ended is not None:
            succeeded = ended.outcome is Outcome.SUCCEEDED
            self.verdict = Verdict(succeeded, "" if succeeded else f"{ended.outcome}: {ended.reason}")
        elif machine.stopped:
            self.verdict = Verdict(succeeded=False, reason="the agent has stopped")
        elif machine.reboots:
            self.lose_power()
            self.reboots = True
            self._reboots += 1
            if self._reboots > BOOTS_MAX:
                self.verdict = Verdict(succeeded=False, reason=f"{BOOTS_MAX} reboots, and the job has not ended")

    def _send_again(self, machine: PacedMachine, lost: _Unacknowledged, now: float) -> None:
        self._sent_at = now
        machine.awaited = self._thing.publish(lost.topic, lost.payload, 1) or _NOT_SENT

    # Wire

    def subscribe(self, topic: str, /, *, qos: int) -> None:
        """Subscribe, and again after a lost connection."""
        self._topics += ((topic, qos),)
        self._thing.subscribe({topic: qos})

    def unsubscribe(self, topic: str, /) -> None:
        """End a subscription."""
        self._topics = tuple(each for each in self._topics if each[0] != topic)
        self._thing.unsubscribe(topic)

    def publish(self, topic: str, payload: bytes, /, *, qos: int) -> None:
        """Send a message; with QoS 1 the machine waits."""
        now = monotonic()
        if "/streams/" in topic:
            self._thing.request(topic, payload, now)
            return
        packet_id = self._thing.publish(topic, payload, qos)
        if qos and self._machine is not None:
            self._unacknowledged = _Unacknowledged(topic, payload)
            self._sent_at = now
            self._machine.awaited = packet_id or _NOT_SENT

    # Downloads by HTTP

    def _fetch(self, order: Get) -> None:
        """Get a range; whatever was waited for before is given up."""
        if self._getter is None or not self._getter.is_free:
            self.hang_up()
            self._getter = Getter(self._thing.site, self._thing.asked, self._on_range)
        self._getter.get(order, monotonic())

    def _on_range(self, status: int, data: bytes, now: float) -> None:
        machine = self._machine
        if machine is None:
            return
        if machine.awaited:
            self._came = status, data
            return
        machine.on_range(self, status, data, now)
        self._follow(machine)
        self._thing.follow(now)

    # Watcher and Steps

    def say(self, text: str) -> None:
        """Nobody listens to ten thousand things at once."""

    def progress(self, received: int, size: int) -> None:
        """Blocks are counted when they are kept."""

    def kept(self, size: int, now: float) -> None:
        """Count a block."""
        self._thing.count_block(size, now)

    def opened(self) -> None:
        """Count a download that begins."""
        self._opened = monotonic()
        self._thing.enter(Stage.DOWNLOADING)

    def checking(self) -> None:
        """Spoil the image of a thing whose flash is bad."""
        if self._thing.fault is Fault.FLASH:
            self._flash.spoil(Flash(self._flash).known.spare)

    def verified(self) -> None:
        """Count a good image."""
        tally = self._thing.site.tally
        tally.verified += 1
        tally.images += 1
        tally.image_time.add(monotonic() - self._opened)
        self._thing.enter(Stage.VERIFIED)
