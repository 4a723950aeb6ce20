"""The limits of the broker, each with its rule. What AWS would only throttle is not here."""

from typing import Final

PAYLOAD_MAX: Final = 131_072  # Q-28, bytes of a publish
TOPIC_MAX: Final = 256  # Q-30, bytes of UTF-8
TOPIC_SLASHES_MAX: Final = 7
CLIENT_ID_MAX: Final = 128  # Q-29, bytes of UTF-8
PACKET_MAX: Final = PAYLOAD_MAX + TOPIC_MAX + 8 * 1024  # a CONNECT carries a will, a user name and a password too

KEEP_ALIVE_MIN: Final = 30  # Q-27, seconds
KEEP_ALIVE_MAX: Final = 1200  # Q-27, seconds; also what 0 means
KEEP_ALIVE_GRACE: Final = 1.5
CONNECT_WITHIN: Final = 20.0  # seconds from TCP accept to a whole CONNECT

FILTERS_MAX: Final = 1000  # per session; AWS has 50, load tests may go past it
IN_FLIGHT_MAX: Final = 100  # Q-25, unacknowledged QoS 1 messages to one client
QUEUE_MAX: Final = 1000  # QoS 1 messages waiting for one client
QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024  # ... and their bytes
SESSION_EXPIRY: Final = 3600.0  # Q-31, seconds after the disconnect
SESSIONS_MAX: Final = 50_000  # persistent ones included
CONNECTIONS_MAX: Final = 20_000
RETAINED_MAX: Final = 10_000  # topics
RETAINED_BYTES_MAX: Final = 64 * 1024 * 1024

WRITE_HIGH: Final = 1024 * 1024  # bytes waiting for one slow reader before we stop serving it
WRITE_LOW: Final = 256 * 1024  # ... and go on
