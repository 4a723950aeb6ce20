"""OTA updates and streams as the AWS API shows them to an operator; times are epoch seconds."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ota_stream.streams.catalog import Stream
from ota_stream.updates.states import OtaUpdate

Arn = Callable[[str], str]


def created(arn: Arn, update: OtaUpdate) -> dict[str, Any]:
    """Return the answer to CreateOTAUpdate (OU-22)."""
    return _given({**_names(arn, update), **_job(arn, update), "otaUpdateStatus": update.status.value})


def summary(arn: Arn, update: OtaUpdate) -> dict[str, Any]:
    """Return an entry of ListOTAUpdates (OU-3), and the status beside it."""
    return {**_names(arn, update), "creationDate": update.created_at, "otaUpdateStatus": update.status.value}


def info(arn: Arn, update: OtaUpdate) -> dict[str, Any]:
    """Return `otaUpdateInfo` of GetOTAUpdate, in the order of AWS's sample (OL-8); empty parts are kept (OL-9)."""
    request = update.request
    return _given(
        {
            **_names(arn, update),
            "creationDate": update.created_at,
            "lastModifiedDate": update.modified_at,
            "description": request.description,
            "targets": list(request.targets),
            "protocols": list(request.protocols),
            "awsJobExecutionsRolloutConfig": msgspec.to_builtins(request.aws_job_executions_rollout_config),
            "awsJobPresignedUrlConfig": msgspec.to_builtins(request.aws_job_presigned_url_config),
            "targetSelection": request.target_selection,
            "otaUpdateFiles": msgspec.to_builtins(request.files),
            "otaUpdateStatus": update.status.value,
            **_job(arn, update),
            "errorInfo": None if update.error is None else msgspec.to_builtins(update.error),  # OL-7
            "additionalParameters": request.additional_parameters or None,
        }
    )


def stream(arn: Arn, known: Stream) -> dict[str, Any]:
    """Return a stream with its files; sizes in bytes."""
    files = [{"fileId": file.file_id, "size": file.size, "etag": file.etag} for file in known.files.values()]
    return _given(
        {
            "streamId": known.stream_id,
            "streamArn": arn(f"stream/{known.stream_id}"),
            "streamVersion": known.version,
            "description": known.description,
            "files": files,
        }
    )


def _names(arn: Arn, update: OtaUpdate) -> dict[str, Any]:
    return {"otaUpdateId": update.ota_update_id, "otaUpdateArn": arn(f"otaupdate/{update.ota_update_id}")}


def _job(arn: Arn, update: OtaUpdate) -> dict[str, Any]:
    if update.job_id is None:
        return {}
    return {"awsIotJobId": update.job_id, "awsIotJobArn": arn(f"job/{update.job_id}")}


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
