"""`ota-stream shared`: the jobs that workers share, made, listed, cancelled and deleted."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from ota_broker.workers.operator import Operator, jobs_in, reached
from ota_broker.workers.settings import WorkerSettings
from ota_stream.cli import tables
from ota_stream.cli.jobs import ForceOption, JobId
from ota_stream.cli.tables import moment
from ota_stream.cli.worker import CertOption, KeyOption, RootCaOption, TransportOption, UrlOption
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.jobs import JobSpec

DatabaseOption = Annotated[str, typer.Option(help="postgresql://...")]


def create(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")],
    document: Annotated[Path, typer.Argument(help="A file with the job document.")],
    target: Annotated[list[str], typer.Option(help="A thing; can be repeated.")],
    store: DatabaseOption,
    transport: TransportOption,
    url: UrlOption,
    *,
    root_ca: RootCaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
) -> None:
    """Make a job for things, and notify them through the broker."""
    settings = WorkerSettings(transport=transport, url=url, store=store, root_ca=root_ca, cert=cert, key=key)
    try:
        text = document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OtaStreamError(f"job document {document}: {error}") from None
    spec = JobSpec(job_id, tuple(f"thing/{name}" for name in target), text, document_source=str(document))
    made = with_operator(settings, lambda operator: operator.create_job(spec))
    typer.echo(f"job {job_id}: {made} things are notified")


def list_jobs(store: DatabaseOption) -> None:
    """List the jobs in the store, the newest first, and how many things are how far."""
    found = asyncio.run(jobs_in(store))
    rows = [
        (job.job_id, job.status, moment(job.created_at), ", ".join(f"{many} {each}" for each, many in counts))
        for job, counts in ((job, sorted(counts.items())) for job, counts in found)
    ]
    tables.rows(("JOB", "STATUS", "CREATED", "THINGS"), rows)


def cancel(
    job_id: JobId,
    store: DatabaseOption,
    transport: TransportOption,
    url: UrlOption,
    *,
    force: ForceOption = False,
    root_ca: RootCaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
) -> None:
    """Cancel a job and tell its things: what is QUEUED ends, with --force what is IN_PROGRESS too."""
    settings = WorkerSettings(transport=transport, url=url, store=store, root_ca=root_ca, cert=cert, key=key)
    told = with_operator(settings, lambda operator: operator.cancel_job(job_id, force=force))
    typer.echo(f"job {job_id} is cancelled: {told} things are notified")


def delete(
    job_id: JobId,
    store: DatabaseOption,
    transport: TransportOption,
    url: UrlOption,
    *,
    force: ForceOption = False,
    root_ca: RootCaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
) -> None:
    """Delete a job with its executions and tell its things; one that still runs only with --force."""
    settings = WorkerSettings(transport=transport, url=url, store=store, root_ca=root_ca, cert=cert, key=key)
    told = with_operator(settings, lambda operator: operator.delete_job(job_id, force=force))
    typer.echo(f"job {job_id} is deleted: {told} things are notified")


def with_operator(settings: WorkerSettings, what: Callable[[Operator], Awaitable[int]]) -> int:
    """Do something about jobs, and return how many things were told. Raises StoreError, TransportError."""

    async def main() -> int:
        async with reached(settings) as operator:
            return await what(operator)

    return asyncio.run(main())
