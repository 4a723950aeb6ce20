"""The job document of an OTA update: its keys, their order, and what an unsigned one looks like (OD-1..OD-15)."""

import re
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ota_stream.updates import errors

DOCUMENT_MAX: Final = 32_768  # OD-15, bytes
AUTH_SCHEME: Final = "aws.s3.presigned"  # OD-9
UNSIGNED: Final = "sig--"  # OD-11: neither a hash nor an algorithm between the dashes

_SIGNATURE_KEY: Final = re.compile(r"sig-.*-.*")


class DocumentFile(Struct, frozen=True, gc=False):
    """A file of the document. `file_size` is bytes; `signature` is base64 and stands under `signature_key` (OD-10)."""

    file_path: str | None
    file_size: int
    file_id: int
    certificate_file: str | None = None
    file_type: int | None = None
    url: str | None = None
    signature_key: str = UNSIGNED
    signature: str | None = None


class Document(Struct, frozen=True):
    """What a device is told of an update. `stream_id` is None when the data does not come by MQTT (OD-2)."""

    protocols: tuple[str, ...]
    stream_id: str | None
    files: tuple[DocumentFile, ...]


def placeholder(region: str, bucket: str, key: str) -> str:
    """Return what the jobs service replaces by a presigned URL at each request (OD-8, JC-24)."""
    url = f"https://s3.{region}.amazonaws.com/{bucket}/{quote(key)}"
    return "${aws:iot:s3-presigned-url:" + url + "}"


def encode(document: Document) -> str:
    """Return the document as JSON.

    Raises:
        ControlError: InvalidRequestException, it is too long (OD-15).
    """
    body: dict[str, Any] = {"protocols": document.protocols}
    if document.stream_id is not None:
        body["streamname"] = document.stream_id
    body["files"] = [_fields(file) for file in document.files]
    text = msgspec.json.encode({"afr_ota": body})
    if len(text) > DOCUMENT_MAX:
        raise errors.invalid_request(f"the job document has {len(text)} bytes, over the limit of {DOCUMENT_MAX}")
    return text.decode()


def decode(text: str | bytes) -> Document:
    """Read a document. Raises ValueError: it is not one."""
    try:
        body = msgspec.json.decode(text, type=_Envelope).afr_ota
    except RecursionError:
        raise ValueError("too many brackets") from None
    return Document(body.protocols, body.streamname, tuple(_file(fields) for fields in body.files))


class _Body(Struct, frozen=True):
    protocols: tuple[str, ...]
    files: tuple[dict[str, Any], ...]
    streamname: str | None = None


class _Envelope(Struct, frozen=True):
    afr_ota: _Body


class _Fields(Struct, frozen=True, rename={"file_type": "fileType"}):
    filesize: int
    fileid: int
    filepath: str | None = None
    certfile: str | None = None
    file_type: int | None = None
    update_data_url: str | None = None


def _fields(file: DocumentFile) -> dict[str, Any]:
    """Return a file's keys in the order that real documents have."""
    path = {} if file.file_path is None else {"filepath": file.file_path}
    head = {**path, "filesize": file.file_size, "fileid": file.file_id, "certfile": file.certificate_file}
    signature = {file.signature_key: file.signature}
    kind = {} if file.file_type is None else {"fileType": file.file_type}
    if file.signature is not None and file.url is None:
        return {**head, **signature, **kind}  # OD-13
    if file.signature is None:
        kind = {"fileType": file.file_type or 0}  # OD-7, OD-11
    scheme = None if file.url is None else AUTH_SCHEME
    # with the two keys of a URL, live documents have the type before them and the signature last
    return {**head, **kind, "update_data_url": file.url, "auth_scheme": scheme, **signature}


def _file(fields: dict[str, Any]) -> DocumentFile:
    known = msgspec.convert(fields, _Fields)
    key = next((key for key in fields if _SIGNATURE_KEY.fullmatch(key)), UNSIGNED)
    return DocumentFile(
        file_path=known.filepath,
        file_size=known.filesize,
        file_id=known.fileid,
        certificate_file=known.certfile,
        file_type=known.file_type,
        url=known.update_data_url,
        signature_key=key,
        signature=msgspec.convert(fields.get(key), str | None),
    )
