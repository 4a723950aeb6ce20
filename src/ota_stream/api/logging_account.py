"""How an operator changes the logging settings of an account: through an AWS SDK, at any endpoint."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ota_stream.errors import ControlError
from ota_stream.logs import roles
from ota_stream.logs.levels import Level


class AwsAccount:
    """The account behind an endpoint. Every method waits for an answer, and may raise ControlError."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._iot = client("iot")
        self._iam = client("iam")

    @classmethod
    def at(cls, url: str) -> "AwsAccount":
        """Return the account behind an endpoint, a simulator's or another."""
        import boto3  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - a quarter of a second for this alone

        connect: Any = boto3.client  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

        def client(name: str) -> Any:  # noqa: ANN401 - the SDK makes its clients at run time
            # The simulator asks for no keys, the SDK does.
            return connect(name, "us-east-1", endpoint_url=url, aws_access_key_id="any", aws_secret_access_key="any")  # noqa: S106

        return cls(client)

    def options(self) -> dict[str, Any] | None:
        """Return the answer of GetV2LoggingOptions, or None when nothing was set yet."""
        try:
            answer: dict[str, Any] = self._iot.get_v2_logging_options()
        except self._iot.exceptions.NotConfiguredException:
            return None
        except self._iot.exceptions.ClientError as error:
            raise _refused(error) from None
        return answer

    def create_role(self, name: str) -> str:
        """Make a role with all required permissions, or none at all; return its ARN."""
        try:
            arn: str = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(roles.trust()))["Role"][
                "Arn"
            ]
        except self._iam.exceptions.EntityAlreadyExistsException as error:
            raise _refused(error, f"there is a role {name!r} already: choose another name, or that role") from None
        except self._iam.exceptions.ClientError as error:
            raise _refused(error) from None
        try:
            self._iam.put_role_policy(
                RoleName=name, PolicyName=roles.POLICY_NAME, PolicyDocument=json.dumps(roles.permissions())
            )
        except self._iam.exceptions.ClientError as error:
            with suppress(self._iam.exceptions.ClientError):
                self._iam.delete_role(RoleName=name)
            raise _refused(error) from None
        return arn

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role."""
        try:
            arn: str = self._iam.get_role(RoleName=name)["Role"]["Arn"]
        except self._iam.exceptions.ClientError as error:
            raise _refused(error) from None
        return arn

    def set_options(self, role_arn: str, level: Level) -> None:
        """Call SetV2LoggingOptions."""
        try:
            self._iot.set_v2_logging_options(roleArn=role_arn, defaultLogLevel=level.value, disableAllLogs=False)
        except self._iot.exceptions.ClientError as error:
            raise _refused(error) from None


def _refused(error: Any, said: str | None = None) -> ControlError:  # noqa: ANN401 - botocore's ClientError
    told, status = error.response["Error"], error.response["ResponseMetadata"].get("HTTPStatusCode", 400)
    return ControlError(str(told.get("Code")), status, said or str(told.get("Message")))
