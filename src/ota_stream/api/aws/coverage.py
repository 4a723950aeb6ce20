"""Which operations of AWS are answered, and by whom: the page docs/aws-coverage.md is written from the table itself."""

from collections.abc import Iterable
from typing import Final

from ota_stream.api.aws import model, operations
from ota_stream.api.aws.backend import implemented

SERVICES: Final = ("iot", "iot-jobs-data", "iot-data", "signer", "logs")
_HEAD: Final = """\
# Operations of the AWS API

This page is written from the operations table and botocore's models by
`python -m ota_stream.api.aws.coverage > docs/aws-coverage.md`; a test holds it against both.

- **ota-stream**: answered by the simulator's own services, the same that MQTT, the command line and HTTP use.
- **moto**: answered by [moto](https://docs.getmoto.org) in the same process, or by `--aws-backend URL`. How complete an
  operation is there, moto's documentation says.
- **nobody**: answered with status 501 and `NotImplementedException`, which SDKs do not try again.

S3, IAM, STS and ACM are wholly moto's. Log groups: what AWS IoT writes is kept by the simulator, what others write by
moto; both are read, filtered, queried and tailed by the simulator.

| service | operations | ota-stream | moto | nobody |
| --- | ---: | ---: | ---: | ---: |
"""


def page() -> str:
    """Return the page, in Markdown."""
    parts = {service: _parts(service) for service in SERVICES}
    rows = [
        f"| {service} | {sum(map(len, part))} | {' | '.join(str(len(each)) for each in part)} |\n"
        for service, part in parts.items()
    ]
    lists = [_section(service, *parts[service]) for service in SERVICES]
    return _HEAD + "".join(rows) + "".join(lists)


def _parts(service: str) -> tuple[list[str], list[str], list[str]]:
    """Return the names of the operations that are ours, moto's and nobody's."""
    names = sorted(model.operation_names(service))
    own = {name for of, name in operations.table() if of == service}
    motos = implemented(service) - own
    return (
        [name for name in names if name in own],
        [name for name in names if name in motos],
        [name for name in names if name not in own | motos],
    )


def _section(service: str, own: list[str], motos: list[str], nobody: list[str]) -> str:
    told = (("ota-stream", own), ("moto", motos), ("nobody", nobody))
    lines = [f"{who.capitalize() if who == 'nobody' else who}: {_listed(names)}\n" for who, names in told if names]
    return f"\n## {service}\n\n" + "\n".join(lines)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) + "."


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - a page for a file
