"""The limits of the broker, each with its rule. What AWS would only throttle is not here."""

from typing import Final

PAYLOAD_MAX: Final = 131_072  # Q-28, bytes of a publish
TOPIC_MAX: Final = 256  # Q-30, bytes of UTF-8
TOPIC_SLASHES_MAX: Final = 7
CLIENT_ID_MAX: Final = 128  # Q-29, bytes of UTF-8
PROPERTIES_MAX: Final = 8 * 1024  # bytes of the properties of one packet: reading them costs more than the payload
PACKET_MAX: Final = PAYLOAD_MAX + TOPIC_MAX + PROPERTIES_MAX  # as much room is there for user name and password

KEEP_ALIVE_MIN: Final = 30  # Q-27, seconds
KEEP_ALIVE_MAX: Final = 1200  # Q-27, seconds; also what 0 means
KEEP_ALIVE_GRACE: Final = 1.5
CONNECT_WITHIN: Final = 20.0  # seconds from TCP accept to a whole CONNECT
HANDSHAKE_WITHIN: Final = 10.0  # seconds from TCP accept to the end of the TLS handshake
WEBSOCKET_MAX: Final = 24 * 3600.0  # Q-32, seconds a WebSocket may last
HANDSHAKES_MAX: Final = 4096  # TLS handshakes under way at one time: 50 KiB each

REQUEST_FILTERS_MAX: Final = 1000  # in one SUBSCRIBE or UNSUBSCRIBE
FILTERS_MAX: Final = 1000  # per session; AWS has 50, load tests may go past it
IN_FLIGHT_MAX: Final = 100  # Q-25, unacknowledged QoS 1 messages to one client
QUEUE_MAX: Final = 1000  # messages of QoS 1 and 2 waiting for one client
QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024  # ... and their bytes, those in flight included
QUEUES_BYTES_MAX: Final = 256 * 1024 * 1024  # ... of all clients together
SHARE_NAME_MAX: Final = 128  # M5-1, bytes of UTF-8
RECEIVE_MAX: Final = 100  # Q-25, unacknowledged QoS 1 messages from one client
SESSION_EXPIRY: Final = 3600  # Q-31, M5-1: seconds after the disconnect, unless an option says otherwise
SESSION_EXPIRY_MAX: Final = 604_800  # M5-1, seconds
MESSAGE_EXPIRY_MIN: Final = 1  # M5-1, seconds; also what 0 means
MESSAGE_EXPIRY_MAX: Final = 604_800  # M5-1, seconds
TOPIC_ALIAS_MAX: Final = 8  # M5-1
SESSIONS_MAX: Final = 50_000  # persistent ones included
CONNECTIONS_MAX: Final = 20_000
WAITING_MAX: Final = 5_000  # of them without a CONNECT yet; for one more the oldest is cut
RETAINED_MAX: Final = 10_000  # topics
RETAINED_BYTES_MAX: Final = 64 * 1024 * 1024

WRITE_HIGH: Final = 1024 * 1024  # bytes waiting for one slow reader before we stop serving it
WRITE_LOW: Final = 256 * 1024  # ... and go on
READ_WITHIN: Final = 60.0  # seconds it may take from the one to the other; a slower reader is dropped
