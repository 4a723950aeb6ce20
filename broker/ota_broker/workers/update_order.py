"""An OTA update for the devices of workers: a stream in the shared store, and a job whose document names it."""

import asyncio
import time
import uuid
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from ota_broker.workers.entries import Entries
from ota_broker.workers.operator import Operator
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.jobs import JobSpec
from ota_stream.records import Action, UpdateRecord
from ota_stream.signing import keys, signatures
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.images import described, fetch
from ota_stream.stores.shared.rows import SharedStream, next_version
from ota_stream.stores.shared.streams import FOLLOW_EVERY
from ota_stream.updates.checks import FILES_MAX
from ota_stream.updates.document import UNSIGNED, Document, DocumentFile, encode
from ota_stream.updates.options import UpdateOptions

SERVED_AFTER: Final = 2 * FOLLOW_EVERY  # seconds until every worker has a new stream
_ALGORITHMS: Final = {KeyKind.ECDSA: Algorithm.SHA256_ECDSA, KeyKind.RSA: Algorithm.SHA256_RSA}


class Signer(Struct, frozen=True):
    """A private key in PEM, and what the job document calls its certificate."""

    key: bytes
    certificate: str


class UpdateOrder(Struct, frozen=True):
    """What is to be sent to which things. `firmware`: paths or s3://BUCKET/KEY, in the order of file ids from 0."""

    update_id: str
    targets: tuple[str, ...]
    firmware: tuple[str, ...]
    signer: Signer | None = None


async def create_update(operator: Operator, order: UpdateOrder, entries: Entries) -> int:
    """Make stream and job, notify the things and return how many; with the records that AWS has for it.

    Raises:
        ControlError, CatalogError: the update cannot be like this.
        ImageError: its firmware is not there.
        StoreError, TransportError: there is one of this name; the store or the broker is not there.
    """
    options = UpdateOptions()
    stream_id = options.stream_prefix + order.update_id  # OL-6
    job_id = options.job_prefix + order.update_id  # OL-5
    if len(order.firmware) > FILES_MAX:  # OD-14
        raise StoreError(f"an OTA update has 1 to {FILES_MAX} files, not {len(order.firmware)}")
    document = encode(Document(("MQTT",), stream_id, tuple([await _file(order, each) for each in _numbers(order)])))
    streams = operator.database.streams
    if any(one.stream_id == stream_id for one in await streams.streams()):
        raise StoreError(f"there is an update {order.update_id!r} already: its stream {stream_id} is in the store")
    files = tuple([await described(file_id, order.firmware[file_id]) for file_id in _numbers(order)])
    await streams.put(SharedStream(stream_id, next_version(stream_id, None), files))
    await asyncio.sleep(SERVED_AFTER)  # a thing asks for its first block as soon as it is notified
    try:
        made = await operator.create_job(JobSpec(job_id, order.targets, document))
    except OtaStreamError:
        await streams.delete(stream_id)
        raise
    now, named = time.time(), order.update_id
    records = (
        UpdateRecord(now, Action.CREATE_STREAM, named, stream_id=stream_id),  # LR-2
        UpdateRecord(now, Action.CREATE_AWS_JOB, named, job_id=job_id),  # LR-4
        UpdateRecord(now, Action.CREATE_OTA_UPDATE, named),  # LR-3
    )
    await operator.database.records.put(entries.kept(f"operator@{uuid.uuid4().hex}", 1, records))
    return made


def _numbers(order: UpdateOrder) -> range:
    return range(len(order.firmware))


async def _file(order: UpdateOrder, file_id: int) -> DocumentFile:
    address = order.firmware[file_id]
    content = await fetch(address)
    key, signature = UNSIGNED, None
    if order.signer is not None:
        algorithm = _ALGORITHMS[keys.kind_of(keys.private_key(order.signer.key))]
        key, signature = algorithm.value, signatures.text(signatures.sign(content, order.signer.key, algorithm))
    return DocumentFile(
        file_path=PurePosixPath(address).name,
        file_size=len(content),
        file_id=file_id,
        certificate_file=None if order.signer is None else order.signer.certificate,
        signature_key=key,
        signature=signature,
    )
