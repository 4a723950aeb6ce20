"""`ota-stream serve`: the simulator with firmware images, until a signal."""

import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from ota_broker import process
from ota_broker.config import ConfigError
from ota_broker.simulator import Simulator
from ota_stream.stores.files import FirmwareFile

DEFAULT_PORT: Final = 1883
DEFAULT_DATA_DIR: Final = ".ota-stream"


def serve(
    firmware: Annotated[
        list[Path] | None, typer.Argument(help="Firmware images; file ids 0, 1, ... of one stream.")
    ] = None,
    stream_id: Annotated[str | None, typer.Option(help="Id of the stream.  [default: the first file's name]")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(help="MQTT port; 0 picks a free one.")] = DEFAULT_PORT,
    tls: Annotated[bool, typer.Option("--tls", help="Also MQTT by TLS, with client certificates.")] = False,
    tls_port: Annotated[int, typer.Option(help="Its port; 0 picks a free one.")] = 8883,
    hostname: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name or address that the server certificate is for.")
    ] = None,
    require_sni: Annotated[
        bool, typer.Option("--require-sni", help="Refuse TLS clients that name no server, as AWS does.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let everybody who reaches --host do everything, by MQTT and by HTTP.")
    ] = False,
    anonymous: Annotated[
        str, typer.Option(help="operator | thing | refuse: what may be done without a certificate.")
    ] = "operator",
    http_port: Annotated[
        int | None, typer.Option(help="Port of the HTTP gateway; 0 picks a free one.  [default: 4566, or a free one]")
    ] = None,
    https_port: Annotated[
        int | None, typer.Option(help="... by TLS, with --tls; 0 picks a free one.  [default: 8443, or a free one]")
    ] = None,
    data_dir: Annotated[Path, typer.Option(help="Where the logs are kept.")] = Path(DEFAULT_DATA_DIR),
    log_level: Annotated[
        str | None,
        typer.Option(
            help="debug | info | warn | error | disabled; requests are DEBUG.  [default: as set before, debug at first]"
        ),
    ] = None,
    no_logging: Annotated[
        bool, typer.Option("--no-logging", help="Set no log level and no role: off, as in a new account.")
    ] = False,
    profile: Annotated[str, typer.Option(help="aws | standard: whose MQTT rules hold where they differ.")] = "aws",
    quotas: Annotated[
        str,
        typer.Option(
            metavar="aws|count|off|FILE",
            help="AWS's limits per second: enforced, counted, off, or as FILE says.",
        ),
    ] = "count",
    diagnose: Annotated[
        int, typer.Option(metavar="THINGS", help="How many things at a time ota-stream diagnose has watched; 0: none.")
    ] = 100,
    faults: Annotated[
        str | None, typer.Option(metavar="FILE", help="What is to go wrong, as YAML (docs/faults.md).")
    ] = None,
    aws_backend: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Endpoint of the rest of AWS (S3, IAM, ..).  [default: built in]"),
    ] = None,
    clock: Annotated[
        str,
        typer.Option(
            metavar="system|manual|MOMENT",
            help="Whose time it is: the machine's, or `ota-stream clock`'s; from a MOMENT on that stands.",
        ),
    ] = "system",
    seed: Annotated[
        int | None, typer.Option(help="What fixes ids, versions, picks and faults: two runs are the same.")
    ] = None,
    durable: Annotated[
        bool, typer.Option("--durable", help="Answer only when records and state are safe from a power loss.")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-O", help="A decision of docs/wire.md, as NAME=VALUE.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line when ready.")] = False,
) -> None:
    """Run the simulator: streams, jobs and OTA updates over MQTT, with these images as a stream.

    Examples:
      ota-stream serve

      ota-stream serve build/app.bin

      ota-stream serve app.bin bootloader.bin --stream-id AFR_OTA-test --mqtt-port 0 --json
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings: dict[str, Any] = {
        "firmware": [str(path) for path in firmware or []],
        "stream_id": stream_id,
        "host": host,
        "mqtt_port": mqtt_port,
        "tls": tls,
        "tls_port": tls_port,
        "hostnames": hostname or [],
        "require_sni": require_sni,
        "insecure": insecure,
        "anonymous": anonymous,
        "http_port": http_port,
        "https_port": https_port,
        "data_dir": str(data_dir),
        "log_level": log_level,
        "logging": not no_logging,
        "profile": profile,
        "quotas": quotas,
        "diagnose": diagnose,
        "faults": faults,
        "aws_backend": aws_backend,
        "clock": clock,
        "seed": seed,
        "durable": durable,
        "options": dict(_name_and_value(text) for text in option or []),
    }
    process.run(process.amqtt_config(settings), _print_json if as_json else _print_banner)


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"option {text!r}: write it as NAME=VALUE, for example -O out_of_range=truncate")
    return name, value


def summary(simulator: Simulator) -> dict[str, Any]:
    """Return what is served and where, as `--json` prints it. The tag of an image here is its SHA-256."""
    streams = [
        {
            "streamId": stream.stream_id,
            "files": [
                {"fileId": file.file_id, "size": file.size, "sha256": file.etag} for file in stream.files.values()
            ],
        }
        for stream in simulator.catalog
    ]
    return {**simulator.endpoints, "streams": streams, "dataDir": simulator.settings.data_dir}


def pages(simulator: Simulator) -> str:
    """Return the address of the console; with the token where others than this machine can reach it."""
    place = simulator.endpoints["http"]
    host = f"[{place['host']}]" if ":" in place["host"] else place["host"]
    token = simulator.console_token
    return f"http://{host}:{place['port']}/_ota/" + ("" if token is None else f"?login={token}")


def _print_json(simulator: Simulator) -> None:
    sys.stdout.write(json.dumps(summary(simulator)) + "\n")
    sys.stdout.flush()


def _print_banner(simulator: Simulator) -> None:
    console = Console(highlight=False, soft_wrap=True)
    found = {name: f"{place['host']}:{place['port']}" for name, place in simulator.endpoints.items()}
    mqtt, http = f"MQTT on [bold cyan]{found['mqtt']}[/]", f"HTTP on [cyan]{found['http']}[/]"
    if "mqtts" in found:
        mqtt, http = f"{mqtt}, by TLS on [cyan]{found['mqtts']}[/]", f"{http}, by TLS on [cyan]{found['https']}[/]"
    console.print(f"[bold]ota-stream[/] serves {mqtt}; {http}  (Ctrl-C stops)\n")
    port = "" if simulator.port == DEFAULT_PORT else f" --port {simulator.port}"
    data_dir = simulator.settings.data_dir
    where = "" if data_dir == DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(data_dir)}"
    for stream in simulator.catalog:
        console.print(f"  stream [bold]{stream.stream_id}[/], version {stream.version}")
        for file in stream.files.values():
            path = file.image.path if isinstance(file.image, FirmwareFile) else "made by an OTA update"
            console.print(f"    file {file.file_id}: {escape(str(path))}, {file.size:,} bytes, sha256 {file.etag}")
    console.print()
    if simulator.images:
        stream_id = next(iter(simulator.catalog)).stream_id
        _suggest(console, f"ota-stream fetch {stream_id}{port} -o copy.bin", "a simulated device downloads it")
    _suggest(
        console, f"ota-stream device --thing device-1{port}{where}", "a device with an OTA agent, waiting for a job"
    )
    if "mqtts" in found:
        _suggest(console, f"ota-stream certs thing device-1{where}", "its certificate; then give it --tls")
    _suggest(console, f"ota-stream update FIRMWARE --target device-1 --wait{where}", "an OTA update for it")
    _suggest(console, f"ota-stream logs{where} --follow", "every request, as CloudWatch would show it")
    _suggest(console, pages(simulator), "open it: pages for people")
    _suggest(console, f"export AWS_ENDPOINT_URL=http://{found['http']}", "then boto3 and the AWS CLI come here")


def _suggest(console: Console, command: str, what: str) -> None:
    console.print(f"  [green]{escape(command)}[/]  [dim]# {what}[/]")
