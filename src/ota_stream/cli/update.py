"""`ota-stream update`: one firmware image to some things, as CreateOTAUpdate does it."""

import re
import secrets
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct

from ota_device import versions
from ota_stream.api.usual import BUCKET, PROFILES, ROLE, Sign
from ota_stream.cli import tables, watch
from ota_stream.cli.control_client import CallError, ControlClient, Json, connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.executions import SUCCEEDED, Execution
from ota_stream.cli.logs import printable
from ota_stream.cli.protocols import Protocol
from ota_stream.errors import OtaStreamError
from ota_stream.jobs.names import is_group_name
from ota_stream.signing.damage import Damage
from ota_stream.signing.profiles import SigningProfile
from ota_stream.stores.datadir import DEFAULT
from ota_stream.streams.quotas import FILE_SIZE_MAX
from ota_stream.updates.orders import DAMAGE

PATIENCE: Final = 60.0  # seconds for an update to be made
PAUSE: Final = 0.1
_STEM_MAX: Final = 40  # with its ending the id still fits into a job id
_NOT_FOUND: Final = 404
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]+")
_MADE: Final = {"CREATE_COMPLETE": True, "CREATE_FAILED": False}


class UpdateError(OtaStreamError):
    """An update cannot be asked for like this, or was not made."""


class Order(Struct, frozen=True):
    """What to do with an image, as the options say."""

    targets: tuple[str, ...]
    version: str | None
    protocols: tuple[Protocol, ...]
    sign: Sign
    file_name: str
    damage: Damage | None


