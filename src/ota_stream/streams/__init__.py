"""MQTT-based file delivery: the streams service (docs/wire.md)."""
