"""When a thing is offline and when its power fails: duty cycle and power cuts, from its dice."""

from math import log
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ota_device.fleet.thing import Thing

_AFTER: Final = 0.002  # seconds: the agenda may be early by one millisecond


class Power:
    """Switches a thing off and on. It needs to be kept by nobody: the agenda has it."""

    __slots__ = ("_thing",)

    def __init__(self, thing: "Thing", now: float) -> None:
        self._thing = thing
        traits, agenda = thing.traits, thing.site.agenda
        if traits.duty is not None:
            agenda.at(now + traits.duty.on * thing.dice.throw(), self._go_offline)  # each begins somewhere in its cycle
        if traits.power_cuts:
            agenda.at(now + self._until_cut(), self._cut)

    def _until_cut(self) -> float:
        """Return seconds to the next power cut: they come independently of each other."""
        return -log(1.0 - self._thing.dice.throw()) / self._thing.traits.power_cuts

    def _go_offline(self, now: float) -> None:
        thing, duty = self._thing, self._thing.traits.duty
        if thing.verdict is None and duty is not None:
            thing.go_offline(now, now + duty.off)
            thing.site.agenda.at(now + duty.off + _AFTER, self._come_back)

    def _come_back(self, now: float) -> None:
        thing, duty = self._thing, self._thing.traits.duty
        if thing.verdict is None and duty is not None:
            thing.switch_on(now)
            thing.site.agenda.at(now + duty.on, self._go_offline)

    def _cut(self, now: float) -> None:
        thing = self._thing
        if thing.verdict is None:
            thing.cut_power(now)
            thing.site.agenda.at(now + thing.traits.reboot, thing.switch_on)
            thing.site.agenda.at(now + thing.traits.reboot + self._until_cut(), self._cut)
