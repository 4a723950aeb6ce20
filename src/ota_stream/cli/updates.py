"""`ota-stream updates`: the OTA updates of a running simulator."""

from typing import Annotated, Any, Final

import typer

from ota_stream.cli import tables
from ota_stream.cli.control_client import connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.tables import AsJsonOption, moment
from ota_stream.errors import OtaStreamError
from ota_stream.stores.datadir import DEFAULT

updates_app: Final = typer.Typer(help="Look at OTA updates and delete them.", no_args_is_help=True)

UpdateId = Annotated[str, typer.Argument(metavar="ID", help="Id of the OTA update.")]


class DeleteError(OtaStreamError):
    """An update is still there."""


@updates_app.command("list")
def list_updates(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """List OTA updates, the newest first.

    Example: ota-stream updates list
    """
    found = connect(data_dir, endpoint_url).pages("updates", member="otaUpdates")
    if as_json:
        tables.as_json(found)
        return
    rows = [(one["otaUpdateId"], one["otaUpdateStatus"], moment(one["creationDate"])) for one in found["otaUpdates"]]
    tables.rows(("UPDATE", "STATUS", "CREATED"), rows)


@updates_app.command("show")
def show_update(
    ota_update_id: UpdateId,
    as_json: AsJsonOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Show an OTA update. How its devices are doing is shown by `ota-stream jobs show`.

    Example: ota-stream updates show app-1
    """
    found = connect(data_dir, endpoint_url).get("updates", ota_update_id)
    if as_json:
        tables.as_json(found)
        return
    info = found["otaUpdateInfo"]
    tables.fields(
        (
            ("update", info["otaUpdateId"]),
            ("status", info["otaUpdateStatus"]),
            ("error", _error(info)),
            ("description", info.get("description")),
            ("targets", " ".join(info["targets"])),
            ("protocols", " ".join(info["protocols"])),
            ("job", info.get("awsIotJobId")),
            ("stream", found.get("streamId")),
            ("created", moment(info["creationDate"])),
            ("modified", moment(info["lastModifiedDate"])),
        )
    )
    typer.echo()
    rows = [(file.get("fileName", ""), file.get("fileVersion", ""), _place(file)) for file in info["otaUpdateFiles"]]
    tables.rows(("FILE", "VERSION", "IMAGE"), rows)


@updates_app.command("delete")
def delete_update(
    ota_update_id: UpdateId,
    delete_stream: Annotated[bool, typer.Option("--delete-stream", help="Its stream too.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Its job too, even if that still runs.")] = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Delete an OTA update.

    Example: ota-stream updates delete app-1 --delete-stream --force
    """
    client = connect(data_dir, endpoint_url)
    left = client.delete("updates", ota_update_id, deleteStream=delete_stream, forceDeleteAWSJob=force)
    if left:
        raise DeleteError(f"OTA update {ota_update_id} is still there: {_error(left['otaUpdateInfo'])}")
    tables.fields((("deleted", ota_update_id),))


def _error(info: dict[str, Any]) -> str | None:
    error = info.get("errorInfo")
    return None if error is None else f"{error['code']}: {error['message']}"


def _place(file: dict[str, Any]) -> str:
    location = file.get("fileLocation", {})
    if "s3Location" in location:
        return f"{location['s3Location']['bucket']}/{location['s3Location']['key']}"
    if "stream" in location:
        return f"stream {location['stream']['streamId']}, file {location['stream'].get('fileId', 0)}"
    return "as signed"
