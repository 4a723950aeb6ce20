"""Tools for tests of firmware and of what talks to AWS IoT: a whole cloud in the test's own process.

`LocalCloud` is the simulator on free ports of 127.0.0.1, with its `clock`, `faults`, `records` and `diagnosis`;
`Device` is a simulated device with its flash in memory; `assert_records` compares. The pytest plugin makes fixtures of
them. `MemoryCloud` over a `LossyWire` is for agents that are state machines, without a socket: docs/testing.md.
"""

from ota_stream.testing.clock import Clock
from ota_stream.testing.cloud import CloudError, LocalCloud
from ota_stream.testing.device import Device, Outcome
from ota_stream.testing.faults import Faults
from ota_stream.testing.memory import MemoryCloud
from ota_stream.testing.records import assert_records
from ota_stream.testing.update import Update
from ota_stream.testing.wire import LossyWire

__all__ = [
    "Clock",
    "CloudError",
    "Device",
    "Faults",
    "LocalCloud",
    "LossyWire",
    "MemoryCloud",
    "Outcome",
    "Update",
    "assert_records",
]
