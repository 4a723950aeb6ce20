"""An AWS IoT over-the-air cloud on one machine: what is said and what is decided.

No sockets here; `ota_broker` is the process devices connect to, `ota_device` is the device half.
"""
