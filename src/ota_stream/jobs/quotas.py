"""The limits of the jobs service, each with its rule."""

from typing import Final

CLIENT_TOKEN_MAX: Final = 64  # JR-1, bytes of UTF-8
DETAILS_MAX: Final = 10  # JR-11, pairs
DETAIL_VALUE_MAX: Final = 1024  # JR-11, characters
STEP_TIMEOUT_MIN: Final = 1  # JR-3, minutes
STEP_TIMEOUT_MAX: Final = 10_080  # JR-3, minutes
STEP_TIMEOUT_NONE: Final = -1  # JR-3: discards the step timer
NOTIFY_MAX: Final = 10  # JNF-2, executions in one message

TARGETS_MIN: Final = 1  # JC-1
DOCUMENT_MAX: Final = 32_768  # JC-1, characters
DOCUMENT_SOURCE_MAX: Final = 1350  # JC-1, characters
DESCRIPTION_MAX: Final = 2028  # JC-1, characters
COMMENT_MAX: Final = 2028  # API model, characters
PRESIGNED_MIN: Final = 60  # JC-1, seconds
PRESIGNED_MAX: Final = 3600  # JC-1, seconds; also the default
PLACEHOLDERS_MAX: Final = 10  # JC-22
TIMEOUT_MIN: Final = 1  # JTM-1, minutes
TIMEOUT_MAX: Final = 10_080  # JTM-1, minutes
RETRIES_MAX: Final = 10  # JTM-5
RETRY_CRITERIA_MAX: Final = 2  # JTM-5
RATE_MAX: Final = 1000  # JTM-6, things a minute
INCREMENT_MIN: Final = 1.1  # JTM-6
INCREMENT_MAX: Final = 5.0  # JTM-6
THRESHOLD_MAX: Final = 100.0  # JTM-7, per cent
DELETING_MAX: Final = 10  # JC-9, jobs in DELETION_IN_PROGRESS
ACTIVE_MAX: Final = 100  # JC-22, running jobs of each target selection
PAGE_MAX: Final = 250  # JC-3
