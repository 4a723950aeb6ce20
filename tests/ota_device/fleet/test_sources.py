"""A fleet goes on from another address when the ports of one are used up, and says how many fit when there is none.

That an address has no port is shown by one that is not this machine's: the system says the same of both.
"""

import asyncio
import errno
import sys

import pytest

from fleet_world import SHELF, fleet, traits
from live import serving
from ota_device.fleet import sources, thing
from ota_device.fleet.sources import Sources
from ota_device.fleet.tally import Stage

FOREIGN = "192.0.2.1"  # for documentation: nobody has it
FULL = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback has one address")


@linux
async def test_things_go_on_from_the_next_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "of", lambda _: _starting_at(FOREIGN, "127.0.0.9", "127.0.0.10"))
    with serving(SHELF) as server:
        made = fleet(server, traits(30))
        await made.run()
    assert made.tally.stages == {**dict.fromkeys(Stage, 0), Stage.SUCCEEDED: 30}
    assert made.site.sources.current == "127.0.0.9", "one that has ports is not left"


def _starting_at(first: str, *others: str) -> Sources:
    made = Sources(others)
    made.current = first
    return made


@linux
async def test_without_another_address_it_is_told_how_many_fit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "of", lambda _: _starting_at(FOREIGN))
    monkeypatch.setattr(thing, "PATIENCE", 0.0)
    with serving(SHELF) as server:
        made = fleet(server, traits(2))
        await asyncio.wait_for(made.run(), 10)
    said = f"no connection: no port is left: from one address of this machine {sources.ports():,} connections fit"
    assert dict(made.tally.reasons) == {said: 2}


def test_an_address_is_left_once_however_many_find_it_full():
    made = Sources(("127.0.0.2", "127.0.0.3"))
    assert made.leave(None, FULL)
    assert made.leave(None, FULL)
    assert made.current == "127.0.0.2"
    assert not made.leave("127.0.0.2", OSError(errno.ECONNREFUSED, "refused"))
    assert made.leave("127.0.0.2", FULL)
    assert not made.leave("127.0.0.3", FULL)


@linux
def test_only_the_loopback_has_other_addresses():
    assert sources.of("127.0.0.1").leave(None, FULL)
    assert not sources.of("192.0.2.7").leave(None, FULL)
    assert not sources.of("::1").leave(None, FULL)
