"""`ota-stream jobs`: the jobs of a running simulator, and how far their things are."""

from typing import Annotated, Final

import typer

from ota_stream.cli import tables
from ota_stream.cli.control_client import connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.executions import execution
from ota_stream.cli.tables import AsJsonOption, moment
from ota_stream.stores.datadir import DEFAULT

jobs_app: Final = typer.Typer(help="Look at jobs, cancel and delete them.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Also what is IN_PROGRESS.")]


@jobs_app.command("list")
def list_jobs(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """List jobs, the newest first.

    Example: ota-stream jobs list
    """
    found = connect(data_dir, endpoint_url).pages("jobs", member="jobs")
    if as_json:
        tables.as_json(found)
        return
    rows = [(one["jobId"], one["status"], one["targetSelection"], moment(one["createdAt"])) for one in found["jobs"]]
    tables.rows(("JOB", "STATUS", "TARGETS", "CREATED"), rows)


@jobs_app.command("show")
def show_job(
    job_id: JobId,
    as_json: AsJsonOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Show a job and how far each of its things is.

    Example: ota-stream jobs show AFR_OTA-app-1
    """
    found = connect(data_dir, endpoint_url).pages("jobs", job_id, member="executions")
    if as_json:
        tables.as_json(found)
        return
    job = found["job"]
    tables.fields(
        (
            ("job", job["jobId"]),
            ("status", job["status"]),
            ("reason", job.get("reasonCode")),
            ("comment", job.get("comment")),
            ("targets", " ".join(job["targets"])),
            ("created", moment(job["createdAt"])),
            ("completed", moment(job.get("completedAt"))),
        )
    )
    typer.echo()
    rows: list[tuple[object, ...]] = []
    for shown in found["executions"]:
        one = execution(shown)
        received = "" if one.received is None else "{}/{}".format(*one.received)
        rows.append((one.thing, one.status, shown["versionNumber"], received, one.remark))
    tables.rows(("THING", "STATUS", "VERSION", "RECEIVED", "DETAILS"), rows)


@jobs_app.command("cancel")
def cancel_job(
    job_id: JobId,
    force: ForceOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Cancel a job: what is QUEUED ends, with --force what is IN_PROGRESS too.

    Example: ota-stream jobs cancel AFR_OTA-app-1 --force
    """
    connect(data_dir, endpoint_url).put("jobs", job_id, "cancel", force=force)
    tables.fields((("cancelled", job_id),))


@jobs_app.command("delete")
def delete_job(
    job_id: JobId,
    force: ForceOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Delete a job with its executions; one that still runs only with --force.

    Example: ota-stream jobs delete AFR_OTA-app-1
    """
    connect(data_dir, endpoint_url).delete("jobs", job_id, force=force)
    tables.fields((("deleted", job_id),))
