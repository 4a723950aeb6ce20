"""Flavours of the simulated device that do wrong, for scenarios in which its power or its flash fails."""

from msgspec.structs import replace

from ota_device.flavours import FREERTOS, Reports

KEEPS_QUIET = replace(FREERTOS, reports=Reports({}))
"""It does everything right and never tells the cloud."""
