"""Tags of the resources that are ours (streams, OTA updates, jobs, signing profiles); moto keeps those of others."""

from collections.abc import Callable
from typing import Any, Final

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated, Tags
from ota_stream.api.aws.given import Given, Shown, invalid
from ota_stream.errors import ControlError

Change = Callable[[AwsOperated, Given], tuple[Shown | ControlError, Effect]]

TAGS_MAX: Final = 50
_PARTS: Final = 6  # arn : partition : service : region : account : resource


def tag(cloud: AwsOperated, given: Given) -> Shown | None:
    """TagResource."""
    arn = _own(cloud, given)
    if arn is None:
        return None
    cloud.tags[arn] = _bounded({**_tags(cloud, arn), **_asked(given["tags"])})
    cloud.commit()
    return {}


def untag(cloud: AwsOperated, given: Given) -> Shown | None:
    """UntagResource."""
    arn = _own(cloud, given)
    if arn is None:
        return None
    gone = set(given["tagKeys"])
    cloud.tags[arn] = Tags({key: value for key, value in _tags(cloud, arn).items() if key not in gone})
    cloud.commit()
    return {}


def list_iot(cloud: AwsOperated, given: Given) -> Shown | None:
    """ListTagsForResource of iot."""
    arn = _own(cloud, given)
    if arn is None:
        return None
    return {"tags": [{"Key": key, "Value": value} for key, value in _tags(cloud, arn).items()]}


def list_signer(cloud: AwsOperated, given: Given) -> Shown | None:
    """ListTagsForResource of signer."""
    arn = _own(cloud, given)
    return None if arn is None else {"tags": _tags(cloud, arn)}


def tagged(name: str, change: Change) -> Change:
    """Return an operation that gives what it makes the tags of the request, or takes them from what it deletes."""
    if name in _MADE:
        return _making(change, _MADE[name])
    return _deleting(change, *_DELETED[name]) if name in _DELETED else change


def _making(change: Change, arn: str) -> Change:
    def make(cloud: AwsOperated, given: Given) -> tuple[Shown | ControlError, Effect]:
        tags = _bounded(_asked(given.get("tags") or {}))
        shown, effect = change(cloud, given)
        if tags.tags and not isinstance(shown, ControlError):
            cloud.tags[shown[arn]] = tags
        return shown, effect

    return make


def _deleting(change: Change, kind: str, member: str) -> Change:
    def delete(cloud: AwsOperated, given: Given) -> tuple[Shown | ControlError, Effect]:
        shown, effect = change(cloud, given)
        if not isinstance(shown, ControlError):
            cloud.tags.pop(cloud.arn(f"{kind}/{given[member]}"), None)
        return shown, effect

    return delete


def _asked(tags: Any) -> dict[str, str]:  # noqa: ANN401 - iot writes a list, signer a map
    """Return the tags of a request."""
    return dict(tags) if hasattr(tags, "items") else {each["Key"]: each.get("Value", "") for each in tags}


def _bounded(tags: dict[str, str]) -> Tags:
    if len(tags) > TAGS_MAX:
        raise ControlError("LimitExceededException", 410, f"A resource has at most {TAGS_MAX} tags")
    return Tags(tags)


def _tags(cloud: AwsOperated, arn: str) -> dict[str, str]:
    row = cloud.tags.get(arn)
    return {} if row is None else row.tags


def _own(cloud: AwsOperated, given: Given) -> str | None:
    """Return the ARN of a resource of ours. Raises ControlError: there is none of this name."""
    arn: str = given["resourceArn"]
    parts = arn.split(":", _PARTS - 1)
    if len(parts) < _PARTS:
        raise invalid(f"resourceArn: {arn[:80]!r} is not an ARN")
    kind, _, name = parts[-1].strip("/").partition("/")
    exists = _KINDS.get(kind)
    if exists is None:
        return None
    try:
        found = exists(cloud, name)
    except ControlError as error:
        raise ControlError("ResourceNotFoundException", 404, error.message) from None
    if not found:
        raise ControlError("ResourceNotFoundException", 404, f"Resource {arn} does not exist")
    return arn


_MADE: Final = {
    "CreateStream": "streamArn",
    "CreateOTAUpdate": "otaUpdateArn",
    "CreateJob": "jobArn",
    "PutSigningProfile": "arn",
}
"""The member of the answer that names what was made."""
_DELETED: Final = {
    "DeleteStream": ("stream", "streamId"),
    "DeleteOTAUpdate": ("otaupdate", "otaUpdateId"),
    "DeleteJob": ("job", "jobId"),
}
"""The kind in the ARN, and the member of the request that names what is deleted."""
_KINDS: Final[dict[str, Callable[[AwsOperated, str], object]]] = {
    "stream": lambda cloud, name: cloud.catalog.find(name),
    "otaupdate": lambda cloud, name: cloud.updates.get(name),
    "job": lambda cloud, name: cloud.jobs.job(name),
    "signing-profiles": lambda cloud, name: cloud.signing.get_profile(name),
}
OPERATIONS: Final[dict[tuple[str, str], Callable[[AwsOperated, Given], Shown | None]]] = {
    ("iot", "TagResource"): tag,
    ("iot", "UntagResource"): untag,
    ("iot", "ListTagsForResource"): list_iot,
    ("signer", "TagResource"): tag,
    ("signer", "UntagResource"): untag,
    ("signer", "ListTagsForResource"): list_signer,
}
