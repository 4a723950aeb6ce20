"""MQTT on the wire: bytes to values and back, in both versions; no socket, no session."""