def update(
    firmware: Annotated[Path, typer.Argument(help="The image.")],
    *,
    target: Annotated[list[str], typer.Option(metavar="NAME", help="A thing, or a thing group there is. Repeatable.")],
    version: Annotated[
        str | None, typer.Option(help="Noted as fileVersion.  [default: the image's OTA-VERSION:X.Y.Z, if it has one]")
    ] = None,
    protocol: Annotated[Protocol, typer.Option(help="How devices get the image.")] = Protocol.MQTT,
    sign: Annotated[Sign, typer.Option(help="Sign the image with a key of this kind.")] = Sign.ECDSA,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until every device has ended; 0 only if all succeeded.")
    ] = False,
    file_name: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where a device puts it.  [default: the image's name]")
    ] = None,
    ota_update_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Id of the update.  [default: the image's name and a number]"),
    ] = None,
    damage: Annotated[Damage | None, typer.Option(help="Spoil the signature: devices have to refuse it.")] = None,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Send a firmware image to things: upload, sign, make the stream and the job.

    Things need not be known before. A device checks the signature with the certificate this prints.

    Examples:

      ota-stream update build/app.bin --target door-lock-7 --wait

      ota-stream update app.bin --target doors --target gate-1 --protocol http --sign rsa

      ota-stream update app.bin --target door-lock-7 --damage wrong-key --wait
    """  # noqa: D412 - typer joins the lines of a paragraph
    if damage is not None and sign is Sign.NONE:
        raise UpdateError("--damage spoils a signature: it needs --sign ecdsa or --sign rsa")
    client = connect(data_dir, endpoint_url)
    image = read(firmware)
    order = Order(tuple(target), _version(version, image), (protocol,), sign, file_name or firmware.name, damage)
    job_id = send(client, firmware, image, order, ota_update_id)
    if wait and not _all_well(watch.until_ended(client, job_id)):
        raise typer.Exit(1)


def send(client: ControlClient, firmware: Path, image: bytes, order: Order, ota_update_id: str | None = None) -> str:
    """Make an update: the image in the store, its profile, the update itself. Return the id of its job.

    Raises:
        UpdateError: it was not made.
        OtaStreamError: the simulator refuses a call, or is gone.
    """
    ota_update_id = ota_update_id or _new_id(firmware)
    certificate = _put_profile(client, PROFILES[order.sign]) if order.sign in PROFILES else None
    # A key of its own: a presigned URL names no version, so a later image must not lie under this one's key.
    location = client.put_object(BUCKET, f"{ota_update_id}/{firmware.name}", image)
    client.post("updates", ota_update_id, body=_body(client, order, location))
    return _made(client, ota_update_id, certificate)


def read(firmware: Path) -> bytes:
    """Return an image that can be sent. Raises UpdateError."""
    try:
        with firmware.open("rb") as file:
            image = file.read(FILE_SIZE_MAX + 1)
    except OSError as error:
        raise UpdateError(f"{firmware} cannot be read: {error.strerror}") from error
    if not 1 <= len(image) <= FILE_SIZE_MAX:
        raise UpdateError(f"{firmware}: an image has 1 to {FILE_SIZE_MAX} bytes")
    return image


def _version(given: str | None, image: bytes) -> str | None:
    said = versions.of_image(image)
    if given is None:
        return None if said is None else str(said)
    if said is not None and versions.parse(given) not in {None, said}:
        typer.echo(f"warning: the image says it is version {said}: devices go by that, not by --version", err=True)
    return given


def _new_id(firmware: Path) -> str:
    stem = _NOT_IN_ID.sub("-", firmware.stem)[:_STEM_MAX].strip("-") or "update"
    return f"{stem}-{secrets.token_hex(4)}"


def _put_profile(client: ControlClient, profile: SigningProfile) -> str:
    """Make the profile and its key on first use; return the file of the certificate."""
    body = {
        "platform": profile.platform,
        "certificate": profile.certificate,
        "certificatePath": profile.certificate_path,
        "algorithm": profile.signs_with.value,
    }
    return str(client.put("signing-profiles", profile.name, body=body)["certificateFile"])


def _body(client: ControlClient, order: Order, location: Json) -> Json:
    """Return the request of CreateOTAUpdate."""
    file: Json = {"fileName": order.file_name, "fileLocation": {"s3Location": location}}
    if order.version is not None:
        file["fileVersion"] = order.version
    if order.sign in PROFILES:
        start = {"signingProfileName": PROFILES[order.sign].name}
        file["codeSigning"] = {"startSigningJobParameter": start}
    body: Json = {
        "targets": [_target(client, name) for name in order.targets],
        "files": [file],
        "roleArn": ROLE,
        "protocols": [each.upper() for each in order.protocols],
    }
    if order.damage is not None:
        body["additionalParameters"] = {DAMAGE: order.damage.value}
    return body


def _target(client: ControlClient, name: str) -> str:
    """Return a target as the API takes it: a name that is no group's is a thing's; an ARN is one already."""
    if not is_group_name(name):
        return name if "/" in name else f"thing/{name}"
    try:
        client.get("thing-groups", name)
    except CallError as error:
        if error.status != _NOT_FOUND:
            raise
        return f"thing/{name}"
    return f"thinggroup/{name}"


def _made(client: ControlClient, ota_update_id: str, certificate: str | None) -> str:
    """Wait until the update is made, and print what came of it. Return its job's id."""
    until = time.monotonic() + PATIENCE
    while (status := (shown := client.get("updates", ota_update_id))["otaUpdateInfo"]["otaUpdateStatus"]) not in _MADE:
        if time.monotonic() > until:
            raise UpdateError(f"OTA update {ota_update_id} is {status} after {PATIENCE:g} s: look at the simulator")
        time.sleep(PAUSE)
    info = shown["otaUpdateInfo"]
    if not _MADE[status]:
        error = info.get("errorInfo", {})
        raise UpdateError(f"OTA update {ota_update_id} failed: {error.get('code')}: {error.get('message')}")
    job_id = str(info["awsIotJobId"])
    tables.fields(
        (
            ("update", ota_update_id),
            ("job", job_id),
            ("stream", shown["streamId"]),
            ("certificate", certificate),
        )
    )
    return job_id


def _all_well(executions: list[Execution]) -> bool:
    """Print how each thing has ended, and tell whether all succeeded."""
    for one in executions:
        typer.echo(printable(f"{one.thing}: {one.status}" + (f": {one.remark}" if one.remark else "")))
    if not executions:
        typer.echo("no thing got the update: the thing groups are empty", err=True)
    return bool(executions) and all(one.status == SUCCEEDED for one in executions)
