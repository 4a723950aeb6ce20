"""Faults: what goes wrong between the cloud and a device, on purpose, and for whom (docs/faults.md)."""
