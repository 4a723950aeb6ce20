"""The page OTA updates: what became of each, and how far every thing of one is."""

import re
from itertools import islice
from typing import Any, Final

import msgspec

from ota_stream.api import shapes
from ota_stream.api.calls import Call
from ota_stream.api.usual import PROFILES, Sign
from ota_stream.console.outlook import Outlook
from ota_stream.diagnosis import reasons
from ota_stream.errors import ControlError
from ota_stream.transfers import pictures
from ota_stream.transfers.transfer import Transfer

ROWS_MAX: Final = 50  # updates, or things of one, that are shown
_RECEIVED: Final = re.compile(r"(\d{1,9})/(\d{1,9})")  # blocks or bytes, as agents report them


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the updates, the newest first."""
    page = outlook.cloud.updates.list(max_results=ROWS_MAX)
    rows: list[dict[str, Any]] = []
    for update in page.updates:
        job = None if update.job_id is None else _job(outlook, update.job_id)
        rows.append(
            {
                **shapes.summary(outlook.cloud.arn, update),
                "awsIotJobId": update.job_id,
                "jobStatus": None if job is None else job["status"],
                "counts": None if job is None else job["jobProcessDetails"],
            }
        )
    return {"otaUpdates": rows, "more": page.next_token is not None, "choices": _choices(outlook)}


def _choices(outlook: Outlook) -> dict[str, list[str]]:
    """Return what a new update can be made with: the first of each."""
    cloud = outlook.cloud
    profiles = (each.name for each in cloud.signing.list_profiles())
    own = {each.name for each in PROFILES.values()}
    return {
        "things": list(islice(cloud.things, ROWS_MAX)),
        "groups": list(islice(cloud.groups, ROWS_MAX)),
        "signing": [*Sign, *islice((name for name in profiles if name not in own), ROWS_MAX)],
    }


def update(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return all about one: itself, its moments, its job, its things. Raises ControlError."""
    cloud, transfers, now = outlook.cloud, outlook.look(), outlook.cloud.clock.wall()
    ota_update_id = call.path["id"]
    known = cloud.updates.get(ota_update_id)
    callers = (file.stream.stream_id for file in known.request.files if file.stream is not None)
    stream_id = known.stream_id or next(callers, None)
    job = None if known.job_id is None else _job(outlook, known.job_id)
    signing = [file.code_signing.aws_signer_job_id for file in known.request.files]
    executions = [] if job is None else cloud.queries.latest_of_job(job["jobId"], ROWS_MAX, now)
    things: list[dict[str, Any]] = []
    for execution in sorted(executions, key=lambda one: one["thingName"]):
        transfer = None if stream_id is None else transfers.find(stream_id, execution["thingName"])
        things.append(_thing(execution, transfer, now))
    return {
        "otaUpdateInfo": shapes.info(cloud.arn, known),
        "streamId": stream_id,
        "signingJobIds": [each for each in signing if each is not None],
        "moments": [msgspec.to_builtins(each) for each in cloud.updates.moments(ota_update_id)],
        "job": job,
        "things": things,
        "more": job is not None and sum(job["jobProcessDetails"].values()) > len(things),
    }


def _job(outlook: Outlook, job_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = outlook.cloud.queries.describe_job(job_id)["job"]
    except ControlError:  # deleted
        return None
    return found


def _thing(execution: dict[str, Any], transfer: Transfer | None, now: float) -> dict[str, Any]:
    details: dict[str, str] = execution["statusDetails"]["detailsMap"]
    done, total = _received(execution["status"], details, transfer)
    reason = details.get("reason")
    return {
        "thingName": execution["thingName"],
        "status": execution["status"],
        "statusDetails": details,
        "done": done,
        "total": total,
        "reason": reason,
        "reasonInWords": None if reason is None else reasons.words(reason) or reason,
        "selfTest": details.get("self_test"),
        "lastUpdatedAt": execution["lastUpdatedAt"],
        "download": None if transfer is None else pictures.shown(transfer, now),
    }


def _received(status: str, details: dict[str, str], transfer: Transfer | None) -> tuple[int, int]:
    """Return how much of how much has come: blocks the cloud has sent, or else what the thing says; (0, 0): unknown."""
    if status == "SUCCEEDED":
        return 1, 1
    if transfer is not None:
        return transfer.done, transfer.total
    found = _RECEIVED.fullmatch(details.get("receive") or details.get("progress", ""))
    return (0, 0) if found is None else (min(int(found[1]), int(found[2])), int(found[2]))
