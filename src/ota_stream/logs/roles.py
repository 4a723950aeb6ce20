"""The logging role that "Create new" makes: who may assume it, and all it must be allowed (LI-1..LI-3)."""

from typing import Any, Final

from ota_stream.logs import groups

POLICY_NAME: Final = "ota-stream-logging"

ACTIONS: Final = (  # LI-2
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:PutMetricFilter",
    "logs:PutRetentionPolicy",
)
WRITING: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
"""Those without which nothing can be written."""

SERVICE: Final = "iot.amazonaws.com"
ASSUME: Final = "sts:AssumeRole"

_VERSION: Final = "2012-10-17"


def trust() -> dict[str, Any]:
    """Return the trust policy: AWS IoT may assume the role (LI-1)."""
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": ASSUME}
    return {"Version": _VERSION, "Statement": [statement]}


def permissions(*names: str) -> dict[str, Any]:
    """Return the policy with all required permissions on log groups, by default AWS's in both spellings (LI-2)."""
    resources = [f"arn:aws:logs:*:*:log-group:{name}*" for name in names or (groups.REAL, groups.SEED)]
    return {
        "Version": _VERSION,
        "Statement": [{"Effect": "Allow", "Action": list(ACTIONS), "Resource": resources}],
    }
