"""The decisions nobody documents, as named options, and whose ARNs the OTA update service writes."""

from typing import Literal

from msgspec import Struct


class UpdateOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How OTA updates are made. The defaults are the proposals of the fact sheet."""

    job_prefix: str = "AFR_OTA-"  # G-18, OL-5; the seed has none
    stream_prefix: str = "AFR_OTA-"  # G-18, OL-6; the seed has none
    pace: float = 0.05  # OL-2, OL-3: seconds before each step of a creation, so that each state can be seen
    running_job: Literal["refuse", "keep"] = "refuse"  # OL-11, G-19: delete without force while the job runs
    strange_signature: Literal["refuse", "send"] = "refuse"  # OU-19: a custom signature that is no DER, RSA or base64
    roles: Literal["check", "ignore"] = "check"  # OL-13: of streams and updates made over the AWS API
    record_signing_end: bool = False  # spec 5.4: a second StartCodeSigning record when the signing job is complete
    record_update_end: bool = False  # spec 5.4: a second CreateOTAUpdate record when all executions have ended
    partition: str = "aws"  # OL-5, and the two below
    region: str = "us-east-1"
    account_id: str = "123456789012"

    def arn(self, resource: str) -> str:
        """Return the ARN of `otaupdate/ID` or `job/ID` (OL-5)."""
        return f"arn:{self.partition}:iot:{self.region}:{self.account_id}:{resource}"
