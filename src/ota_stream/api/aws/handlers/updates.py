"""The operations on OTA updates, as the AWS API has them (OU-1..OU-4)."""

from typing import Final

import msgspec

from ota_stream.answers import Effect
from ota_stream.api import shapes
from ota_stream.api.aws.given import Change, Given, Read, Shown, invalid, shaped
from ota_stream.api.operated import Operated
from ota_stream.errors import ControlError
from ota_stream.updates.messages import CreateOtaUpdate
from ota_stream.updates.service import PAGE_MAX
from ota_stream.updates.states import UpdateStatus

_SUMMARY: Final = ("otaUpdateId", "otaUpdateArn", "creationDate")


def create(cloud: Operated, given: Given) -> tuple[Shown, Effect]:
    """CreateOTAUpdate (OU-1), done in its role; signatures may be bytes or base64 text of them."""
    update, effect = cloud.updates.create(shaped(given, CreateOtaUpdate), cloud.clock.wall(), as_role=True)
    return shapes.created(cloud.arn, update), effect


def get(cloud: Operated, given: Given) -> Shown:
    """GetOTAUpdate (OU-2, OL-8, OL-9)."""
    update = cloud.updates.get(given["otaUpdateId"])
    files = msgspec.to_builtins(update.request.files, builtin_types=(bytes,))  # the gateway writes blobs
    return {"otaUpdateInfo": {**shapes.info(cloud.arn, update), "otaUpdateFiles": files}}


def list_updates(cloud: Operated, given: Given) -> Shown:
    """ListOTAUpdates (OU-3)."""
    status = given.get("otaUpdateStatus")
    if status is not None and status not in set(UpdateStatus):
        raise invalid(f"otaUpdateStatus: use one of {', '.join(UpdateStatus)}")
    page = cloud.updates.list(
        None if status is None else UpdateStatus(status), given.get("maxResults", PAGE_MAX), given.get("nextToken")
    )
    summaries = [shapes.summary(cloud.arn, update) for update in page.updates]
    found = {"otaUpdates": [{name: each[name] for name in _SUMMARY} for each in summaries]}
    return found if page.next_token is None else {**found, "nextToken": page.next_token}


def delete(cloud: Operated, given: Given) -> tuple[Shown | ControlError, Effect]:
    """DeleteOTAUpdate (OU-4); one that could not be deleted is in DELETE_FAILED and has told why."""
    effect = cloud.updates.delete(
        given["otaUpdateId"],
        delete_stream=bool(given.get("deleteStream")),
        force_delete_job=bool(given.get("forceDeleteAWSJob")),
        now=cloud.clock.wall(),
    )
    return {}, effect


READS: Final[dict[str, Read]] = {"GetOTAUpdate": get, "ListOTAUpdates": list_updates}
CHANGES: Final[dict[str, Change]] = {"CreateOTAUpdate": create, "DeleteOTAUpdate": delete}
