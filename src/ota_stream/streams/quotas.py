"""The limits of the streams service, each with its rule."""

from typing import Final

BLOCK_SIZE_MIN: Final = 256  # Q-1, bytes
BLOCK_SIZE_MAX: Final = 131_072  # Q-1, bytes
REQUEST_DATA_MAX: Final = 131_072  # Q-2, bytes of data one GetStream brings
BLOCK_OFFSET_MAX: Final = 98_304  # Q-3, blocks
BLOCK_COUNT_MAX: Final = 98_304  # Q-3, blocks
BITMAP_MAX: Final = 12_288  # Q-4, bytes; accepted exactly (G-4)
FILE_SIZE_MAX: Final = 25_165_824  # Q-5, bytes
FILE_ID_MAX: Final = 255  # SG-3
FILES_PER_STREAM: Final = 10  # Q-6 (the API model would take 50)
STREAMS_MAX: Final = 10_000
CLIENT_TOKEN_MAX: Final = 64  # Q-7, bytes of UTF-8
STREAM_VERSION_FIRST: Final = 1  # SC-6: the file-streams library always sends s = 1 (CL-2)
STREAM_VERSION_MAX: Final = 65_535  # SC-6
MQTT_PAYLOAD_MAX: Final = 131_072  # Q-28, bytes; data messages are exempt by default (SR-11)
