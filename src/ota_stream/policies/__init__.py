"""The IoT policies service: what the holder of a certificate may do over MQTT (docs/policies.md)."""
