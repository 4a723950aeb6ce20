"""MQTT-based file delivery: the streams service (spec section 1)."""
