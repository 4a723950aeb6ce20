"""The front door: MQTT connections, sessions and topics, and the one place where sockets are."""
