"""What is looked at before moto takes a policy: it takes any text for a document, and any number of policies."""

from typing import Final

from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given
from ota_stream.policies import documents


def put_document(_: AwsOperated, given: Given) -> None:
    """Look at a CreatePolicy or CreatePolicyVersion. Raises ControlError (MalformedPolicyException)."""
    documents.check(given["policyDocument"])


def attach(cloud: AwsOperated, given: Given) -> None:
    """Look at an AttachPolicy. Raises ControlError (LimitExceededException)."""
    target: str = given["target"]
    if ":cert/" in target:
        cloud.policies.check_attachable(target.rpartition("/")[2], given["policyName"])


def attach_to_principal(cloud: AwsOperated, given: Given) -> None:
    """Look at an AttachPrincipalPolicy. Raises ControlError (LimitExceededException)."""
    attach(cloud, {**given, "target": given["principal"]})


GUARDS: Final = {
    "CreatePolicy": put_document,
    "CreatePolicyVersion": put_document,
    "AttachPolicy": attach,
    "AttachPrincipalPolicy": attach_to_principal,
}
